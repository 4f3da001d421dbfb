// What the explorer was asked stands in the URL; these read it.

import {
  isObjectType,
  isPermission,
  type ObjectType,
  objectTypeNames,
  type Permission,
} from "@portcullis/policy";
import { useNavigate, useSearch } from "@tanstack/react-router";
import type { ObjectRef } from "../../api/access.ts";

interface Asked {
  readonly principal: string | undefined;
  readonly permission: Permission;
  readonly type: ObjectType;
  /** The project in which the object is looked for. */
  readonly project: string | undefined;
  readonly object: string | undefined;
  readonly cursor: string | undefined;
  readonly sort: string | undefined;
}

/** Types that are faces of the organisation bear its id. */
const faces = new Set<ObjectType>(["organization", "org_member", "org_project", "org_audit_logs"]);
/** Types that can be chosen here. */
export const askedTypes = objectTypeNames.filter(
  (type) => !["ai_secret", "org_ai_secret", "project_group"].includes(type),
);

export function useAsked(): Asked & { ask(change: Partial<Record<keyof Asked, string | undefined>>): void } {
  const search = useSearch({ from: "/signed-in/access/explorer" });
  const navigate = useNavigate({ from: "/access/explorer" });
  const { permission = "read", type = "project" } = search;
  return {
    principal: search.principal,
    permission: isPermission(permission) ? permission : "read",
    type: isObjectType(type) ? type : "project",
    project: search.project,
    object: search.object,
    cursor: search.cursor,
    sort: search.sort,
    ask: (change) =>
      void navigate({
        search: ({ cursor: _c, ...before }) => {
          const after = { ...before, ...change };
          return Object.fromEntries(Object.entries(after).filter(([, value]) => value !== undefined));
        },
      }),
  };
}

/** The object asked about; null while it is not chosen yet. */
export function objectAsked(asked: Pick<Asked, "type" | "object">, orgId: string): ObjectRef | null {
  if (faces.has(asked.type)) return { type: asked.type, id: orgId };
  return asked.object === undefined ? null : { type: asked.type, id: asked.object };
}

export function isFace(type: ObjectType): boolean {
  return faces.has(type);
}
