import type { Hop } from "@portcullis/chassis/rpc/call";
import type { ReplaceObjectRequest, ReplaceObjectResponse } from "@portcullis/proto/grants/v1/grants";
import { writeContext } from "@portcullis/store/write-context";
import type { ObjectStore } from "../store/object-store.ts";
import { newObjectFromWire, objectMessage, optionalId, orgFromWire, standingFromWire } from "../wire.ts";

export async function replaceObject(
  objects: ObjectStore,
  request: ReplaceObjectRequest,
  hop: Hop,
): Promise<ReplaceObjectResponse> {
  const org = orgFromWire(request.orgId);
  const { result, revision } = await objects.replace(
    writeContext(request.context),
    org,
    newObjectFromWire(request.object, org),
    { owner: optionalId(request.ownerId, "owner_id"), standing: standingFromWire(request) },
    hop,
  );
  return { object: objectMessage(result.object), foundExisting: result.foundExisting, revision };
}
