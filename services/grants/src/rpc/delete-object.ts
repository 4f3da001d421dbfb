import type { DeleteObjectRequest, DeleteObjectResponse } from "@portcullis/proto/grants/v1/grants";
import { writeContext } from "@portcullis/store/write-context";
import type { ObjectStore } from "../store/object-store.ts";
import { objectMessage, orgFromWire, registeredRef } from "../wire.ts";

export async function deleteObject(
  objects: ObjectStore,
  request: DeleteObjectRequest,
): Promise<DeleteObjectResponse> {
  const { result, revision } = await objects.delete(
    writeContext(request.context),
    orgFromWire(request.orgId),
    registeredRef(request),
  );
  return { object: objectMessage(result), revision };
}
