import { invalid } from "@portcullis/chassis/fault";
import { uuid } from "@portcullis/chassis/fields";
import type { PrincipalId } from "@portcullis/policy";
import type { FindMembersRequest, FindMembersResponse } from "@portcullis/proto/identity/v1/identity";
import type { MembersStore } from "../store/members-store.ts";
import { orgFromWire } from "../wire.ts";

const limitMax = 1000;

export async function findMembers(
  store: MembersStore,
  { orgId, after, limit }: FindMembersRequest,
): Promise<FindMembersResponse> {
  const org = orgFromWire(orgId, "org_id");
  const behind = after === "" ? null : uuid<PrincipalId>(after, "after");
  if (limit < 1 || limit > limitMax) throw invalid("limit", `must be from 1 to ${limitMax}`);
  const { result: ids, revision } = await store.find(org, behind, limit + 1);
  return { principalIds: ids.slice(0, limit), more: ids.length > limit, revision };
}
