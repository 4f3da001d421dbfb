import type { FindUserRequest, FindUserResponse } from "@portcullis/proto/identity/v1/identity";
import type { OrganizationsStore } from "../store/organizations-store.ts";
import { emailFromWire, principalToWire } from "../wire.ts";

export async function findUser(
  store: OrganizationsStore,
  { email }: FindUserRequest,
): Promise<FindUserResponse> {
  return { user: principalToWire(await store.findUser(emailFromWire(email, "email"))) };
}
