import type { Hop } from "@portcullis/chassis/rpc/call";
import type { UpdateAclsRequest, UpdateAclsResponse } from "@portcullis/proto/grants/v1/grants";
import { writeContext } from "@portcullis/store/write-context";
import type { AclStore } from "../store/acl-store.ts";
import { aclChangesFromWire, aclMessage, orgFromWire } from "../wire.ts";

export async function updateAcls(
  acls: AclStore,
  request: UpdateAclsRequest,
  hop: Hop,
): Promise<UpdateAclsResponse> {
  const { result, revision } = await acls.update(
    writeContext(request.context),
    orgFromWire(request.orgId),
    aclChangesFromWire(request),
    hop,
  );
  return {
    added: result.added.map(({ acl, foundExisting }) => ({ acl: aclMessage(acl), foundExisting })),
    removed: result.removed.map(aclMessage),
    revision,
  };
}
