import { uuid } from "@portcullis/chassis/fields";
import type { ProvisionRequest, ProvisionResponse } from "@portcullis/proto/groups/v1/groups";
import { writeContext } from "@portcullis/store/write-context";
import type { GroupsStore } from "../store/groups-store.ts";
import { orgFromWire } from "../wire.ts";

export async function provision(store: GroupsStore, request: ProvisionRequest): Promise<ProvisionResponse> {
  const { result, revision } = await store.provision(
    writeContext(request.context),
    orgFromWire(request.orgId),
    uuid(request.ownerId, "owner_id"),
  );
  return {
    ownersId: result.owners,
    engineersId: result.engineers,
    viewersId: result.viewers,
    revision,
  };
}
