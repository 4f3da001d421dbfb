import { list, optionalText, uuids } from "@portcullis/chassis/fields";
import type { ListGroupsRequest, ListGroupsResponse } from "@portcullis/proto/groups/v1/groups";
import type { GroupsStore } from "../store/groups-store.ts";
import { groupToWire, listMax, nameMax, orgFromWire } from "../wire.ts";

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
    },
    request.page,
  );
  return { groups: groups.map(groupToWire) };
}
