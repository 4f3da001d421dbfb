import { invalid } from "@portcullis/chassis/fault";
import { uuid, uuids } from "@portcullis/chassis/fields";
import type { GroupId, PrincipalId } from "@portcullis/policy";
import type { FindPrincipalsRequest, FindPrincipalsResponse } from "@portcullis/proto/groups/v1/groups";
import type { GroupsStore } from "../store/groups-store.ts";
import { orgFromWire } from "../wire.ts";

const groupsMax = 10_000;
const limitMax = 1000;

export async function findPrincipals(
  store: GroupsStore,
  { orgId, groupIds, after, limit }: FindPrincipalsRequest,
): Promise<FindPrincipalsResponse> {
  const org = orgFromWire(orgId);
  const groups = uuids<GroupId>(groupIds, "group_ids", groupsMax);
  const behind = after === "" ? null : uuid<PrincipalId>(after, "after");
  if (limit < 1 || limit > limitMax) throw invalid("limit", `must be from 1 to ${limitMax}`);
  const { result: ids, revision } = await store.findPrincipals(org, groups, behind, limit + 1);
  return { principalIds: ids.slice(0, limit), more: ids.length > limit, revision };
}
