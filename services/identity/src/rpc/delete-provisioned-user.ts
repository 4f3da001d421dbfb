import { uuid } from "@portcullis/chassis/fields";
import type {
  DeleteProvisionedUserRequest,
  DeleteProvisionedUserResponse,
} from "@portcullis/proto/identity/v1/identity";
import { writeContext } from "@portcullis/store/write-context";
import type { ProvisioningStore } from "../store/provisioning-store.ts";
import { orgFromWire } from "../wire.ts";

export async function deleteProvisionedUser(
  store: ProvisioningStore,
  request: DeleteProvisionedUserRequest,
): Promise<DeleteProvisionedUserResponse> {
  const { revision } = await store.delete(
    writeContext(request.context),
    orgFromWire(request.orgId, "org_id"),
    uuid(request.principalId, "principal_id"),
  );
  return { revision };
}
