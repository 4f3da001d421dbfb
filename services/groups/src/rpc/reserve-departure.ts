import { uuid, uuids } from "@portcullis/chassis/fields";
import type { Hop } from "@portcullis/chassis/rpc/call";
import type { ReserveDepartureRequest, ReserveDepartureResponse } from "@portcullis/proto/groups/v1/groups";
import type { GroupsStore } from "../store/groups-store.ts";
import { orgFromWire } from "../wire.ts";

/** Twice what identity removes at once: it takes as many by id as by address. */
export const departuresMax = 20_000;

export async function reserveDeparture(
  store: GroupsStore,
  request: ReserveDepartureRequest,
  hop: Hop,
): Promise<ReserveDepartureResponse> {
  await store.reserveDeparture(
    orgFromWire(request.orgId),
    uuids(request.principalIds, "principal_ids", departuresMax),
    uuid(request.reservationId, "reservation_id"),
    hop,
  );
  return {};
}
