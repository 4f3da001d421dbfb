import { uuid } from "@portcullis/chassis/fields";
import type {
  PutProvisionedUserRequest,
  PutProvisionedUserResponse,
} from "@portcullis/proto/identity/v1/identity";
import { writeContext } from "@portcullis/store/write-context";
import type { ProvisioningStore } from "../store/provisioning-store.ts";
import { orgFromWire, provisionedUserToWire, recordFromWire } from "../wire.ts";

export async function putProvisionedUser(
  store: ProvisioningStore,
  request: PutProvisionedUserRequest,
): Promise<PutProvisionedUserResponse> {
  const { result, revision } = await store.put(
    writeContext(request.context),
    orgFromWire(request.orgId, "org_id"),
    uuid(request.principalId, "principal_id"),
    recordFromWire(request.record, "record"),
    request.mustBeNew,
  );
  return { user: provisionedUserToWire(result), revision };
}
