// Who is given a permission on an object, as far as the object's side tells: whom ACLs name, whoever that holds. For lists
// of principals, each of whom is then decided about by itself.

import { isInForce, lets } from "./acl-match.ts";
import type { ObjectRef, Permission } from "./catalog.ts";
import type { Needs } from "./decide.ts";
import type { GroupId, OrgId, PrincipalId } from "./ids.ts";
import type { FactLookup } from "./lookup.ts";
import { listing, missingAbove } from "./missing-facts.ts";
import { everyMemberMayRead, standingAccess } from "./tree.ts";

/** Nobody else has the permission; that each of these has it takes more. */
export interface Subjects {
  readonly kind: "subjects";
  /** Every active member. */
  readonly everybody: boolean;
  readonly principals: ReadonlySet<PrincipalId>;
  /** With all whom their closures hold. */
  readonly groups: ReadonlySet<GroupId>;
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
  const missing = missingAbove(org, object, lookup);
  const roles = lookup.roles();
  if (missing.length > 0 || roles === undefined) return { kind: "needs", keys: missing };
  const asked = { permission, type: object.type, roles, nowMs };
  const principals = new Set<PrincipalId>();
  const groups = new Set<GroupId>();
  let everybody = false;
  let above: ObjectRef | null = object;
  while (above !== null) {
    const here: ObjectRef = above;
    const access = standingAccess(here, org, lookup);
    if (access === undefined) throw new Error("a fact is missing that was not");
    if (access === null) return nobody;
    if (here === object && permission === "read") everybody = everyMemberMayRead(here, access);
    const places = [
      access,
      ...Array.from(listing(here, access.alsoUnder), (other) => standingAccess(other, org, lookup)),
    ];
    for (const acl of places.flatMap((place) => place?.acls ?? [])) {
      if (!isInForce(acl, asked) || !lets(acl, asked)) continue;
      if (acl.subject.kind === "principal") principals.add(acl.subject.id);
      else groups.add(acl.subject.id);
    }
    above = access.parent;
  }
  return { kind: "subjects", everybody, principals, groups };
}

const nobody: Subjects = { kind: "subjects", everybody: false, principals: new Set(), groups: new Set() };
