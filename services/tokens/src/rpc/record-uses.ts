import { list, present, uuid } from "@portcullis/chassis/fields";
import type { CredentialId, OrgId } from "@portcullis/policy";
import type { RecordUsesRequest, RecordUsesResponse } from "@portcullis/proto/tokens/v1/tokens";
import type { CredentialsStore } from "../store/credentials-store.ts";

const usesMax = 1000;

export async function recordUses(
  store: CredentialsStore,
  request: RecordUsesRequest,
): Promise<RecordUsesResponse> {
  const uses = list(request.uses, "uses", usesMax).map(({ orgId, id, at }, index) => ({
    org: uuid<OrgId>(orgId, `uses[${index}].org_id`),
    id: uuid<CredentialId>(id, `uses[${index}].id`),
    at: present(at, `uses[${index}].at`),
  }));
  await store.recordUses(uses);
  return {};
}
