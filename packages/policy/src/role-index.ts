// The roles of an organisation and of the system, prepared once per fact, so that a decision does no closure work.

import { type ObjectType, type Permission, type RolePermission, systemRoles } from "./catalog.ts";
import { reachable } from "./closure.ts";
import type { RoleNode, Roles } from "./facts.ts";
import type { RoleId } from "./ids.ts";

export interface RoleIndex {
  /** Whether the organisation has this role as its own. The system's roles are nobody's. */
  has(role: RoleId): boolean;
  /**
   * Whether the role, with all that its member roles give it, grants the permission on objects of this type; null: on those
   * of every type at once.
   */
  grants(role: RoleId, permission: Permission, type: ObjectType | null): boolean;
  /** All that the role grants, with what its member roles give it. What is on every type is said once. */
  permissions(role: RoleId): readonly RolePermission[];
  /** What the role itself says; null: there is no such role. */
  node(role: RoleId): RoleNode | null;
}

export function indexRoles(roles: Roles): RoleIndex {
  const node = (role: RoleId): RoleNode | null => systemRoleNodes.get(role) ?? roles.get(role) ?? null;
  const flattened = new Map<RoleId, Flattened>();
  const typesOf = (role: RoleId): Flattened => {
    let types = flattened.get(role);
    if (types === undefined) {
      types = flatten(role, node);
      flattened.set(role, types);
    }
    return types;
  };
  return {
    has: (role) => roles.has(role) && !systemRoleNodes.has(role),
    node,
    grants(role, permission, type) {
      const covered = typesOf(role).get(permission);
      return covered !== undefined && (covered.has(null) || covered.has(type));
    },
    permissions: (role) =>
      [...typesOf(role)].flatMap(([permission, types]) =>
        types.has(null)
          ? [onEveryType(permission)]
          : [...types].map((restrictObjectType) => ({ permission, restrictObjectType })),
      ),
  };
}

/** The types on which a permission is granted; null among them: on every type. */
type Flattened = ReadonlyMap<Permission, ReadonlySet<ObjectType | null>>;

function flatten(role: RoleId, node: (role: RoleId) => RoleNode | null): Flattened {
  const types = new Map<Permission, Set<ObjectType | null>>();
  for (const member of reachable([role], (each) => node(each)?.memberRoles ?? [])) {
    for (const { permission, restrictObjectType } of node(member)?.permissions ?? []) {
      const covered = types.get(permission);
      if (covered === undefined) types.set(permission, new Set([restrictObjectType]));
      else covered.add(restrictObjectType);
    }
  }
  return types;
}

const systemRoleNodes: ReadonlyMap<RoleId, RoleNode> = new Map(
  Object.values(systemRoles).map((role) => [
    role.id,
    { permissions: role.permissions.map(onEveryType), memberRoles: [] },
  ]),
);

function onEveryType(permission: Permission): RolePermission {
  return { permission, restrictObjectType: null };
}
