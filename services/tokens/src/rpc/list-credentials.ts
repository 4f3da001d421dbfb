import { list, optionalText, uuid, uuids } from "@portcullis/chassis/fields";
import type { ListCredentialsRequest, ListCredentialsResponse } from "@portcullis/proto/tokens/v1/tokens";
import type { CredentialsStore } from "../store/credentials-store.ts";
import { credentialToWire, kindFromWire, orgFromWire } from "../wire.ts";

const filterMax = 10_000;
/** Longer than anything that is kept, so that what is too long is just not found. */
const soughtMax = 10_000;

export async function listCredentials(
  store: CredentialsStore,
  request: ListCredentialsRequest,
): Promise<ListCredentialsResponse> {
  const credentials = await store.list(
    orgFromWire(request.orgId),
    {
      kind: kindFromWire(request.kind),
      principal: request.principalId === "" ? null : uuid(request.principalId, "principal_id"),
      ids: uuids(request.ids, "ids", filterMax),
      names: list(request.names, "names", filterMax).map((name, index) =>
        optionalText(name, `names[${index}]`, soughtMax),
      ),
    },
    request.page,
  );
  const lastUses = await store.lastUses(credentials.map(({ id }) => id));
  return { credentials: credentials.map((each) => credentialToWire(each, lastUses.get(each.id))) };
}
