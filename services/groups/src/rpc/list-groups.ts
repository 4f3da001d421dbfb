import { list, optionalText, uuid, uuids } from "@portcullis/chassis/fields";
import type { ListGroupsRequest, ListGroupsResponse } from "@portcullis/proto/groups/v1/groups";
import type { GroupsStore } from "../store/groups-store.ts";
import { groupToWire, listMax, nameMax, orgFromWire } from "../wire.ts";

/** Longer than anything that is kept, so that what is too long is just not found. */
const soughtMax = 1000;

export async function listGroups(
  store: GroupsStore,
  request: ListGroupsRequest,
): Promise<ListGroupsResponse> {
  const groups = await store.list(
    orgFromWire(request.orgId),
    {
      ids: uuids(request.ids, "ids", listMax),
      names: list(request.names, "names", listMax).map((name, index) =>
        optionalText(name, `names[${index}]`, nameMax),
      ),
      externalId:
        request.externalId === undefined ? null : optionalText(request.externalId, "external_id", soughtMax),
      member: request.memberId === undefined ? null : uuid(request.memberId, "member_id"),
    },
    request.page,
    { contents: request.withoutContents !== true },
  );
  return { groups: groups.map(groupToWire) };
}
