import { uuid } from "@portcullis/chassis/fields";
import type { Hop } from "@portcullis/chassis/rpc/call";
import type { DeleteGroupRequest, DeleteGroupResponse } from "@portcullis/proto/groups/v1/groups";
import { writeContext } from "@portcullis/store/write-context";
import type { GroupsStore } from "../store/groups-store.ts";
import { groupToWire, orgFromWire } from "../wire.ts";

export async function deleteGroup(
  store: GroupsStore,
  request: DeleteGroupRequest,
  hop: Hop,
): Promise<DeleteGroupResponse> {
  const { result, revision } = await store.delete(
    writeContext(request.context),
    orgFromWire(request.orgId),
    uuid(request.id, "id"),
    hop,
  );
  return { group: groupToWire(result), revision };
}
