import { uuid } from "@portcullis/chassis/fields";
import type { RevokeCredentialRequest, RevokeCredentialResponse } from "@portcullis/proto/tokens/v1/tokens";
import { writeContext } from "@portcullis/store/write-context";
import type { CredentialsStore } from "../store/credentials-store.ts";
import { credentialToWire, kindFromWire, orgFromWire } from "../wire.ts";

export async function revokeCredential(
  store: CredentialsStore,
  request: RevokeCredentialRequest,
): Promise<RevokeCredentialResponse> {
  const { result, revision } = await store.revoke(
    writeContext(request.context),
    orgFromWire(request.orgId),
    kindFromWire(request.kind),
    uuid(request.id, "id"),
  );
  return { credential: credentialToWire(result), revision };
}
