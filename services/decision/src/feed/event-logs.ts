import { Fault } from "@portcullis/chassis/fault";
import type { Stub } from "@portcullis/chassis/rpc/client";
import { dependenciesFromWire } from "@portcullis/facts/wire";
import type { OrgId, Owner } from "@portcullis/policy";
import type { Event } from "@portcullis/proto/events/v1/events";
import type { FactsService } from "@portcullis/proto/facts/v1/facts";
import { askOwner, isStretchOf } from "../owners.ts";
import type { ReadStretch } from "./merged-logs.ts";

/** What the owners' logs hold, in full. */
export interface EventLogs {
  /** Some events behind the position. Those who ask for the same at the same time share the answer. Throws Faults. */
  read(owner: Owner, org: OrgId, after: number): Promise<HistoricStretch>;
}

interface HistoricStretch extends ReadStretch<Event> {
  readonly incarnation: string;
}

/** What waits for a slow watcher is no more than this of each log, unless a single event is. */
const eventsAtOnce = 100;
const bytesAtOnce = 256 * 1024;

export function eventLogs(
  stubs: Readonly<Record<Owner, Pick<Stub<typeof FactsService>, "readLog">>>,
  clock: () => number,
): EventLogs {
  const running = new Map<string, Promise<HistoricStretch>>();
  async function readOnce(owner: Owner, org: OrgId, after: number): Promise<HistoricStretch> {
    const askedAt = clock();
    const request = { orgId: org, after, limit: eventsAtOnce, bytesLimit: bytesAtOnce };
    const { events, head, incarnation } = await askOwner(
      owner,
      (hop) => stubs[owner].readLog(request, hop),
      (response) => isStretchOf(response.events, org, after),
    );
    if (events.length === 0 && head > after) {
      throw new Fault("unavailable", `${owner} does not have all of its log`, { retryAfterMs: 1000 });
    }
    return { incarnation, askedAt, answeredAt: clock(), events: events.map(ordered) };
  }
  return {
    read(owner, org, after) {
      const place = `${owner} ${org} ${after}`;
      const reading = running.get(place) ?? readOnce(owner, org, after).finally(() => running.delete(place));
      running.set(place, reading);
      return reading;
    },
  };
}

function ordered(event: Event) {
  return {
    position: event.position,
    atMs: event.at?.getTime() ?? 0,
    dependsOn: dependenciesFromWire(event),
    event,
  };
}
