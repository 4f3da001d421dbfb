import { uuids } from "@portcullis/chassis/fields";
import type { PrincipalId } from "@portcullis/policy";
import type { ListLastUsesRequest, ListLastUsesResponse } from "@portcullis/proto/tokens/v1/tokens";
import type { CredentialsStore } from "../store/credentials-store.ts";
import { orgFromWire } from "../wire.ts";

const principalsMax = 1000;

export async function listLastUses(
  store: CredentialsStore,
  { orgId, principalIds }: ListLastUsesRequest,
): Promise<ListLastUsesResponse> {
  const org = orgFromWire(orgId);
  const uses = await store.lastUsesBy(org, uuids<PrincipalId>(principalIds, "principal_ids", principalsMax));
  return { uses: Array.from(uses, ([principalId, at]) => ({ principalId, at })) };
}
