import { invalid } from "@portcullis/chassis/fault";
import { optionalText, uuid, uuids } from "@portcullis/chassis/fields";
import type { PrincipalId } from "@portcullis/policy";
import type {
  FindProvisionedUsersRequest,
  FindProvisionedUsersResponse,
} from "@portcullis/proto/identity/v1/identity";
import type { ProvisioningStore } from "../store/provisioning-store.ts";
import { listMax, orgFromWire, provisionedUserToWire } from "../wire.ts";

const limitMax = 1000;
/** Longer than anything that is kept, so that what is too long is just not found. */
const soughtMax = 1000;

export async function findProvisionedUsers(
  store: ProvisioningStore,
  request: FindProvisionedUsersRequest,
): Promise<FindProvisionedUsersResponse> {
  const { after, skip, limit } = request;
  if (limit > limitMax) throw invalid("limit", `must be at most ${limitMax}`);
  const { users, total } = await store.find(
    orgFromWire(request.orgId, "org_id"),
    {
      ids: uuids(request.ids, "ids", listMax),
      userName: soughtText(request.userName, "user_name"),
      externalId: soughtText(request.externalId, "external_id"),
      email: soughtText(request.email, "email"),
    },
    { after: after === "" ? null : uuid<PrincipalId>(after, "after"), skip, limit },
  );
  return { users: users.map(provisionedUserToWire), total };
}

function soughtText(value: string | undefined, field: string): string | null {
  return value === undefined ? null : optionalText(value, field, soughtMax);
}
