import { IconBox, IconUser, IconUsersGroup } from "@tabler/icons-react";
import type { PathLink } from "./links-of-path.ts";
import classes from "./path-picture.module.css";

const icons = { principal: IconUser, group: IconUsersGroup, object: IconBox } as const;

/** A way drawn from left to right; on narrow screens from top to bottom. To screen readers it is a list. */
export function PathPicture({ links }: { readonly links: readonly PathLink[] }) {
  return (
    <ol className={classes["path"]}>
      {links.map(({ by, node, kind, broken = false }, index) => {
        const Icon = icons[kind];
        return (
          <li key={index} className={classes["link"]} data-broken={broken || undefined}>
            {by !== "" && <span className={classes["by"]}>{by}</span>}
            <span className={classes["node"]}>
              <Icon size={16} stroke={1.5} aria-hidden />
              {node}
            </span>
          </li>
        );
      })}
    </ol>
  );
}
