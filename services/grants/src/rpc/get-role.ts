import { uuid } from "@portcullis/chassis/fields";
import type { GetRoleRequest, GetRoleResponse } from "@portcullis/proto/grants/v1/grants";
import type { RoleStore } from "../store/role-store.ts";
import { orgFromWire, roleMessage } from "../wire.ts";

export async function getRole(roles: RoleStore, request: GetRoleRequest): Promise<GetRoleResponse> {
  const role = await roles.get(orgFromWire(request.orgId), uuid(request.id, "id"));
  return { role: roleMessage(role) };
}
