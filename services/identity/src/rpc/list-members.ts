import { uuids } from "@portcullis/chassis/fields";
import type { ListMembersRequest, ListMembersResponse } from "@portcullis/proto/identity/v1/identity";
import type { MembersStore } from "../store/members-store.ts";
import { kindFromWire, listMax, orgFromWire, principalToWire, textsFromWire } from "../wire.ts";

export async function listMembers(
  store: MembersStore,
  request: ListMembersRequest,
): Promise<ListMembersResponse> {
  const members = await store.list(
    orgFromWire(request.orgId, "org_id"),
    {
      ids: uuids(request.ids, "ids", listMax),
      emails: textsFromWire(request.emails, "emails"),
      givenNames: textsFromWire(request.givenNames, "given_names"),
      familyNames: textsFromWire(request.familyNames, "family_names"),
      kind: kindFromWire(request.kind),
    },
    request.page,
  );
  return { members: members.map(principalToWire) };
}
