import { invalid } from "@portcullis/chassis/fault";
import type { Hop } from "@portcullis/chassis/rpc/call";
import type { GroupId, PrincipalId } from "@portcullis/policy";
import type { AddPrincipalsRequest, AddPrincipalsResponse } from "@portcullis/proto/groups/v1/groups";
import { writeContext } from "@portcullis/store/write-context";
import type { GroupsStore } from "../store/groups-store.ts";
import { givenFromWire, orgFromWire } from "../wire.ts";

/** Principals times groups. */
const membershipsMax = 100_000;

export async function addPrincipals(
  store: GroupsStore,
  request: AddPrincipalsRequest,
  hop: Hop,
): Promise<AddPrincipalsResponse> {
  const principals = givenFromWire<PrincipalId>(request.principalIds, "principal_ids");
  const groups = givenFromWire<GroupId>(request.groupIds, "group_ids");
  if (principals.ids.length * groups.ids.length > membershipsMax) {
    throw invalid("principal_ids", `at most ${membershipsMax} memberships can be made at once`);
  }
  const { revision } = await store.add(
    writeContext(request.context),
    orgFromWire(request.orgId),
    principals,
    groups,
    hop,
  );
  return { revision };
}
