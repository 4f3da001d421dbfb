import type { ListObjectsRequest, ListObjectsResponse } from "@portcullis/proto/grants/v1/grants";
import type { ObjectStore } from "../store/object-store.ts";
import { objectFilterFromWire, objectMessage, orgFromWire } from "../wire.ts";

export async function listObjects(
  objects: ObjectStore,
  request: ListObjectsRequest,
): Promise<ListObjectsResponse> {
  const org = orgFromWire(request.orgId);
  const found = await objects.list(org, objectFilterFromWire(request, org), request.page);
  return { objects: found.map(objectMessage) };
}
