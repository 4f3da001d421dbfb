import {
  type Access,
  type Acl,
  type Groups,
  indexGroups,
  indexRoles,
  type Member,
  type Memberships,
  type ObjectId,
  type ObjectRef,
  type ObjectType,
  type OrgId,
  type ParentsLookup,
  type PrincipalId,
  type Roles,
} from "../src/index.ts";

/** All facts of one organisation at one moment. What is not in a map is absent. */
export interface OrganizationFacts {
  readonly org: OrgId;
  readonly members: ReadonlyMap<PrincipalId, Member>;
  readonly memberships: ReadonlyMap<PrincipalId, Memberships>;
  readonly groups: Groups;
  readonly roles: Roles;
  readonly access: ReadonlyMap<ObjectText, WholeAccess>;
}

/** With all ACLs, however many. */
export interface WholeAccess extends Access {
  readonly acls: readonly Acl[];
}

declare const text: unique symbol;
/** An object as one string. */
export type ObjectText = string & { readonly [text]: "object" };

export function objectText({ type, id }: ObjectRef): ObjectText {
  return `${type} ${id}` as ObjectText;
}

export function objectOf(text: ObjectText): ObjectRef {
  const [type, ...id] = text.split(" ");
  return { type: type as ObjectType, id: id.join(" ") as ObjectId };
}

/** A lookup in which everything is loaded. The access fact of an object with more ACLs than `inAccess` holds none. */
export function lookupOf(facts: OrganizationFacts, inAccess = Infinity): ParentsLookup {
  const groups = indexGroups(facts.groups);
  const roles = indexRoles(facts.roles);
  const access = new Map<string, Map<string, Access>>();
  for (const [text, fact] of facts.access) {
    const { type, id } = objectOf(text);
    const read = fact.acls.length > inAccess ? { ...fact, acls: null } : fact;
    access.set(type, (access.get(type) ?? new Map<string, Access>()).set(id, read));
  }
  const aclsOn = (object: ObjectRef) => facts.access.get(objectText(object))?.acls ?? [];
  return {
    member: (principal) => facts.members.get(principal) ?? null,
    memberships: (principal) => facts.memberships.get(principal) ?? none,
    groups: () => groups,
    roles: () => roles,
    access: ({ type, id }) => access.get(type)?.get(id) ?? null,
    parents({ type, id }) {
      const fact = access.get(type)?.get(id);
      if (fact === undefined) return null;
      const { acls: _acls, ...parents } = fact;
      return parents;
    },
    aclsNaming: (object, { kind, id }) =>
      aclsOn(object).filter(({ subject }) => subject.kind === kind && subject.id === id),
    acls: aclsOn,
  };
}

const none: Memberships = [];
