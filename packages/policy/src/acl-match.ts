// What makes an ACL grant: whom it names, that it is in force, and what it lets do.

import type { ObjectType, Permission } from "./catalog.ts";
import type { Question } from "./decide.ts";
import type { Acl, Subject } from "./facts.ts";
import type { GroupId, PrincipalId } from "./ids.ts";
import type { FactLookup } from "./lookup.ts";
import type { RoleIndex } from "./role-index.ts";
import { typeOf } from "./tree.ts";

/** The question as it is put to each ACL. */
export interface Asked {
  readonly principal: PrincipalId;
  readonly groups: ReadonlySet<GroupId>;
  readonly permission: Permission;
  /** Null: of every type at once. */
  readonly type: ObjectType | null;
  readonly roles: RoleIndex;
  readonly nowMs: number;
}

export function ask(
  { principal, permission, target, nowMs }: Question,
  lookup: FactLookup,
): Asked | undefined {
  const memberships = lookup.memberships(principal);
  const groups = lookup.groups();
  const roles = lookup.roles();
  if (memberships === undefined || groups === undefined || roles === undefined) return undefined;
  const held = groups.holding(memberships);
  return { principal, groups: held, permission, type: typeOf(target), roles, nowMs };
}

/** Whom an ACL has to name so that it concerns the principal. */
export function* subjectsConcerned({
  principal,
  groups,
}: Pick<Asked, "principal" | "groups">): Generator<Subject, void> {
  yield { kind: "principal", id: principal };
  for (const id of groups) yield { kind: "group", id };
}

// Each of these compares for what it knows, so that a word that it does not know grants nothing.

export function names({ subject }: Acl, { principal, groups }: Asked): boolean {
  return (
    (subject.kind === "principal" && subject.id === principal) ||
    (subject.kind === "group" && groups.has(subject.id))
  );
}

export function isInForce({ expiresAtMs }: Acl, { nowMs }: Pick<Asked, "nowMs">): boolean {
  return expiresAtMs === null || nowMs < expiresAtMs;
}

export function lets(
  { grant }: Acl,
  { permission, type, roles }: Pick<Asked, "permission" | "type" | "roles">,
): boolean {
  if (grant.kind === "role") return roles.grants(grant.id, permission, type);
  return (
    grant.kind === "permission" &&
    grant.permission === permission &&
    (grant.restrictObjectType === null || grant.restrictObjectType === type)
  );
}
