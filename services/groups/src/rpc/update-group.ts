import { uuid } from "@portcullis/chassis/fields";
import type { Hop } from "@portcullis/chassis/rpc/call";
import type { UpdateGroupRequest, UpdateGroupResponse } from "@portcullis/proto/groups/v1/groups";
import { writeContext } from "@portcullis/store/write-context";
import type { GroupsStore } from "../store/groups-store.ts";
import { editFromWire, groupToWire, orgFromWire } from "../wire.ts";

export async function updateGroup(
  store: GroupsStore,
  request: UpdateGroupRequest,
  hop: Hop,
): Promise<UpdateGroupResponse> {
  const { edit, given } = editFromWire(request);
  const { result, revision } = await store.update(
    writeContext(request.context),
    orgFromWire(request.orgId),
    uuid(request.id, "id"),
    edit,
    given,
    hop,
  );
  return { group: groupToWire(result), revision };
}
