import { invalid } from "@portcullis/chassis/fault";
import { limitOf, list } from "@portcullis/chassis/fields";
import { objectFromWire, objectToWire } from "@portcullis/facts/wire";
import type { ListObjectsBelowRequest, ListObjectsBelowResponse } from "@portcullis/proto/grants/v1/grants";
import type { ReachStore } from "../store/reach-store.ts";
import { listMax, orgFromWire } from "../wire.ts";

export async function listObjectsBelow(
  reach: ReachStore,
  request: ListObjectsBelowRequest,
): Promise<ListObjectsBelowResponse> {
  const org = orgFromWire(request.orgId);
  const limit = limitOf(request.limit, "limit", listMax);
  const objects = list(request.objects, "objects", listMax).map((object, index) =>
    objectFromWire(object, `objects[${index}]`),
  );
  if (request.onlyPublic && objects.length > 0) throw invalid("objects", "must be empty beside only_public");
  const found = request.onlyPublic
    ? await reach.publicObjects(org, limit + 1)
    : await reach.objectsBelow(org, objects, limit + 1);
  return { objects: found.slice(0, limit).map(objectToWire), more: found.length > limit };
}
