import { invalid } from "@portcullis/chassis/fault";
import { uuid, uuids, word } from "@portcullis/chassis/fields";
import { objectFromWire, objectTypeFromWire } from "@portcullis/facts/wire";
import { type ObjectId, occursAtOrBelow, permissions } from "@portcullis/policy";
import type { FindObjectsRequest, FindObjectsResponse } from "@portcullis/proto/grants/v1/grants";
import { isOneOfOrganization } from "../domain/object.ts";
import type { AclStore } from "../store/acl-store.ts";
import { optionalId, orgFromWire } from "../wire.ts";

const groupsMax = 10_000;
const limitMax = 1000;

export async function findObjects(acls: AclStore, request: FindObjectsRequest): Promise<FindObjectsResponse> {
  const org = orgFromWire(request.orgId);
  const type = objectTypeFromWire(request.type, "type");
  if (isOneOfOrganization(type)) throw invalid("type", "there is one of it in an organization");
  const under = request.under === undefined ? null : objectFromWire(request.under, "under");
  if (under !== null && !occursAtOrBelow(type, under.type)) {
    throw invalid("under", `objects of type ${under.type} hold none of type ${type}`);
  }
  if (request.limit < 1 || request.limit > limitMax) {
    throw invalid("limit", `must be from 1 to ${limitMax}`);
  }
  const { result, revision } = await acls.findObjects(org, {
    principal: uuid(request.principalId, "principal_id"),
    groups: uuids(request.groupIds, "group_ids", groupsMax),
    permission: word(request.permission, "permission", permissions),
    type,
    under,
    after: optionalId<ObjectId>(request.after, "after"),
    limit: request.limit,
  });
  return { ids: [...result.ids], more: result.more, every: result.every, revision };
}
