import { uuid } from "@portcullis/chassis/fields";
import type { GetGroupRequest, GetGroupResponse } from "@portcullis/proto/groups/v1/groups";
import type { GroupsStore } from "../store/groups-store.ts";
import { groupToWire, orgFromWire } from "../wire.ts";

export async function getGroup(store: GroupsStore, request: GetGroupRequest): Promise<GetGroupResponse> {
  const group = await store.get(orgFromWire(request.orgId), uuid(request.id, "id"));
  return { group: groupToWire(group) };
}
