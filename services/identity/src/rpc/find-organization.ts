import { text } from "@portcullis/chassis/fields";
import type {
  FindOrganizationRequest,
  FindOrganizationResponse,
} from "@portcullis/proto/identity/v1/identity";
import type { OrganizationsStore } from "../store/organizations-store.ts";
import { nameMax, organizationToWire } from "../wire.ts";

export async function findOrganization(
  store: OrganizationsStore,
  request: FindOrganizationRequest,
): Promise<FindOrganizationResponse> {
  return { organization: organizationToWire(await store.find(text(request.name, "name", nameMax))) };
}
