import { Fault } from "@portcullis/chassis/fault";
import {
  type ObjectType,
  type OrgId,
  type Permission,
  type PrincipalId,
  type RoleId,
  type RolePermission,
  systemRoles as systemRoleTable,
} from "@portcullis/policy";

/** What a role says. */
export interface RoleContent {
  readonly name: string;
  readonly description: string | null;
  /** In the order in which they were given, without repetition. */
  readonly permissions: readonly RolePermission[];
  /** The roles whose permissions are permissions of this one too. */
  readonly memberRoles: readonly RoleId[];
}

export interface Role extends RoleContent {
  readonly id: RoleId;
  /** Null for a system role. */
  readonly org: OrgId | null;
  readonly creator: PrincipalId | null;
  readonly created: Date;
  readonly deletedAt: Date | null;
}

/** All of an organisation's roles are one fact: so many may there be, which hold so much together. */
const rolesMax = 10_000;
const heldMax = 100_000;

/** How many roles there are, and what they hold. */
export interface RoleCounts {
  readonly roles: number;
  readonly permissions: number;
  readonly memberRoles: number;
}

/** Refuses a role with which there would be too much; one that becomes smaller is always taken. */
export function checkRoom(others: RoleCounts, before: RoleContent | null, after: RoleContent): void {
  if (before === null && others.roles >= rolesMax) {
    throw new Fault("refused", `an organization may have at most ${rolesMax} roles`);
  }
  for (const [held, field] of [
    ["permissions", "permissions"],
    ["memberRoles", "member_role_ids"],
  ] as const) {
    const isMore = after[held].length > (before?.[held].length ?? 0);
    if (isMore && others[held] + after[held].length > heldMax) {
      const message = `the roles of an organization may hold at most ${heldMax} together`;
      throw new Fault("refused", `${field}: ${message}`, { field });
    }
  }
}

/** What an update gives; what it leaves out stays. Whole lists apply first, then additions, then removals. */
export interface RoleChange {
  readonly name?: string;
  readonly description?: string;
  readonly replacePermissions?: readonly RolePermission[];
  readonly replaceMemberRoles?: readonly RoleId[];
  readonly addPermissions: readonly RolePermission[];
  readonly removePermissions: readonly RolePermission[];
  readonly addMemberRoles: readonly RoleId[];
  readonly removeMemberRoles: readonly RoleId[];
}

export interface RoleFilter {
  readonly ids: readonly RoleId[];
  readonly names: readonly string[];
}

/** The system's roles, newest first: all of one time, before anything else. */
export const systemRoles: readonly Role[] = Object.values(systemRoleTable)
  .map(({ id, name, description, permissions }) => ({
    id,
    org: null,
    creator: null,
    created: new Date(0),
    name,
    description,
    permissions: permissions.map((permission: Permission) => ({ permission, restrictObjectType: null })),
    memberRoles: [],
    deletedAt: null,
  }))
  .sort((one, other) => (one.id < other.id ? 1 : -1));

export function systemRole(id: RoleId): Role | null {
  return systemRoles.find((role) => role.id === id) ?? null;
}

export function systemRoleNamed(name: string): Role | null {
  return systemRoles.find((role) => role.name === name) ?? null;
}

/** What the role says after the change. */
export function changed(role: RoleContent, change: RoleChange): RoleContent {
  const dropped = new Set(change.removePermissions.map(permissionText));
  const left = new Set(change.removeMemberRoles);
  const permissions = [...(change.replacePermissions ?? role.permissions), ...change.addPermissions];
  const memberRoles = [...(change.replaceMemberRoles ?? role.memberRoles), ...change.addMemberRoles];
  return {
    name: change.name ?? role.name,
    description: change.description ?? role.description,
    permissions: withoutRepetition(permissions).filter((entry) => !dropped.has(permissionText(entry))),
    memberRoles: [...new Set(memberRoles)].filter((member) => !left.has(member)),
  };
}

/** The first of each. */
export function withoutRepetition(permissions: readonly RolePermission[]): RolePermission[] {
  const first = new Map<string, RolePermission>();
  for (const entry of permissions) {
    const text = permissionText(entry);
    if (!first.has(text)) first.set(text, entry);
  }
  return [...first.values()];
}

function permissionText(entry: { permission: Permission; restrictObjectType: ObjectType | null }): string {
  return `${entry.permission} ${entry.restrictObjectType ?? ""}`;
}
