import { invalid } from "@portcullis/chassis/fault";
import { uuid } from "@portcullis/chassis/fields";
import type { GroupId } from "@portcullis/policy";
import type { ProvisionRequest, ProvisionResponse } from "@portcullis/proto/grants/v1/grants";
import { writeContext } from "@portcullis/store/write-context";
import type { AclStore } from "../store/acl-store.ts";
import { orgFromWire } from "../wire.ts";

export async function provision(acls: AclStore, request: ProvisionRequest): Promise<ProvisionResponse> {
  const context = writeContext(request.context);
  const org = orgFromWire(request.orgId);
  const groups = {
    owners: uuid<GroupId>(request.ownersId, "owners_id"),
    engineers: uuid<GroupId>(request.engineersId, "engineers_id"),
    viewers: uuid<GroupId>(request.viewersId, "viewers_id"),
  };
  if (groups.engineers === groups.owners) throw invalid("engineers_id", "is the same as owners_id");
  if (groups.viewers === groups.owners) throw invalid("viewers_id", "is the same as owners_id");
  if (groups.viewers === groups.engineers) throw invalid("viewers_id", "is the same as engineers_id");
  const { revision } = await acls.provision(context, org, groups);
  return { revision };
}
