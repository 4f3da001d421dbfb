// A role's permissions as a matrix: kinds of objects by what may be done with them.

import { type ObjectType, objectTypeNames, type Permission } from "@portcullis/policy";
import type { RoleChange, RoleContent, RolePermission } from "../../api/roles.ts";
import { accessPermissions, permissionsText, typePlurals } from "../../permissions/words.ts";

/** The columns; the four permissions about access are one. */
export const matrixColumns = [
  { id: "read", label: "Read", permissions: ["read"] },
  { id: "create", label: "Create", permissions: ["create"] },
  { id: "update", label: "Update", permissions: ["update"] },
  { id: "delete", label: "Delete", permissions: ["delete"] },
  { id: "access", label: "Manage access", permissions: accessPermissions },
] as const satisfies readonly { id: string; label: string; permissions: readonly Permission[] }[];

export type MatrixColumn = (typeof matrixColumns)[number];

/** The rows: every kind together, then each. */
export const matrixRows: readonly (ObjectType | null)[] = [
  null,
  "project",
  "experiment",
  "dataset",
  "project_log",
  "prompt",
  "prompt_session",
  "group",
  "role",
  "org_member",
  "org_audit_logs",
  "organization",
];

export function rowLabel(type: ObjectType | null): string {
  return type === null ? "Everything" : typePlurals[type];
}

export type CellState = "on" | "off" | "some";

export function cellState(
  held: readonly RolePermission[],
  type: ObjectType | null,
  column: MatrixColumn,
): CellState {
  const count = column.permissions.filter((permission) => holds(held, permission, type)).length;
  if (count === 0) return "off";
  return count === column.permissions.length ? "on" : "some";
}

/** Sets a cell or empties it; all else keeps its order. */
export function withCell(
  held: readonly RolePermission[],
  type: ObjectType | null,
  column: MatrixColumn,
  on: boolean,
): readonly RolePermission[] {
  const wanted: readonly Permission[] = column.permissions;
  const isOfCell = (one: RolePermission) =>
    one.restrict_object_type === type && wanted.includes(one.permission);
  if (!on) return held.filter((one) => !isOfCell(one));
  const added = wanted
    .filter((permission) => !holds(held, permission, type))
    .map((permission): RolePermission => ({ permission, restrict_object_type: type }));
  return [...held, ...added];
}

/** What was changed between two states of a role. */
export function changeBetween(before: RoleContent, after: RoleContent): RoleChange {
  const { member_permissions: had, member_roles: included } = before;
  const { member_permissions: has, member_roles: includes } = after;
  return {
    ...(after.name !== before.name && { name: after.name }),
    ...(after.description !== before.description && { description: after.description }),
    add_member_permissions: has.filter((one) => !holds(had, one.permission, one.restrict_object_type)),
    remove_member_permissions: had.filter((one) => !holds(has, one.permission, one.restrict_object_type)),
    add_member_roles: includes.filter((id) => !included.includes(id)),
    remove_member_roles: included.filter((id) => !includes.includes(id)),
  };
}

/** In lines: what a role gives on which kinds. */
export function permissionsByType(held: readonly RolePermission[]) {
  const types: readonly (ObjectType | null)[] = [null, ...objectTypeNames];
  return types.flatMap((type) => {
    const own = held.filter((one) => one.restrict_object_type === type).map((one) => one.permission);
    if (own.length === 0) return [];
    const on = type === null ? "everything" : typePlurals[type].toLowerCase();
    return [{ on, what: permissionsText(own) }];
  });
}

function holds(held: readonly RolePermission[], permission: Permission, type: ObjectType | null): boolean {
  return held.some((one) => one.permission === permission && one.restrict_object_type === type);
}
