// The rule of docs/policy.md once more, sentence by sentence, as slow and plain as possible: derive every (principal,
// permission, object) that the facts allow, then look one up. It shares the words and the facts with `decide`, and
// nothing else.

import {
  isObjectType,
  isPermission,
  type ObjectRef,
  objectTypeRow,
  type RolePermission,
  systemRoles,
} from "../src/catalog.ts";
import type { Acl, GroupNode, RoleNode } from "../src/facts.ts";
import type { GroupId, ObjectId, OrgId, PrincipalId, RoleId } from "../src/ids.ts";
import type { Target } from "../src/tree.ts";
import {
  type ObjectText,
  type OrganizationFacts,
  objectText,
  type WholeAccess,
} from "./organization-facts.ts";

/** A thing, or the place of one. */
export type OneTarget = Exclude<Target, { kind: "reach" }>;

export type Verdict = (principal: PrincipalId, permission: string, target: OneTarget) => boolean;

/** What the rule says about these targets. */
export function judge(
  facts: OrganizationFacts,
  { targets, nowMs }: { readonly targets: readonly OneTarget[]; readonly nowMs: number },
): Verdict {
  const { enlarged, standingFor } = withWhatWouldStand(facts, targets);
  const allowed = deriveAll(enlarged, nowMs);
  return (principal, permission, target) => {
    const object = standingFor.get(target);
    return object !== undefined && allowed.has(triple(principal, permission, object));
  };
}

/** What each of these targets is (or would be), and all that stands above it. */
export function atAndAbove(
  facts: OrganizationFacts,
  targets: readonly OneTarget[],
): (target: OneTarget) => ReadonlySet<ObjectText> {
  const { enlarged, standingFor } = withWhatWouldStand(facts, targets);
  const ancestors = ancestorsOf(objectsThere(enlarged), enlarged);
  return (target) => {
    const object = standingFor.get(target);
    if (object === undefined) return new Set();
    return new Set([objectText(object), ...(ancestors.get(objectText(object)) ?? [])]);
  };
}

/** Whether one ACL grants the permission on all of a type (null: of every type) at and below the object, all the time. */
export function holdsThroughout(
  facts: OrganizationFacts,
  wanted: {
    readonly principal: PrincipalId;
    readonly permission: string;
    readonly object: ObjectRef;
    readonly type: string | null;
    readonly fromMs: number;
    readonly untilMs: number | null;
  },
): boolean {
  const there = objectsThere(facts);
  const above = [
    objectText(wanted.object),
    ...(ancestorsOf(there, facts).get(objectText(wanted.object)) ?? []),
  ];
  if (!there.has(objectText(wanted.object)) || !facts.members.has(wanted.principal)) return false;
  const closureOfGroup = groupClosures(facts);
  const closureOfRole = roleClosures(facts);
  return above
    .flatMap((place) => there.get(place) ?? [])
    .flatMap((object) => aclsOn(object, facts))
    .some(
      (acl) =>
        (acl.expiresAtMs === null ||
          (wanted.fromMs < acl.expiresAtMs && wanted.untilMs !== null && wanted.untilMs < acl.expiresAtMs)) &&
        namesPrincipal(acl, wanted.principal, closureOfGroup) &&
        grantedBy(acl, closureOfRole).some(
          ({ permission, restrictObjectType }) =>
            permission === wanted.permission &&
            (restrictObjectType === null || restrictObjectType === wanted.type),
        ),
    );
}

/** "Type T under parent Q is allowed as if the object stood there already": so let it stand there. */
function withWhatWouldStand(facts: OrganizationFacts, targets: readonly OneTarget[]) {
  const groups = new Map<GroupId, GroupNode>(facts.groups);
  const roles = new Map<RoleId, RoleNode>(facts.roles);
  const access = new Map<ObjectText, WholeAccess>(facts.access);
  const standingFor = new Map<OneTarget, ObjectRef>();
  const there = objectsThere(facts);
  for (const [number, target] of targets.entries()) {
    if (target.kind === "object") {
      standingFor.set(target, target.object);
      continue;
    }
    const parent = parentNamedBy(target);
    if (parent === null || !there.has(objectText(parent))) continue;
    if (objectTypeRow(target.type).idOf !== "itself") {
      standingFor.set(target, { type: target.type, id: parent.id });
      continue;
    }
    const object: ObjectRef = { type: target.type, id: `would stand there ${number}` as ObjectId };
    standingFor.set(target, object);
    access.set(objectText(object), { parent, alsoUnder: [], acls: [] });
    const id: string = object.id;
    if (object.type === "group") groups.set(id as GroupId, { memberGroups: [], builtIn: null });
    if (object.type === "role") roles.set(id as RoleId, { permissions: [], memberRoles: [] });
  }
  return { enlarged: { ...facts, groups, roles, access }, standingFor };
}

/** The parent of the type that the tree demands; the organisation may stand for its face. */
function parentNamedBy({ type, parent }: Extract<OneTarget, { kind: "place" }>): ObjectRef | null {
  if (!isObjectType(type)) return null;
  const demanded = objectTypeRow(type).parent;
  if (demanded === null) return null;
  if (parent.type === demanded) return parent;
  if (parent.type === "organization" && objectTypeRow(demanded).idOf === "organization") {
    return { type: demanded, id: parent.id };
  }
  return null;
}

type Triple = string;

function triple(principal: PrincipalId, permission: string, object: ObjectRef): Triple {
  return `${principal} ${permission} ${objectText(object)}`;
}

function deriveAll(facts: OrganizationFacts, nowMs: number): ReadonlySet<Triple> {
  const there = objectsThere(facts);
  const ancestors = ancestorsOf(there, facts);
  const closureOfGroup = groupClosures(facts);
  const closureOfRole = roleClosures(facts);

  const triples = new Set<Triple>();
  for (const [text, object] of there) {
    // A public object may be read by every active member.
    if (objectTypeRow(object.type).mayBePublic === true && facts.access.get(text)?.publicRead === true) {
      for (const member of facts.members.keys()) triples.add(triple(member, "read", object));
    }
    // Some unexpired ACL sits on O or on one of its ancestors ...
    for (const place of [text, ...(ancestors.get(text) ?? [])]) {
      const sittingOn = there.get(place);
      for (const acl of sittingOn === undefined ? [] : aclsOn(sittingOn, facts)) {
        if (acl.expiresAtMs !== null && nowMs >= acl.expiresAtMs) continue;
        for (const member of facts.members.keys()) {
          // ... that names U, or a group whose member closure holds U ...
          if (!namesPrincipal(acl, member, closureOfGroup)) continue;
          for (const { permission, restrictObjectType } of grantedBy(acl, closureOfRole)) {
            // ... grants P, and is restricted to nothing else than T.
            if (!isPermission(permission)) continue;
            if (restrictObjectType !== null && restrictObjectType !== object.type) continue;
            triples.add(triple(member, permission, object));
          }
        }
      }
    }
  }
  return triples;
}

/** All objects that are there: themselves, and all above them. */
function objectsThere(facts: OrganizationFacts): ReadonlyMap<ObjectText, ObjectRef> {
  const there = new Map<ObjectText, ObjectRef>();
  const candidates = allNamed(facts);
  repeatedly((grew) => {
    for (const object of candidates) {
      if (there.has(objectText(object)) || !isThereItself(object, facts)) continue;
      const parent = parentOf(object, facts);
      if (parent !== null && !there.has(objectText(parent))) continue;
      there.set(objectText(object), object);
      grew();
    }
  });
  return there;
}

function allNamed(facts: OrganizationFacts): readonly ObjectRef[] {
  const id = (text: string): ObjectId => text as ObjectId;
  return [
    { type: "organization", id: id(facts.org) },
    { type: "org_member", id: id(facts.org) },
    { type: "org_project", id: id(facts.org) },
    { type: "org_audit_logs", id: id(facts.org) },
    ...[...facts.groups.keys()].map((group): ObjectRef => ({ type: "group", id: id(group) })),
    ...[...facts.roles.keys()].map((role): ObjectRef => ({ type: "role", id: id(role) })),
    ...[...facts.access.keys()].flatMap((text): ObjectRef[] => {
      const [type = "", ...rest] = text.split(" ");
      return isObjectType(type) ? [{ type, id: id(rest.join(" ")) }] : [];
    }),
  ];
}

function isThereItself(object: ObjectRef, { org, groups, roles, access }: OrganizationFacts): boolean {
  const id: string = object.id;
  const fact = access.get(objectText(object));
  switch (object.type) {
    case "organization":
      return id === org && fact !== undefined && fact.parent === null;
    case "org_member":
    case "org_project":
    case "org_audit_logs":
      return id === org;
    case "group":
      return groups.has(id as GroupId);
    case "role":
      return roles.has(id as RoleId) && !isSystemRole(id as RoleId);
    case "project_log":
      return fact?.parent?.type === "project" && fact.parent.id === object.id;
    default:
      return (
        fact !== undefined && fact.parent !== null && fact.parent.type === objectTypeRow(object.type).parent
      );
  }
}

function parentOf(object: ObjectRef, { org, access }: OrganizationFacts): ObjectRef | null {
  switch (object.type) {
    case "organization":
      return null;
    case "org_member":
    case "org_project":
    case "org_audit_logs":
    case "group":
    case "role":
      return organization(org);
    default:
      return access.get(objectText(object))?.parent ?? null;
  }
}

function organization(org: OrgId): ObjectRef {
  return { type: "organization", id: org as string as ObjectId };
}

function aclsOn(object: ObjectRef, facts: OrganizationFacts): readonly Acl[] {
  const fact = facts.access.get(objectText(object));
  if (fact === undefined) return [];
  const allowed = parentOf(object, facts);
  const named = fact.parent;
  const isAsTheTreeDemands =
    allowed === null || named === null ? allowed === named : objectText(allowed) === objectText(named);
  return isAsTheTreeDemands ? fact.acls : [];
}

/** The parent, its parent, and so on; of a project, and so of what is below it, also the project groups that list it. */
function ancestorsOf(
  there: ReadonlyMap<ObjectText, ObjectRef>,
  facts: OrganizationFacts,
): ReadonlyMap<ObjectText, ReadonlySet<ObjectText>> {
  const ancestors = new Map<ObjectText, Set<ObjectText>>();
  for (const [text, object] of there) {
    const above = new Set<ObjectText>();
    const parent = parentOf(object, facts);
    if (parent !== null) above.add(objectText(parent));
    for (const other of object.type === "project" ? (facts.access.get(text)?.alsoUnder ?? []) : []) {
      if (other.type === "project_group" && there.has(objectText(other))) above.add(objectText(other));
    }
    ancestors.set(text, above);
  }
  repeatedly((grew) => {
    for (const above of ancestors.values()) {
      for (const one of above) {
        for (const further of ancestors.get(one) ?? []) addTo(above, further, grew);
      }
    }
  });
  return ancestors;
}

function namesPrincipal(
  { subject }: Acl,
  principal: PrincipalId,
  closures: ReadonlyMap<GroupId, ReadonlySet<PrincipalId>>,
): boolean {
  switch (subject.kind) {
    case "principal":
      return subject.id === principal;
    case "group":
      return closures.get(subject.id)?.has(principal) ?? false;
    default:
      return false;
  }
}

/** The principals of each live group and of every live group in its member groups. */
function groupClosures(facts: OrganizationFacts): ReadonlyMap<GroupId, ReadonlySet<PrincipalId>> {
  const closures = new Map<GroupId, Set<PrincipalId>>();
  for (const group of facts.groups.keys()) closures.set(group, new Set());
  for (const [principal, groups] of facts.memberships) {
    for (const group of groups) closures.get(group)?.add(principal);
  }
  repeatedly((grew) => {
    for (const [group, { memberGroups }] of facts.groups) {
      const closure = closures.get(group);
      for (const member of memberGroups) {
        for (const principal of closures.get(member) ?? []) {
          if (closure !== undefined) addTo(closure, principal, grew);
        }
      }
    }
  });
  return closures;
}

type Pair = Pick<RolePermission, "permission" | "restrictObjectType">;

function grantedBy({ grant }: Acl, closures: ReadonlyMap<RoleId, readonly Pair[]>): readonly Pair[] {
  switch (grant.kind) {
    case "permission":
      return [grant];
    case "role":
      return closures.get(grant.id) ?? [];
    default:
      return [];
  }
}

/** The pairs of each live role and of every live role in its member roles. */
function roleClosures(facts: OrganizationFacts): ReadonlyMap<RoleId, readonly Pair[]> {
  const closures = new Map<RoleId, Map<string, Pair>>();
  for (const [role, { permissions }] of facts.roles) {
    closures.set(role, new Map(permissions.map((pair) => [pairText(pair), pair])));
  }
  for (const { id, permissions } of Object.values(systemRoles)) {
    const pairs = permissions.map((permission): Pair => ({ permission, restrictObjectType: null }));
    closures.set(id, new Map(pairs.map((pair) => [pairText(pair), pair])));
  }
  repeatedly((grew) => {
    for (const [role, { memberRoles }] of facts.roles) {
      const closure = closures.get(role);
      if (closure === undefined || isSystemRole(role)) continue;
      for (const member of memberRoles) {
        for (const [text, pair] of closures.get(member) ?? []) {
          if (closure.has(text)) continue;
          closure.set(text, pair);
          grew();
        }
      }
    }
  });
  return new Map([...closures].map(([role, pairs]) => [role, [...pairs.values()]]));
}

function pairText({ permission, restrictObjectType }: Pair): string {
  return `${permission} ${restrictObjectType ?? ""}`;
}

function isSystemRole(role: RoleId): boolean {
  return Object.values(systemRoles).some(({ id }) => id === role);
}

/** Applies a step until it finds nothing new. */
function repeatedly(step: (grew: () => void) => void): void {
  let growing = true;
  while (growing) {
    growing = false;
    step(() => {
      growing = true;
    });
  }
}

function addTo<Item>(set: Set<Item>, item: Item, grew: () => void): void {
  if (set.has(item)) return;
  set.add(item);
  grew();
}
