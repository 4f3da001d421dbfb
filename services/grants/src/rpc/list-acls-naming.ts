import { limitOf, uuids } from "@portcullis/chassis/fields";
import { objectToWire } from "@portcullis/facts/wire";
import type { ListAclsNamingRequest, ListAclsNamingResponse } from "@portcullis/proto/grants/v1/grants";
import type { ReachStore } from "../store/reach-store.ts";
import { listMax, orgFromWire } from "../wire.ts";

export async function listAclsNaming(
  reach: ReachStore,
  request: ListAclsNamingRequest,
): Promise<ListAclsNamingResponse> {
  const limit = limitOf(request.limit, "limit", listMax);
  const named = {
    principals: uuids(request.principalIds, "principal_ids", listMax),
    groups: uuids(request.groupIds, "group_ids", listMax),
    roles: uuids(request.roleIds, "role_ids", listMax),
  };
  const found = await reach.aclsNaming(orgFromWire(request.orgId), named, limit + 1);
  return {
    acls: found.slice(0, limit).map(({ object, subject, role }) => ({
      object: objectToWire(object),
      subject: { $case: subject.kind === "principal" ? "principalId" : "groupId", value: subject.id },
      roleId: role ?? "",
    })),
    more: found.length > limit,
  };
}
