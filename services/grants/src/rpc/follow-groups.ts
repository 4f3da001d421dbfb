import type { OrgId } from "@portcullis/policy";
import type { Revision } from "@portcullis/proto/events/v1/events";
import type { FollowGroupsRequest, FollowGroupsResponse } from "@portcullis/proto/grants/v1/grants";
import { orgFromWire } from "../wire.ts";

/** Our following of groups' log, and where our own log stands. */
export interface FollowedGroups {
  catchUp(org: OrgId): Promise<void>;
  revision(org: OrgId): Promise<Revision>;
}

export async function followGroups(
  groups: FollowedGroups,
  request: FollowGroupsRequest,
): Promise<FollowGroupsResponse> {
  const org = orgFromWire(request.orgId);
  await groups.catchUp(org);
  return { revision: await groups.revision(org) };
}
