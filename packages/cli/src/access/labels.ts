// Atoms in words, for people and for scripts.

import { clean } from "../clean.ts";
import type { ObjectRef } from "../lookup.ts";
import { objectText, type Paths, personText } from "../names.ts";
import type { Paint, Style } from "../paint.ts";
import type { AclAtom, Atom } from "./atom.ts";
import type { Difference } from "./difference.ts";
import type { Organization } from "./organization.ts";

export interface Labels {
  principal(id: string): string;
  object(object: ObjectRef): string;
}

export function labelsOf({ members }: Pick<Organization, "members">, paths: Paths): Labels {
  return {
    principal(id) {
      const member = members.get(id);
      return clean(member === undefined ? id : personText(member));
    },
    object: (object) => clean(objectText(object, paths)),
  };
}

export function aclText({ on, holder, grant, expiresAt }: AclAtom, labels: Labels): string {
  const where =
    on.type === "group" || on.type === "role"
      ? `${on.type}:${clean(on.key)}`
      : labels.object({ type: on.type, id: on.key });
  const who = holder.kind === "group" ? `group ${clean(holder.key)}` : labels.principal(holder.key);
  const what = "role" in grant ? `role ${clean(grant.role)}` : grant.permission;
  const only = "role" in grant || grant.only === null ? "" : ` for ${grant.only} only`;
  const until = expiresAt === null ? "" : ` until ${expiresAt}`;
  return `${where}  ${who}: ${what}${only}${until}`;
}

const marks = {
  "+": "green",
  "-": "red",
  "~": "yellow",
} as const satisfies Record<string, Style>;
type Mark = keyof typeof marks;

/** What is added (+), removed (-) and changed (~), thing by thing. */
export function differenceText(difference: Difference, labels: Labels, paint: Paint): string {
  const things = new Map<string, { mark: Mark; readonly inside: [Mark, string][] }>();
  const acls: [Mark, string][] = [];
  const thingOf = (name: string) => {
    const standing = things.get(name);
    if (standing !== undefined) return standing;
    const made: { mark: Mark; readonly inside: [Mark, string][] } = { mark: "~", inside: [] };
    things.set(name, made);
    return made;
  };
  const take = (mark: "+" | "-", atom: Atom) => {
    switch (atom.kind) {
      case "group":
        thingOf(`group ${atom.group}`).mark = mark;
        break;
      case "role":
        thingOf(`role ${atom.role}`).mark = mark;
        break;
      case "member":
        thingOf(`group ${atom.group}`).inside.push([mark, `member ${labels.principal(atom.principal)}`]);
        break;
      case "nested":
        thingOf(`group ${atom.group}`).inside.push([mark, `group ${clean(atom.memberGroup)}`]);
        break;
      case "permission": {
        const only = atom.only === null ? "" : ` for ${atom.only} only`;
        thingOf(`role ${atom.role}`).inside.push([mark, `${atom.permission}${only}`]);
        break;
      }
      case "subrole":
        thingOf(`role ${atom.role}`).inside.push([mark, `role ${clean(atom.memberRole)}`]);
        break;
      case "acl":
        acls.push([mark, aclText(atom, labels)]);
        break;
    }
  };
  for (const atom of difference.removed) take("-", atom);
  for (const atom of difference.added) take("+", atom);
  for (const { from, to } of difference.changed) {
    if (from.kind === "acl" && to.kind === "acl") {
      acls.push([
        "~",
        `${aclText({ ...from, expiresAt: null }, labels)}: ${expiryText(from)} → ${expiryText(to)}`,
      ]);
    } else if (to.kind === "group") thingOf(`group ${to.group}`).inside.push(["~", "description"]);
    else if (to.kind === "role") thingOf(`role ${to.role}`).inside.push(["~", "description"]);
  }
  const marked = (mark: Mark, text: string) => `${paint(marks[mark], mark)} ${text}`;
  return [
    ...[...things]
      .toSorted(([one], [other]) => (one < other ? -1 : 1))
      .flatMap(([name, { mark, inside }]) => [
        marked(mark, clean(name)),
        ...inside.map(([each, text]) => `    ${marked(each, text)}`),
      ]),
    ...acls.map(([mark, text]) => marked(mark, text)),
  ].join("\n");
}

function expiryText({ expiresAt }: AclAtom): string {
  return expiresAt ?? "for good";
}

/** An atom under --json. */
export function shownAtom(atom: Atom): Readonly<Record<string, unknown>> {
  switch (atom.kind) {
    case "group":
      return { kind: atom.kind, group: atom.group, description: atom.description };
    case "member":
      return { kind: atom.kind, group: atom.group, principal_id: atom.principal };
    case "nested":
      return { kind: atom.kind, group: atom.group, member_group: atom.memberGroup };
    case "role":
      return { kind: atom.kind, role: atom.role, description: atom.description };
    case "permission":
      return { kind: atom.kind, role: atom.role, permission: atom.permission, only: atom.only };
    case "subrole":
      return { kind: atom.kind, role: atom.role, member_role: atom.memberRole };
    case "acl": {
      const { on, holder, grant, expiresAt } = atom;
      const isNamed = on.type === "group" || on.type === "role";
      return {
        kind: atom.kind,
        on: isNamed ? { type: on.type, name: on.key } : { type: on.type, id: on.key },
        ...(holder.kind === "group" ? { group: holder.key } : { principal_id: holder.key }),
        ...grant,
        expires_at: expiresAt,
      };
    }
  }
}

export function shownDifference({ removed, added, changed }: Difference) {
  return {
    removed: removed.map(shownAtom),
    added: added.map(shownAtom),
    changed: changed.map(({ from, to }) => ({ from: shownAtom(from), to: shownAtom(to) })),
  };
}
