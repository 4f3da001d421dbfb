import type { ObjectType, Permission } from "@portcullis/policy";
import { queryOptions } from "@tanstack/react-query";
import { create, get, send } from "./http.ts";

export interface RolePermission {
  readonly permission: Permission;
  readonly restrict_object_type: ObjectType | null;
}

export interface Role {
  readonly id: string;
  /** Null: a role of the system, which every organisation has. */
  readonly org_id: string | null;
  readonly created: string | null;
  readonly name: string;
  readonly description: string | null;
  readonly member_permissions: readonly RolePermission[];
  readonly member_roles: readonly string[];
}

export const rolesQuery = queryOptions({
  queryKey: ["roles"],
  queryFn: ({ signal }) =>
    get<{ objects: readonly Role[] }>("/v1/role", { query: { limit: 10_000 }, signal }).then(
      ({ objects }) => objects,
    ),
});

export interface RoleContent {
  readonly name: string;
  readonly description: string;
  readonly member_permissions: readonly RolePermission[];
  readonly member_roles: readonly string[];
}

/** What is to become other than it is; all else stays, whoever changes it meanwhile. */
export interface RoleChange {
  readonly name?: string;
  readonly description?: string;
  readonly add_member_permissions: readonly RolePermission[];
  readonly remove_member_permissions: readonly RolePermission[];
  readonly add_member_roles: readonly string[];
  readonly remove_member_roles: readonly string[];
}

export function createRole(content: RoleContent): Promise<Role> {
  return create("/v1/role", content);
}

export function changeRole(id: string, change: RoleChange): Promise<Role> {
  return send("PATCH", `/v1/role/${encodeURIComponent(id)}`, { body: change });
}

export function deleteRole(id: string): Promise<Role> {
  return send("DELETE", `/v1/role/${encodeURIComponent(id)}`);
}
