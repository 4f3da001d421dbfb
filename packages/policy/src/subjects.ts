// Who is given a permission on an object, as far as the object's side tells: whom ACLs name, whoever that holds. For lists
// of principals, each of whom is then decided about by itself.

import { isInForce, lets } from "./acl-match.ts";
import type { ObjectRef, Permission } from "./catalog.ts";
import type { Needs } from "./decide.ts";
import type { GroupId, OrgId, PrincipalId } from "./ids.ts";
import type { FactLookup } from "./lookup.ts";
import { listing, manyAclsAbove, missingAbove } from "./missing-facts.ts";
import { everyMemberMayRead, standingAccess } from "./tree.ts";

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
  const many = [...manyAclsAbove(org, object, lookup)];
  const missing = [
    ...missingAbove(org, object, lookup),
    ...many
      .filter((each) => lookup.acls(each) === undefined)
      .map((each) => ({ kind: "acls", org, object: each }) as const),
  ];
  const roles = lookup.roles();
  if (missing.length > 0 || roles === undefined) return { kind: "needs", keys: missing };
  const asked = { permission, type: object.type, roles, nowMs };
  const principals = new Set<PrincipalId>();
  const groups = new Set<GroupId>();
  let everybody = false;
  const [tooManyOn] = many.filter((each) => lookup.acls(each) === null);
  if (tooManyOn !== undefined) return { ...nobody, tooManyOn };
  let above: ObjectRef | null = object;
  while (above !== null) {
    const here: ObjectRef = above;
    const access = standingAccess(here, org, lookup);
    if (access === undefined) throw new Error("a fact is missing that was not");
    if (access === null) return nobody;
    if (here === object && permission === "read") everybody = everyMemberMayRead(here, access);
    const aclsOn = (on: ObjectRef) => {
      const place = standingAccess(on, org, lookup);
      return place?.acls === null ? (lookup.acls(on) ?? []) : (place?.acls ?? []);
    };
    for (const acl of [here, ...listing(here, access.alsoUnder)].flatMap(aclsOn)) {
      if (!isInForce(acl, asked) || !lets(acl, asked)) continue;
      if (acl.subject.kind === "principal") principals.add(acl.subject.id);
      else groups.add(acl.subject.id);
    }
    above = access.parent;
  }
  return { kind: "subjects", everybody, principals, groups, tooManyOn: null };
}

const nobody: Subjects = {
  kind: "subjects",
  everybody: false,
  principals: new Set(),
  groups: new Set(),
  tooManyOn: null,
};
