import type { GetOrganizationRequest, GetOrganizationResponse } from "@portcullis/proto/identity/v1/identity";
import type { OrganizationsStore } from "../store/organizations-store.ts";
import { organizationToWire, orgFromWire } from "../wire.ts";

export async function getOrganization(
  store: OrganizationsStore,
  request: GetOrganizationRequest,
): Promise<GetOrganizationResponse> {
  return { organization: organizationToWire(await store.get(orgFromWire(request.id, "id"))) };
}
