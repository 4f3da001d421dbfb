import { uuid } from "@portcullis/chassis/fields";
import type { UpdateRoleRequest, UpdateRoleResponse } from "@portcullis/proto/grants/v1/grants";
import { writeContext } from "@portcullis/store/write-context";
import type { RoleStore } from "../store/role-store.ts";
import { changedMemberField, orgFromWire, roleChangeFromWire, roleMessage } from "../wire.ts";

export async function updateRole(roles: RoleStore, request: UpdateRoleRequest): Promise<UpdateRoleResponse> {
  const { result, revision } = await roles.update(
    writeContext(request.context),
    orgFromWire(request.orgId),
    uuid(request.id, "id"),
    roleChangeFromWire(request),
    (member) => changedMemberField(request, member),
  );
  return { role: roleMessage(result), revision };
}
