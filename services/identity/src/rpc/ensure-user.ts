import type { EnsureUserRequest, EnsureUserResponse } from "@portcullis/proto/identity/v1/identity";
import type { OrganizationsStore } from "../store/organizations-store.ts";
import { newUserFromWire, principalToWire } from "../wire.ts";

export async function ensureUser(
  store: OrganizationsStore,
  request: EnsureUserRequest,
): Promise<EnsureUserResponse> {
  const user = await store.ensureUser(newUserFromWire(request.user, "user"));
  return { user: principalToWire(user) };
}
