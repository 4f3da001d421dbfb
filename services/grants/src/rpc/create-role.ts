import type { Hop } from "@portcullis/chassis/rpc/call";
import type { CreateRoleRequest, CreateRoleResponse } from "@portcullis/proto/grants/v1/grants";
import { writeContext } from "@portcullis/store/write-context";
import type { RoleStore } from "../store/role-store.ts";
import { memberField, optionalId, orgFromWire, roleContentFromWire, roleMessage } from "../wire.ts";

export async function createRole(
  roles: RoleStore,
  request: CreateRoleRequest,
  hop: Hop,
): Promise<CreateRoleResponse> {
  const { result, revision } = await roles.create(
    writeContext(request.context),
    orgFromWire(request.orgId),
    roleContentFromWire(request),
    (member) => memberField(request, member),
    optionalId(request.ownerId, "owner_id"),
    hop,
  );
  return { role: roleMessage(result.role), foundExisting: result.foundExisting, revision };
}
