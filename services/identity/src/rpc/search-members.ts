import { limitOf, optionalText, uuid, uuids } from "@portcullis/chassis/fields";
import type { PrincipalId } from "@portcullis/policy";
import type { SearchMembersRequest, SearchMembersResponse } from "@portcullis/proto/identity/v1/identity";
import type { MembersStore } from "../store/members-store.ts";
import { kindFromWire, listMax, nameMax, orgFromWire, principalToWire } from "../wire.ts";

export async function searchMembers(
  store: MembersStore,
  request: SearchMembersRequest,
): Promise<SearchMembersResponse> {
  const limit = limitOf(request.limit, "limit", listMax);
  const { found, total } = await store.search(
    orgFromWire(request.orgId, "org_id"),
    {
      text: optionalText(request.text, "text", nameMax),
      kind: kindFromWire(request.kind),
      among: request.among === undefined ? null : uuids(request.among.ids, "among.ids", listMax),
      after: request.after === "" ? null : uuid<PrincipalId>(request.after, "after"),
      limit: limit + 1,
    },
    request.count,
  );
  const members = found.slice(0, limit).map(({ principal, joined, sortKey }) => ({
    principal: principalToWire(principal),
    joined,
    sortKey,
  }));
  return { members, more: found.length > limit, total };
}
