import { limitOf, uuid, uuids } from "@portcullis/chassis/fields";
import type { GroupId, PrincipalId } from "@portcullis/policy";
import type {
  ListGroupPrincipalsRequest,
  ListGroupPrincipalsResponse,
} from "@portcullis/proto/groups/v1/groups";
import type { GroupsStore } from "../store/groups-store.ts";
import { listMax, orgFromWire } from "../wire.ts";

export async function listGroupPrincipals(
  store: GroupsStore,
  request: ListGroupPrincipalsRequest,
): Promise<ListGroupPrincipalsResponse> {
  const limit = limitOf(request.limit, "limit", listMax);
  const ids = await store.principals(orgFromWire(request.orgId), uuid<GroupId>(request.groupId, "group_id"), {
    among: request.among === undefined ? null : uuids(request.among.ids, "among.ids", listMax),
    after: request.after === "" ? null : uuid<PrincipalId>(request.after, "after"),
    limit: limit + 1,
  });
  return { principalIds: ids.slice(0, limit), more: ids.length > limit };
}
