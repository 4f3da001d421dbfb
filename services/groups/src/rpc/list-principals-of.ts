import { limitOf, uuids } from "@portcullis/chassis/fields";
import type { GroupId } from "@portcullis/policy";
import type { ListPrincipalsOfRequest, ListPrincipalsOfResponse } from "@portcullis/proto/groups/v1/groups";
import type { GroupsStore } from "../store/groups-store.ts";
import { listMax, orgFromWire } from "../wire.ts";

export async function listPrincipalsOf(
  store: GroupsStore,
  request: ListPrincipalsOfRequest,
): Promise<ListPrincipalsOfResponse> {
  const limit = limitOf(request.limit, "limit", listMax);
  const groups = uuids<GroupId>(request.groupIds, "group_ids", listMax);
  const found = await store.principalsOf(orgFromWire(request.orgId), groups, limit + 1);
  return { principalIds: found.slice(0, limit), more: found.length > limit };
}
