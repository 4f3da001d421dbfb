import { uuid, uuids } from "@portcullis/chassis/fields";
import type { HasGrantRequest, HasGrantResponse } from "@portcullis/proto/grants/v1/grants";
import type { AclStore } from "../store/acl-store.ts";
import { orgFromWire } from "../wire.ts";

const groupsMax = 10_000;

export async function hasGrant(acls: AclStore, request: HasGrantRequest): Promise<HasGrantResponse> {
  const found = await acls.hasGrant(
    orgFromWire(request.orgId),
    uuid(request.principalId, "principal_id"),
    uuids(request.groupIds, "group_ids", groupsMax),
  );
  return { hasGrant: found };
}
