import { limitOf, optionalText, uuid } from "@portcullis/chassis/fields";
import type { GroupId } from "@portcullis/policy";
import type { SearchGroupsRequest, SearchGroupsResponse } from "@portcullis/proto/groups/v1/groups";
import type { GroupsStore } from "../store/groups-store.ts";
import { foundGroupToWire, nameMax, orgFromWire } from "../wire.ts";

const limitMax = 1000;

export async function searchGroups(
  store: GroupsStore,
  request: SearchGroupsRequest,
): Promise<SearchGroupsResponse> {
  const limit = limitOf(request.limit, "limit", limitMax);
  const { found, total, extents } = await store.search(
    orgFromWire(request.orgId),
    {
      text: optionalText(request.text, "text", nameMax),
      after: request.after === "" ? null : uuid<GroupId>(request.after, "after"),
      limit: limit + 1,
    },
    request,
  );
  const groups = found.slice(0, limit).map((group) => foundGroupToWire(group, extents.get(group.id)));
  return { groups, more: found.length > limit, total };
}
