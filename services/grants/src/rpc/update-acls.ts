import type { Hop } from "@portcullis/chassis/rpc/call";
import type { UpdateAclsRequest, UpdateAclsResponse } from "@portcullis/proto/grants/v1/grants";
import { writeContext } from "@portcullis/store/write-context";
import type { Expiries } from "../expiry.ts";
import type { AclStore } from "../store/acl-store.ts";
import { aclChangesFromWire, aclMessage, orgFromWire } from "../wire.ts";

export async function updateAcls(
  acls: AclStore,
  expiries: Pick<Expiries, "schedule">,
  request: UpdateAclsRequest,
  hop: Hop,
): Promise<UpdateAclsResponse> {
  const org = orgFromWire(request.orgId);
  const { result, revision } = await acls.update(
    writeContext(request.context),
    org,
    aclChangesFromWire(request),
    hop,
  );
  expiries.schedule(
    org,
    result.added.flatMap(({ acl }) => acl.content.expiresAt ?? []),
  );
  return {
    added: result.added.map(({ acl, foundExisting }) => ({ acl: aclMessage(acl), foundExisting })),
    removed: result.removed.map(aclMessage),
    revision,
  };
}
