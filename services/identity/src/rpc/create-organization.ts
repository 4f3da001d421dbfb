import { text, uuid } from "@portcullis/chassis/fields";
import type {
  CreateOrganizationRequest,
  CreateOrganizationResponse,
} from "@portcullis/proto/identity/v1/identity";
import { writeContext } from "@portcullis/store/write-context";
import type { OrganizationsStore } from "../store/organizations-store.ts";
import { nameMax, newUserFromWire, organizationToWire, orgFromWire, principalToWire } from "../wire.ts";

export async function createOrganization(
  store: OrganizationsStore,
  request: CreateOrganizationRequest,
): Promise<CreateOrganizationResponse> {
  const { result, revision } = await store.create(writeContext(request.context), {
    id: orgFromWire(request.id, "id"),
    name: text(request.name, "name", nameMax),
    ownerId: uuid(request.ownerId, "owner_id"),
    owner: newUserFromWire(request.owner, "owner"),
  });
  return {
    organization: organizationToWire(result.organization),
    owner: principalToWire(result.owner),
    revision,
  };
}
