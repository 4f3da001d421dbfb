import { uuid } from "@portcullis/chassis/fields";
import type { Hop } from "@portcullis/chassis/rpc/call";
import type { CreateSessionRequest, CreateSessionResponse } from "@portcullis/proto/tokens/v1/tokens";
import { writeContext } from "@portcullis/store/write-context";
import type { CredentialsStore } from "../store/credentials-store.ts";
import { credentialToWire, orgFromWire } from "../wire.ts";

export async function createSession(
  store: CredentialsStore,
  request: CreateSessionRequest,
  hop: Hop,
): Promise<CreateSessionResponse> {
  const { result, revision } = await store.createSession(
    writeContext(request.context),
    {
      org: orgFromWire(request.orgId),
      principal: uuid(request.principalId, "principal_id"),
      apiKey: request.apiKeyId === "" ? null : uuid(request.apiKeyId, "api_key_id"),
    },
    hop,
  );
  return { credential: credentialToWire(result.credential), secret: result.secret, revision };
}
