import type { Hop } from "@portcullis/chassis/rpc/call";
import type { InviteMembersRequest, InviteMembersResponse } from "@portcullis/proto/identity/v1/identity";
import { writeContext } from "@portcullis/store/write-context";
import type { MembersStore } from "../store/members-store.ts";
import { invitationFromWire, orgFromWire, principalToWire } from "../wire.ts";

export async function inviteMembers(
  store: MembersStore,
  request: InviteMembersRequest,
  hop: Hop,
): Promise<InviteMembersResponse> {
  const { result, revision } = await store.invite(
    writeContext(request.context),
    orgFromWire(request.orgId, "org_id"),
    invitationFromWire(request),
    hop,
  );
  return {
    members: result.map(({ principal, added }) => ({ principal: principalToWire(principal), added })),
    revision,
  };
}
