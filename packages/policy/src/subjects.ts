// Who is given a permission on an object, as far as the object's side tells: whom ACLs name, whoever that holds. For lists
// of principals, each of whom is then decided about by itself.

import { isInForce, lets } from "./acl-match.ts";
import type { ObjectRef, Permission } from "./catalog.ts";
import { isNeeds, type Needs } from "./decide.ts";
import type { GroupId, OrgId, PrincipalId } from "./ids.ts";
import type { FactLookup } from "./lookup.ts";
import { placedAcls } from "./placed-acls.ts";

/** Nobody else has the permission; that each of these has it takes more. */
export interface Subjects {
  readonly kind: "subjects";
  /** Every active member. */
  readonly everybody: boolean;
  readonly principals: ReadonlySet<PrincipalId>;
  /** With all whom their closures hold. */
  readonly groups: ReadonlySet<GroupId>;
  /** This object has so many ACLs that nobody is told; null: that is not so. */
  readonly tooManyOn: ObjectRef | null;
}

/** Whom unexpired ACLs at or above an object give a permission on it, or which facts it takes to say. */
export function subjectsOf(
  {
    org,
    permission,
    object,
    nowMs,
  }: {
    readonly org: OrgId;
    readonly permission: Permission;
    readonly object: ObjectRef;
    readonly nowMs: number;
  },
  lookup: FactLookup,
): Subjects | Needs {
  const placed = placedAcls(org, object, lookup);
  if (isNeeds(placed)) return placed;
  const roles = lookup.roles();
  if (roles === undefined) throw new Error("a fact is missing that was not");
  const asked = { permission, type: object.type, roles, nowMs };
  const principals = new Set<PrincipalId>();
  const groups = new Set<GroupId>();
  for (const { acl } of placed.grants) {
    if (!isInForce(acl, asked) || !lets(acl, asked)) continue;
    if (acl.subject.kind === "principal") principals.add(acl.subject.id);
    else groups.add(acl.subject.id);
  }
  const everybody = permission === "read" && placed.isPublic;
  return { kind: "subjects", everybody, principals, groups, tooManyOn: placed.tooManyOn };
}
