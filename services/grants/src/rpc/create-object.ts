import type { Hop } from "@portcullis/chassis/rpc/call";
import type { CreateObjectRequest, CreateObjectResponse } from "@portcullis/proto/grants/v1/grants";
import { writeContext } from "@portcullis/store/write-context";
import type { ObjectStore } from "../store/object-store.ts";
import { newObjectFromWire, objectMessage, optionalId, orgFromWire } from "../wire.ts";

export async function createObject(
  objects: ObjectStore,
  request: CreateObjectRequest,
  hop: Hop,
): Promise<CreateObjectResponse> {
  const org = orgFromWire(request.orgId);
  const { result, revision } = await objects.create(
    writeContext(request.context),
    org,
    newObjectFromWire(request.object, org),
    { owner: optionalId(request.ownerId, "owner_id"), ensureNew: request.ensureNew },
    hop,
  );
  return { object: objectMessage(result.object), foundExisting: result.foundExisting, revision };
}
