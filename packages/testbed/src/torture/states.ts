// What the owners of an organisation hold, as far as a write of torture can change it, and how each write does. Each
// change answers the same state if there is nothing to do.

import type { Acl, AclId, GroupId, Groups, ObjectRef, PrincipalId, RoleId, Roles } from "@portcullis/policy";
import {
  type ObjectText,
  type OrganizationFacts,
  objectText,
  type WholeAccess,
} from "@portcullis/policy/testing";

export interface States {
  /** Who is an active member, of those that anybody asks about. */
  readonly identity: ReadonlySet<PrincipalId>;
  readonly groups: Pick<OrganizationFacts, "memberships"> & { readonly groups: Groups };
  readonly grants: Pick<OrganizationFacts, "access"> & { readonly roles: Roles };
  /** Live credentials, by id, with their holders. */
  readonly tokens: ReadonlyMap<string, PrincipalId>;
}

export type Granted = Omit<Acl, "id" | "expiresAtMs"> & { readonly on: ObjectRef };
type Tuple =
  Roles extends ReadonlyMap<RoleId, infer Node extends { permissions: readonly unknown[] }>
    ? Node["permissions"][number]
    : never;

export function withMember(
  state: States["identity"],
  person: PrincipalId,
  isMember: boolean,
): States["identity"] {
  if (state.has(person) === isMember) return state;
  const now = new Set(state);
  if (isMember) now.add(person);
  else now.delete(person);
  return now;
}

export function withCredential(
  state: States["tokens"],
  id: string,
  holder: PrincipalId | null,
): States["tokens"] {
  if ((state.get(id) ?? null) === holder) return state;
  const now = new Map(state);
  if (holder === null) now.delete(id);
  else now.set(id, holder);
  return now;
}

export function withoutCredentialsOf(state: States["tokens"], left: PrincipalId): States["tokens"] {
  const now = [...state].filter(([, holder]) => holder !== left);
  return now.length === state.size ? state : new Map(now);
}

export function withMembership(
  state: States["groups"],
  person: PrincipalId,
  group: GroupId,
  joins: boolean,
): States["groups"] {
  const direct = state.memberships.get(person) ?? [];
  if (direct.includes(group) === joins) return state;
  const now = joins ? [...direct, group] : direct.filter((other) => other !== group);
  return { ...state, memberships: new Map([...state.memberships, [person, now]]) };
}

export function withoutMembershipsOf(state: States["groups"], left: PrincipalId): States["groups"] {
  const direct = state.memberships.get(left) ?? [];
  if (direct.length === 0) return state;
  return { ...state, memberships: new Map([...state.memberships, [left, []]]) };
}

export function withNesting(
  state: States["groups"],
  outer: GroupId,
  inner: GroupId,
  nests: boolean,
): States["groups"] {
  const node = state.groups.get(outer);
  if (node === undefined || node.memberGroups.includes(inner) === nests) return state;
  const memberGroups = nests
    ? [...node.memberGroups, inner]
    : node.memberGroups.filter((other) => other !== inner);
  return { ...state, groups: new Map([...state.groups, [outer, { ...node, memberGroups }]]) };
}

export function withAcl(state: States["grants"], { on, ...says }: Granted, adds: boolean): States["grants"] {
  const access = state.access.get(objectText(on));
  if (access === undefined) return state;
  const text = JSON.stringify(says);
  const others = access.acls.filter(({ subject, grant }) => JSON.stringify({ subject, grant }) !== text);
  if (others.length < access.acls.length === adds) return state;
  const acls = adds ? [...others, { ...says, id: text as AclId, expiresAtMs: null }] : others;
  return { ...state, access: new Map([...state.access, [objectText(on), { ...access, acls }]]) };
}

export function withoutAclsOf(state: States["grants"], left: PrincipalId): States["grants"] {
  const isTheirs = ({ subject }: Acl) => subject.kind === "principal" && subject.id === left;
  let hasChanged = false;
  const access = new Map<ObjectText, WholeAccess>();
  for (const [text, here] of state.access) {
    const acls = here.acls.filter((acl) => !isTheirs(acl));
    hasChanged ||= acls.length < here.acls.length;
    access.set(text, { ...here, acls });
  }
  return hasChanged ? { ...state, access } : state;
}

export function withTuple(
  state: States["grants"],
  role: RoleId,
  tuple: Tuple,
  adds: boolean,
): States["grants"] {
  const node = state.roles.get(role);
  if (node === undefined) return state;
  const others = node.permissions.filter(
    (other) => other.permission !== tuple.permission || other.restrictObjectType !== tuple.restrictObjectType,
  );
  if (others.length < node.permissions.length === adds) return state;
  const permissions = adds ? [...others, tuple] : others;
  return { ...state, roles: new Map([...state.roles, [role, { ...node, permissions }]]) };
}

export function withoutObject(state: States["grants"], { type, id }: ObjectRef): States["grants"] {
  const isGone = ([text, { parent }]: readonly [ObjectText, WholeAccess]) =>
    text === objectText({ type, id }) || (parent?.type === type && parent.id === id);
  const left = [...state.access].filter((each) => !isGone(each));
  return left.length === state.access.size ? state : { ...state, access: new Map(left) };
}

/** What is left of people who are no members, in words. */
export function leftovers(
  people: readonly PrincipalId[],
  { identity, groups, grants, tokens }: States,
): readonly string[] {
  return people
    .filter((person) => !identity.has(person))
    .flatMap((person) =>
      [
        ...(withoutMembershipsOf(groups, person) === groups ? [] : ["memberships"]),
        ...(withoutAclsOf(grants, person) === grants ? [] : ["ACLs"]),
        ...(withoutCredentialsOf(tokens, person) === tokens ? [] : ["credentials"]),
      ].map((what) => `${person} was removed, and still has ${what}`),
    );
}
