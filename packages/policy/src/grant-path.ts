// The whole way of a grant, for people: from the principal over nested groups to the ACL, from its role over member roles
// to the permission, and from the target up to the object that the ACL sits on. Found again when somebody asks, so that
// deciding does not pay for it.

import type { ObjectRef } from "./catalog.ts";
import { shortestPath, waysFrom } from "./closure.ts";
import type { Grant, Question } from "./decide.ts";
import type { Acl } from "./facts.ts";
import type { GroupId, RoleId } from "./ids.ts";
import type { FactLookup } from "./lookup.ts";
import { mayListUnder, standingAccess, startOf, typeOf } from "./tree.ts";

export interface GrantPath {
  readonly acl: Acl;
  /** From a group that the principal is in to the one that the ACL names; empty if it names the principal. */
  readonly groups: readonly GroupId[];
  /** From the role that the ACL grants to the one that holds the permission; empty if it grants the permission. */
  readonly roles: readonly RoleId[];
  /** From the target, or from the parent of a place, up to the object that the ACL sits on. */
  readonly objects: readonly ObjectRef[];
}

/** Null: the facts are no longer those by which the grant was found. */
export function grantPath(question: Question, grant: Grant, lookup: FactLookup): GrantPath | null {
  const groups = groupsTo(grant.acl, question, lookup);
  const roles = rolesFrom(grant.acl, question, lookup);
  const objects = objectsUpTo(grant.on, question, lookup);
  if (groups === null || roles === null || objects === null) return null;
  return { acl: grant.acl, groups, roles, objects };
}

/** For each grant, one path for each group that names the principal itself and leads to the ACL; each a shortest. */
export function* grantPaths(
  question: Question,
  grants: Iterable<Grant>,
  lookup: FactLookup,
): Generator<GrantPath> {
  const around = lookup.groups();
  const direct = new Set(lookup.memberships(question.principal)?.filter((group) => around?.has(group)));
  const ways = new Map<GroupId, (goal: GroupId) => readonly GroupId[] | null>();
  const waysOf = (group: GroupId) => {
    const known = ways.get(group) ?? waysFrom(group, (each) => around?.directlyAround(each) ?? []);
    ways.set(group, known);
    return known;
  };
  for (const { acl, on } of grants) {
    const roles = rolesFrom(acl, question, lookup);
    const objects = objectsUpTo(on, question, lookup);
    if (roles === null || objects === null) continue;
    if (acl.subject.kind === "principal") yield { acl, groups: [], roles, objects };
    else {
      for (const group of direct) {
        const groups = waysOf(group)(acl.subject.id);
        if (groups !== null) yield { acl, groups, roles, objects };
      }
    }
  }
}

function groupsTo({ subject }: Acl, { principal }: Question, lookup: FactLookup): readonly GroupId[] | null {
  if (subject.kind === "principal") return [];
  const groups = lookup.groups();
  const memberships = lookup.memberships(principal);
  if (groups === undefined || memberships === undefined) return null;
  const direct = memberships.filter((group) => groups.has(group));
  return shortestPath(
    direct,
    (group) => groups.directlyAround(group),
    (group) => group === subject.id,
  );
}

function rolesFrom(
  { grant }: Acl,
  { permission, target }: Question,
  lookup: FactLookup,
): readonly RoleId[] | null {
  if (grant.kind === "permission") return [];
  const roles = lookup.roles();
  if (roles === undefined) return null;
  const type = typeOf(target);
  return shortestPath(
    [grant.id],
    (role) => roles.node(role)?.memberRoles ?? [],
    (role) =>
      (roles.node(role)?.permissions ?? []).some(
        (own) =>
          own.permission === permission &&
          (own.restrictObjectType === null || own.restrictObjectType === type),
      ),
  );
}

function objectsUpTo(
  goal: ObjectRef,
  { org, target }: Question,
  lookup: FactLookup,
): readonly ObjectRef[] | null {
  const path: ObjectRef[] = [];
  let object = startOf(target);
  while (object !== null) {
    path.push(object);
    if (isSame(object, goal)) return path;
    const access = standingAccess(object, org, lookup);
    if (access === null || access === undefined) return null;
    if (mayListUnder(object, goal) && access.alsoUnder.some((other) => isSame(other, goal))) {
      return [...path, goal];
    }
    object = access.parent;
  }
  return null;
}

function isSame(one: ObjectRef, other: ObjectRef): boolean {
  return one.type === other.type && one.id === other.id;
}
