import { uuid } from "@portcullis/chassis/fields";
import type { DeleteRoleRequest, DeleteRoleResponse } from "@portcullis/proto/grants/v1/grants";
import { writeContext } from "@portcullis/store/write-context";
import type { RoleStore } from "../store/role-store.ts";
import { orgFromWire, roleMessage } from "../wire.ts";

export async function deleteRole(roles: RoleStore, request: DeleteRoleRequest): Promise<DeleteRoleResponse> {
  const { result, revision } = await roles.delete(
    writeContext(request.context),
    orgFromWire(request.orgId),
    uuid(request.id, "id"),
  );
  return { role: roleMessage(result), revision };
}
