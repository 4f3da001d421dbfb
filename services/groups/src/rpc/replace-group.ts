import { uuid } from "@portcullis/chassis/fields";
import type { Hop } from "@portcullis/chassis/rpc/call";
import type { ReplaceGroupRequest, ReplaceGroupResponse } from "@portcullis/proto/groups/v1/groups";
import { writeContext } from "@portcullis/store/write-context";
import type { GroupsStore } from "../store/groups-store.ts";
import { contentFromWire, groupToWire, orgFromWire } from "../wire.ts";

export async function replaceGroup(
  store: GroupsStore,
  request: ReplaceGroupRequest,
  hop: Hop,
): Promise<ReplaceGroupResponse> {
  const { content, given } = contentFromWire(request);
  const { result, revision } = await store.replace(
    writeContext(request.context),
    orgFromWire(request.orgId),
    content,
    given,
    {
      owner: request.ownerId === "" ? null : uuid(request.ownerId, "owner_id"),
      standing: request.standingId === undefined ? null : uuid(request.standingId, "standing_id"),
    },
    hop,
  );
  return { group: groupToWire(result.group), foundExisting: result.foundExisting, revision };
}
