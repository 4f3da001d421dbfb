import { Fault } from "@portcullis/chassis/fault";
import type { Follows } from "@portcullis/facts";
import { encodeRevision, historyOf } from "@portcullis/facts/revision";
import { type OrgId, type Owner, owners } from "@portcullis/policy";
import type { Event } from "@portcullis/proto/events/v1/events";
import { historyEnded } from "./beginning.ts";
import type { EventLogs } from "./event-logs.ts";
import { MergedLogs, type Places } from "./merged-logs.ts";

/** An event in the order of the feed, and the revision behind it. */
export interface FeedEvent {
  readonly event: Event;
  readonly revision: string;
}

export interface FeedParts {
  readonly follows: Follows;
  readonly logs: EventLogs;
  /** Monotonic milliseconds. */
  readonly clock: () => number;
}

/** So many are told at once. */
const eventsMax = 100;

/** The change feed of one organisation, as one watcher goes through it. It holds no more than one stretch of each log. */
export class Feed {
  readonly #parts: FeedParts;
  readonly #org: OrgId;
  readonly #merged: MergedLogs<Event>;
  readonly #histories: Readonly<Record<Owner, string>>;

  constructor(parts: FeedParts, org: OrgId, from: Places) {
    this.#parts = parts;
    this.#org = org;
    this.#merged = new MergedLogs(from);
    this.#histories = {
      identity: historyOf(from.identity.incarnation),
      groups: historyOf(from.groups.incarnation),
      grants: historyOf(from.grants.incarnation),
      tokens: historyOf(from.tokens.incarnation),
    };
  }

  /** The revision behind all that was told. */
  revision(): string {
    const places = this.#merged.places();
    const seen = owners.map((owner) => ({
      owner,
      history: this.#histories[owner],
      position: places[owner].position,
    }));
    return encodeRevision({ org: this.#org, seen });
  }

  /** The next events, as far as the logs are known to reach; none: all was told. Throws Faults. */
  async next(): Promise<readonly FeedEvent[]> {
    for (;;) {
      const told: FeedEvent[] = [];
      while (told.length < eventsMax) {
        const next = this.#merged.next();
        if (next === null) break;
        told.push({ event: next.event, revision: this.revision() });
      }
      if (told.length > 0) return told;
      const unread = this.#unread();
      if (unread.length === 0) {
        if (owners.every((owner) => this.#merged.isTold(owner))) return [];
        throw new Fault("internal", "internal", { cause: new Error("events wait for each other") });
      }
      await Promise.all(unread.map((owner) => this.#read(owner)));
    }
  }

  /** Has the logs looked at of which nobody tells when they grow. Throws Faults. */
  async look(): Promise<void> {
    const { follows, clock } = this.#parts;
    const now = clock();
    const { byOwner } = follows.of(this.#org, now);
    const unheard = owners.filter((owner) => (byOwner[owner].mark?.app ?? 0) === 0);
    await Promise.all(unheard.map((owner) => follows.confirm(byOwner[owner], now)));
  }

  /** The logs that are known to hold more than was told, or that must be read before what waits can be told. */
  #unread(): readonly Owner[] {
    const { byOwner } = this.#parts.follows.of(this.#org, this.#parts.clock());
    const places = this.#merged.places();
    const lacking = this.#merged.lacking();
    return owners.filter((owner) => {
      const { mark } = byOwner[owner];
      if (mark !== null && mark.incarnation !== places[owner].incarnation) throw historyEnded(owner);
      const hasGrown = mark !== null && mark.app > places[owner].position && this.#merged.isTold(owner);
      return hasGrown || lacking.includes(owner);
    });
  }

  async #read(owner: Owner): Promise<void> {
    const place = this.#merged.places()[owner];
    const { incarnation, ...stretch } = await this.#parts.logs.read(owner, this.#org, place.position);
    if (incarnation !== place.incarnation) throw historyEnded(owner);
    this.#merged.add(owner, stretch);
  }
}
