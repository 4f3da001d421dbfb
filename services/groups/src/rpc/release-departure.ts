import { uuid, uuids } from "@portcullis/chassis/fields";
import type { Hop } from "@portcullis/chassis/rpc/call";
import type { ReleaseDepartureRequest, ReleaseDepartureResponse } from "@portcullis/proto/groups/v1/groups";
import type { GroupsStore } from "../store/groups-store.ts";
import { orgFromWire } from "../wire.ts";
import { departuresMax } from "./reserve-departure.ts";

export async function releaseDeparture(
  store: GroupsStore,
  request: ReleaseDepartureRequest,
  hop: Hop,
): Promise<ReleaseDepartureResponse> {
  await store.releaseDeparture(
    orgFromWire(request.orgId),
    uuids(request.principalIds, "principal_ids", departuresMax),
    uuid(request.reservationId, "reservation_id"),
    hop,
  );
  return {};
}
