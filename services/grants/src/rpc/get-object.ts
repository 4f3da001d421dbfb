import type { GetObjectRequest, GetObjectResponse } from "@portcullis/proto/grants/v1/grants";
import type { ObjectStore } from "../store/object-store.ts";
import { objectMessage, orgFromWire, registeredRef } from "../wire.ts";

export async function getObject(objects: ObjectStore, request: GetObjectRequest): Promise<GetObjectResponse> {
  const object = await objects.get(orgFromWire(request.orgId), registeredRef(request));
  return { object: objectMessage(object) };
}
