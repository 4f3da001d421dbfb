import { uuid } from "@portcullis/chassis/fields";
import type { EndSessionsRequest, EndSessionsResponse } from "@portcullis/proto/tokens/v1/tokens";
import { writeContext } from "@portcullis/store/write-context";
import type { CredentialsStore } from "../store/credentials-store.ts";
import { orgFromWire } from "../wire.ts";

export async function endSessions(
  store: CredentialsStore,
  request: EndSessionsRequest,
): Promise<EndSessionsResponse> {
  const { result, revision } = await store.endSessions(
    writeContext(request.context),
    orgFromWire(request.orgId),
    uuid(request.principalId, "principal_id"),
  );
  return { ended: result, revision };
}
