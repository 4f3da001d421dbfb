import type { UpdateObjectRequest, UpdateObjectResponse } from "@portcullis/proto/grants/v1/grants";
import { writeContext } from "@portcullis/store/write-context";
import type { ObjectStore } from "../store/object-store.ts";
import { objectChangeFromWire, objectMessage, orgFromWire, registeredRef } from "../wire.ts";

export async function updateObject(
  objects: ObjectStore,
  request: UpdateObjectRequest,
): Promise<UpdateObjectResponse> {
  const ref = registeredRef(request);
  const { result, revision } = await objects.update(
    writeContext(request.context),
    orgFromWire(request.orgId),
    ref,
    objectChangeFromWire(ref.type, request),
  );
  return { object: objectMessage(result), revision };
}
