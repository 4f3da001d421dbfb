import type { ListRolesRequest, ListRolesResponse } from "@portcullis/proto/grants/v1/grants";
import type { RoleStore } from "../store/role-store.ts";
import { orgFromWire, roleFilterFromWire, roleMessage } from "../wire.ts";

export async function listRoles(roles: RoleStore, request: ListRolesRequest): Promise<ListRolesResponse> {
  const found = await roles.list(orgFromWire(request.orgId), roleFilterFromWire(request), request.page);
  return { roles: found.map(roleMessage) };
}
