import { uuids } from "@portcullis/chassis/fields";
import type { PrincipalId } from "@portcullis/policy";
import type { ListMembershipsRequest, ListMembershipsResponse } from "@portcullis/proto/groups/v1/groups";
import type { GroupsStore } from "../store/groups-store.ts";
import { orgFromWire } from "../wire.ts";

const principalsMax = 1000;

export async function listMemberships(
  store: GroupsStore,
  { orgId, principalIds }: ListMembershipsRequest,
): Promise<ListMembershipsResponse> {
  const org = orgFromWire(orgId);
  const found = await store.memberships(
    org,
    uuids<PrincipalId>(principalIds, "principal_ids", principalsMax),
  );
  return {
    memberships: found.map(({ principal, group, added }) => ({
      principalId: principal,
      groupId: group,
      added: added ?? undefined,
    })),
  };
}
