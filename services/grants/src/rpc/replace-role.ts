import type { Hop } from "@portcullis/chassis/rpc/call";
import type { ReplaceRoleRequest, ReplaceRoleResponse } from "@portcullis/proto/grants/v1/grants";
import { writeContext } from "@portcullis/store/write-context";
import type { RoleStore } from "../store/role-store.ts";
import {
  memberField,
  optionalId,
  orgFromWire,
  roleContentFromWire,
  roleMessage,
  standingFromWire,
} from "../wire.ts";

export async function replaceRole(
  roles: RoleStore,
  request: ReplaceRoleRequest,
  hop: Hop,
): Promise<ReplaceRoleResponse> {
  const { result, revision } = await roles.replace(
    writeContext(request.context),
    orgFromWire(request.orgId),
    roleContentFromWire(request),
    (member) => memberField(request, member),
    { owner: optionalId(request.ownerId, "owner_id"), standing: standingFromWire(request) },
    hop,
  );
  return { role: roleMessage(result.role), foundExisting: result.foundExisting, revision };
}
