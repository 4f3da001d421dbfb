import { invalid } from "@portcullis/chassis/fault";
import { uuid } from "@portcullis/chassis/fields";
import type { PrincipalId } from "@portcullis/policy";
import type { FindMembershipsRequest, FindMembershipsResponse } from "@portcullis/proto/identity/v1/identity";
import type { MembersStore } from "../store/members-store.ts";

const limitMax = 1000;

export async function findMemberships(
  store: MembersStore,
  { principalId, limit }: FindMembershipsRequest,
): Promise<FindMembershipsResponse> {
  const principal = uuid<PrincipalId>(principalId, "principal_id");
  if (limit < 1 || limit > limitMax) throw invalid("limit", `must be from 1 to ${limitMax}`);
  const orgs = await store.organizationsOf(principal, limit + 1);
  return { orgIds: orgs.slice(0, limit), more: orgs.length > limit };
}
