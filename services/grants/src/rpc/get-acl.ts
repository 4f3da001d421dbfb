import { uuid } from "@portcullis/chassis/fields";
import type { GetAclRequest, GetAclResponse } from "@portcullis/proto/grants/v1/grants";
import type { AclStore } from "../store/acl-store.ts";
import { aclMessage, orgFromWire } from "../wire.ts";

export async function getAcl(acls: AclStore, request: GetAclRequest): Promise<GetAclResponse> {
  const acl = await acls.get(orgFromWire(request.orgId), uuid(request.id, "id"));
  return { acl: aclMessage(acl) };
}
