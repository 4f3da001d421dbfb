import { uuid } from "@portcullis/chassis/fields";
import type { GetCredentialRequest, GetCredentialResponse } from "@portcullis/proto/tokens/v1/tokens";
import type { CredentialsStore } from "../store/credentials-store.ts";
import { credentialToWire, kindFromWire, orgFromWire } from "../wire.ts";

export async function getCredential(
  store: CredentialsStore,
  request: GetCredentialRequest,
): Promise<GetCredentialResponse> {
  const credential = await store.get(
    orgFromWire(request.orgId),
    kindFromWire(request.kind),
    uuid(request.id, "id"),
  );
  const lastUses = await store.lastUses([credential.id]);
  return { credential: credentialToWire(credential, lastUses.get(credential.id)) };
}
