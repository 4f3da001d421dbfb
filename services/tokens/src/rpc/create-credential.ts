import { invalid } from "@portcullis/chassis/fault";
import { text, uuid } from "@portcullis/chassis/fields";
import type { Hop } from "@portcullis/chassis/rpc/call";
import type { CreateCredentialRequest, CreateCredentialResponse } from "@portcullis/proto/tokens/v1/tokens";
import { writeContext } from "@portcullis/store/write-context";
import type { CredentialsStore } from "../store/credentials-store.ts";
import { credentialToWire, keptKindFromWire, newScopeFromWire, orgFromWire } from "../wire.ts";

const nameMax = 255;

export async function createCredential(
  store: CredentialsStore,
  request: CreateCredentialRequest,
  hop: Hop,
): Promise<CreateCredentialResponse> {
  const expiresAt = request.expiresAt ?? null;
  if (expiresAt !== null && !(expiresAt.getTime() > Date.now())) {
    throw invalid("expires_at", "must be in the future");
  }
  const { result, revision } = await store.create(
    writeContext(request.context),
    {
      org: orgFromWire(request.orgId),
      kind: keptKindFromWire(request.kind),
      principal: uuid(request.principalId, "principal_id"),
      name: text(request.name, "name", nameMax),
      expiresAt,
      scope: newScopeFromWire(request.scope),
      madeFrom: null,
    },
    request.replace,
    hop,
  );
  return {
    credential: credentialToWire(result.credential),
    secret: result.secret,
    replaced: result.replaced,
    revision,
  };
}
