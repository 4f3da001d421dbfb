import type { ListAclsRequest, ListAclsResponse } from "@portcullis/proto/grants/v1/grants";
import type { AclStore } from "../store/acl-store.ts";
import { aclFilterFromWire, aclMessage, orgFromWire } from "../wire.ts";

export async function listAcls(acls: AclStore, request: ListAclsRequest): Promise<ListAclsResponse> {
  const found = await acls.list(orgFromWire(request.orgId), aclFilterFromWire(request), request.page);
  return { acls: found.map(aclMessage) };
}
