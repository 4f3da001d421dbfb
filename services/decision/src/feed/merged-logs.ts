// One order of the events of all owners' logs: each log in its own order, and no event before what it came after in the
// others. Pure: it is given what was read, and says what to read next.

import { Fault } from "@portcullis/chassis/fault";
import type { Dependency } from "@portcullis/facts/wire";
import { type Owner, owners } from "@portcullis/policy";

/** An event, and what its place in the order follows from. */
export interface Ordered<Event> {
  readonly position: number;
  /** By the clock of its owner's database. */
  readonly atMs: number;
  readonly dependsOn: readonly Dependency[];
  readonly event: Event;
}

/** What was read of a log: without gaps, from behind its place on. Times are of the process' monotonic clock. */
export interface ReadStretch<Event> {
  readonly askedAt: number;
  readonly answeredAt: number;
  readonly events: readonly Ordered<Event>[];
}

/** How far a log has been told. */
export interface PlaceInLog {
  readonly incarnation: string;
  readonly position: number;
}

export type Places = Readonly<Record<Owner, PlaceInLog>>;

interface Waiting<Event> extends Ordered<Event> {
  readonly seenAt: number;
}

class WaitingLog<Event> {
  readonly incarnation: string;
  told: number;
  waiting: Waiting<Event>[] = [];
  /** The log had nothing more when it was asked at this time. */
  emptyAt = Number.NEGATIVE_INFINITY;

  constructor({ incarnation, position }: PlaceInLog) {
    this.incarnation = incarnation;
    this.told = position;
  }
}

export class MergedLogs<Event> {
  readonly #logs: Readonly<Record<Owner, WaitingLog<Event>>>;

  constructor(from: Places) {
    this.#logs = {
      identity: new WaitingLog(from.identity),
      groups: new WaitingLog(from.groups),
      grants: new WaitingLog(from.grants),
      tokens: new WaitingLog(from.tokens),
    };
  }

  /** How far each log has been told. */
  places(): Places {
    const { identity, groups, grants, tokens } = this.#logs;
    return {
      identity: placeOf(identity),
      groups: placeOf(groups),
      grants: placeOf(grants),
      tokens: placeOf(tokens),
    };
  }

  /** Whether all that was read of the log has been told. */
  isTold(owner: Owner): boolean {
    return this.#logs[owner].waiting.length === 0;
  }

  /** Takes what was read behind the log's place; only when all before it has been told. */
  add(owner: Owner, { askedAt, answeredAt, events }: ReadStretch<Event>): void {
    const log = this.#logs[owner];
    if (log.waiting.length > 0 || (events[0] !== undefined && events[0].position !== log.told + 1)) {
      throw new Error(`events of ${owner} were read that do not follow what was told`);
    }
    log.waiting = events.map((event) => ({ ...event, seenAt: answeredAt }));
    if (events.length === 0) log.emptyAt = Math.max(log.emptyAt, askedAt);
  }

  /** The next event in the order; null: first the logs must be read that {@link lacking} names, or nothing is left. */
  next(): Ordered<Event> | null {
    const following = owners.filter((owner) => this.#hasFollowing(owner));
    const certain = following.filter((owner) => !this.#isUncertain(owner));
    // Whatever an uncertain event came after can be told without it, and so is told before it.
    const chosen =
      this.#earliest(certain) ?? (this.lacking().length === 0 ? this.#earliest(following) : undefined);
    if (chosen === undefined) return null;
    const log = this.#logs[chosen];
    const event = log.waiting.shift();
    if (event === undefined) return null;
    log.told = event.position;
    return event;
  }

  /** The logs that must be read before what waits can be told. */
  lacking(): readonly Owner[] {
    const latest = Math.max(
      ...owners.map((owner) => this.#logs[owner].waiting[0]?.seenAt ?? Number.NEGATIVE_INFINITY),
    );
    return owners.filter((owner) => this.isTold(owner) && this.#logs[owner].emptyAt < latest);
  }

  /** Whether all that the log's next event is known to come after has been told. */
  #hasFollowing(owner: Owner): boolean {
    const [next] = this.#logs[owner].waiting;
    if (next === undefined) return false;
    return next.dependsOn.every(({ owner: other, place }) => {
      const log = this.#logs[other];
      if (place?.incarnation !== log.incarnation || place.position <= log.told) return true;
      if (log.waiting.length === 0 && log.emptyAt >= next.seenAt) {
        throw new Fault("unavailable", `${other} does not have what an event of ${owner} came after`, {
          retryAfterMs: 1000,
        });
      }
      return false;
    });
  }

  /** Of some log it is not known how far the log's next event came after it: at most as far as it stood when it was seen. */
  #isUncertain(owner: Owner): boolean {
    return (
      this.#logs[owner].waiting[0]?.dependsOn.some(
        ({ owner: other, place }) => place?.incarnation !== this.#logs[other].incarnation,
      ) ?? false
    );
  }

  #earliest(candidates: readonly Owner[]): Owner | undefined {
    const atMs = (owner: Owner) => this.#logs[owner].waiting[0]?.atMs ?? 0;
    return candidates.toSorted((one, other) => atMs(one) - atMs(other))[0];
  }
}

function placeOf({ incarnation, told }: WaitingLog<unknown>): PlaceInLog {
  return { incarnation, position: told };
}
