import { uuids } from "@portcullis/chassis/fields";
import type { GroupId } from "@portcullis/policy";
import type { FindEmptyGroupsRequest, FindEmptyGroupsResponse } from "@portcullis/proto/groups/v1/groups";
import type { GroupsStore } from "../store/groups-store.ts";
import { listMax, orgFromWire } from "../wire.ts";

export async function findEmptyGroups(
  store: GroupsStore,
  { orgId, groupIds }: FindEmptyGroupsRequest,
): Promise<FindEmptyGroupsResponse> {
  const org = orgFromWire(orgId);
  const { result, revision } = await store.findEmpty(org, uuids<GroupId>(groupIds, "group_ids", listMax));
  return { groupIds: result, revision };
}
