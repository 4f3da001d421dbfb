// A small organisation for tests to fill, with plain names for ids.

import {
  type Access,
  type Acl,
  type AclId,
  type GroupId,
  type GroupNode,
  type Member,
  type ObjectId,
  type ObjectRef,
  type ObjectType,
  type OrgId,
  organizationFace,
  type Permission,
  type PrincipalId,
  type RoleId,
  type RoleNode,
  systemRoles,
} from "../src/index.ts";
import { type OrganizationFacts, objectText } from "./organization-facts.ts";

export const org = "acme" as OrgId;
export const ada = "ada" as PrincipalId;
export const root = organizationFace("organization", org);
export const orgProject = organizationFace("org_project", org);

export type Placed = readonly [ObjectRef, ObjectRef | null, (readonly Acl[])?, (readonly ObjectRef[])?];

interface Parts {
  readonly members?: readonly string[];
  readonly groups?: Readonly<Record<string, readonly string[]>>;
  readonly memberships?: Readonly<Record<string, readonly string[]>>;
  readonly roles?: Readonly<
    Record<string, { permissions?: RoleNode["permissions"]; memberRoles?: string[] }>
  >;
  readonly on?: readonly Placed[];
  readonly without?: readonly ObjectRef[];
}

/** The organisation acme, with Ada in it, and what is given. */
export function organization({
  members = [ada],
  groups = {},
  memberships = {},
  roles = {},
  on = [],
  without = [],
}: Parts): OrganizationFacts {
  const placed: readonly Placed[] = without.includes(root) ? on : [[root, null], ...on];
  return {
    org,
    members: mapOf<PrincipalId, Member>(members.map((name) => [name, { kind: "user" }])),
    memberships: mapOf<PrincipalId, readonly GroupId[]>(
      Object.entries(memberships).map(([name, of]) => [name, of as readonly GroupId[]]),
    ),
    groups: mapOf<GroupId, GroupNode>(
      Object.entries(groups).map(([name, nested]) => [
        name,
        { memberGroups: nested as readonly GroupId[], builtIn: null },
      ]),
    ),
    roles: mapOf<RoleId, RoleNode>(
      Object.entries(roles).map(([name, { permissions: own = [], memberRoles = [] }]) => [
        name,
        { permissions: own, memberRoles: memberRoles as readonly string[] as readonly RoleId[] },
      ]),
    ),
    access: new Map(
      placed.map(([object, parent, acls = [], alsoUnder = []]) => [
        objectText(object),
        { parent, alsoUnder, acls } satisfies Access,
      ]),
    ),
  };
}

function mapOf<Id extends string, Value>(
  entries: readonly (readonly [string, Value])[],
): ReadonlyMap<Id, Value> {
  return new Map(entries.map(([name, value]) => [name as Id, value]));
}

export function ref(type: ObjectType, id: string): ObjectRef {
  return { type, id: id as ObjectId };
}

interface Grant {
  readonly to?: string;
  readonly toGroup?: string;
  readonly permission?: Permission;
  readonly role?: string;
  readonly only?: ObjectType;
}

export function acl({ to, toGroup, permission = "read", role, only }: Grant): Acl {
  return {
    id: `acl of ${to ?? toGroup}` as AclId,
    subject:
      toGroup === undefined
        ? { kind: "principal", id: to as PrincipalId }
        : { kind: "group", id: toGroup as GroupId },
    grant:
      role === undefined
        ? { kind: "permission", permission, restrictObjectType: only ?? null }
        : { kind: "role", id: role as RoleId },
    expiresAtMs: null,
  };
}

export function everything(): Acl {
  return acl({ to: ada, role: systemRoles.owner.id });
}
