import { uuids } from "@portcullis/chassis/fields";
import type { Hop } from "@portcullis/chassis/rpc/call";
import type { RemoveMembersRequest, RemoveMembersResponse } from "@portcullis/proto/identity/v1/identity";
import { writeContext } from "@portcullis/store/write-context";
import type { MembersStore } from "../store/members-store.ts";
import { listMax, orgFromWire, principalToWire, textsFromWire } from "../wire.ts";

export async function removeMembers(
  store: MembersStore,
  request: RemoveMembersRequest,
  hop: Hop,
): Promise<RemoveMembersResponse> {
  const { result, revision } = await store.remove(
    writeContext(request.context),
    orgFromWire(request.orgId, "org_id"),
    uuids(request.principalIds, "principal_ids", listMax),
    textsFromWire(request.emails, "emails"),
    hop,
  );
  return { removed: result.map(principalToWire), revision };
}
