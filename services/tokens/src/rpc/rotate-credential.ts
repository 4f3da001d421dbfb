import { invalid } from "@portcullis/chassis/fault";
import { uuid } from "@portcullis/chassis/fields";
import type { Hop } from "@portcullis/chassis/rpc/call";
import type { RotateCredentialRequest, RotateCredentialResponse } from "@portcullis/proto/tokens/v1/tokens";
import { writeContext } from "@portcullis/store/write-context";
import { overlapSecondsMax } from "../domain/credential.ts";
import type { CredentialsStore } from "../store/credentials-store.ts";
import { credentialToWire, keptKindFromWire, orgFromWire } from "../wire.ts";

export async function rotateCredential(
  store: CredentialsStore,
  request: RotateCredentialRequest,
  hop: Hop,
): Promise<RotateCredentialResponse> {
  if (request.overlapSeconds > overlapSecondsMax) {
    throw invalid("overlap_seconds", `must be at most ${overlapSecondsMax}`);
  }
  const { result, revision } = await store.rotate(
    writeContext(request.context),
    { org: orgFromWire(request.orgId), kind: keptKindFromWire(request.kind), id: uuid(request.id, "id") },
    request.overlapSeconds,
    hop,
  );
  return {
    credential: credentialToWire(result.credential),
    secret: result.secret,
    rotated: credentialToWire(result.rotated),
    revision,
  };
}
