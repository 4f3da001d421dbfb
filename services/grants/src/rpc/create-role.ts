import type { CreateRoleRequest, CreateRoleResponse } from "@portcullis/proto/grants/v1/grants";
import { writeContext } from "@portcullis/store/write-context";
import type { RoleStore } from "../store/role-store.ts";
import { memberField, orgFromWire, roleContentFromWire, roleMessage } from "../wire.ts";

export async function createRole(roles: RoleStore, request: CreateRoleRequest): Promise<CreateRoleResponse> {
  const { result, revision } = await roles.create(
    writeContext(request.context),
    orgFromWire(request.orgId),
    roleContentFromWire(request),
    (member) => memberField(request, member),
  );
  return { role: roleMessage(result.role), foundExisting: result.foundExisting, revision };
}
