import { uuids } from "@portcullis/chassis/fields";
import type { GetMembersRequest, GetMembersResponse } from "@portcullis/proto/identity/v1/identity";
import type { MembersStore } from "../store/members-store.ts";
import { listMax, orgFromWire, principalToWire } from "../wire.ts";

export async function getMembers(
  store: MembersStore,
  request: GetMembersRequest,
): Promise<GetMembersResponse> {
  const members = await store.get(
    orgFromWire(request.orgId, "org_id"),
    uuids(request.principalIds, "principal_ids", listMax),
  );
  return { members: members.map(principalToWire) };
}
