import { uuid } from "@portcullis/chassis/fields";
import type { Hop } from "@portcullis/chassis/rpc/call";
import type { CreateGroupRequest, CreateGroupResponse } from "@portcullis/proto/groups/v1/groups";
import { writeContext } from "@portcullis/store/write-context";
import type { GroupsStore } from "../store/groups-store.ts";
import { contentFromWire, groupToWire, orgFromWire } from "../wire.ts";

export async function createGroup(
  store: GroupsStore,
  request: CreateGroupRequest,
  hop: Hop,
): Promise<CreateGroupResponse> {
  const { content, given } = contentFromWire(request);
  const { result, revision } = await store.create(
    writeContext(request.context),
    orgFromWire(request.orgId),
    content,
    given,
    request.ownerId === "" ? null : uuid(request.ownerId, "owner_id"),
    hop,
  );
  return { group: groupToWire(result.group), foundExisting: result.foundExisting, revision };
}
