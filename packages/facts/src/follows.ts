import { causeOf } from "@portcullis/chassis/fault";
import type { Log } from "@portcullis/chassis/log";
import { type OrgId, type Owner, owners } from "@portcullis/policy";
import { LRUCache } from "lru-cache";
import { chunksOf } from "./chunks.ts";
import { Follow } from "./follow.ts";
import type { FactMemory } from "./memory.ts";
import type { Prerequisite } from "./prerequisite.ts";
import { encodeRevision, type Seen } from "./revision.ts";
import { entriesMax, type LogStretch, type OwnersLogs } from "./source.ts";

export interface FollowsOptions {
  readonly owners: OwnersLogs;
  readonly memory: FactMemory;
  /** Monotonic milliseconds. */
  readonly clock: () => number;
  readonly log: Log;
  readonly confirmEveryMs?: number;
  /** How old a confirmation made in advance may be when it comes, where it comes from somebody who asked the owner. */
  readonly inheritedMs?: number;
}

/** Organisations that nobody asked about for this long are no longer confirmed in advance. */
const idleMs = 300_000;
/** Organisations followed at a time. */
const organizationsMax = 10_000;

/** One organisation, as this process follows the owners' logs of it. */
export class FollowedOrganization {
  readonly org: OrgId;
  readonly byOwner: Readonly<Record<Owner, Follow>>;
  lastAskedAt = Number.NEGATIVE_INFINITY;
  #moment: Moment = { identity: null, groups: null, grants: null };
  #revision: { readonly text: string; readonly moment: Moment; readonly tokens: Follow["mark"] } | null =
    null;

  constructor(org: OrgId) {
    this.org = org;
    this.byOwner = {
      identity: new Follow(org, "identity"),
      groups: new Follow(org, "groups"),
      grants: new Follow(org, "grants"),
      tokens: new Follow(org, "tokens"),
    };
  }

  /** Where the logs stand that say who may do what. */
  moment(): Moment {
    const { identity, groups, grants } = this.byOwner;
    const known = this.#moment;
    if (known.identity === identity.mark && known.groups === groups.mark && known.grants === grants.mark) {
      return known;
    }
    this.#moment = { identity: identity.mark, groups: groups.mark, grants: grants.mark };
    return this.#moment;
  }

  /** The token of what this process has seen of the organisation; made once for each state of it. */
  revision(): string {
    const moment = this.moment();
    const { tokens } = this.byOwner;
    if (this.#revision?.moment === moment && this.#revision.tokens === tokens.mark)
      return this.#revision.text;
    const seen = owners.flatMap((owner): Seen[] => {
      const { mark, history } = this.byOwner[owner];
      return mark === null ? [] : [{ owner, history, position: mark.app }];
    });
    const text = encodeRevision({ org: this.org, seen });
    this.#revision = { text, moment, tokens: tokens.mark };
    return text;
  }
}

/**
 * A place in each log that says who may do what: another object as soon as one of the logs is seen to have moved. The
 * facts of these owners, as they are used as long as it is the same, say the same.
 */
export type Moment = Readonly<Record<Exclude<Owner, "tokens">, Follow["mark"]>>;

/** Follows the owners' logs for this process' memory: pulls them when it is told to, and keeps confirming their heads. */
export class Follows implements Disposable {
  readonly #owners: OwnersLogs;
  readonly #memory: FactMemory;
  readonly #clock: () => number;
  readonly #log: Log;
  readonly #inheritedMs: number;
  readonly #organizations = new LRUCache<OrgId, FollowedOrganization>({ max: organizationsMax });
  /** The one that was asked about last: most often the next question is about it too, and nothing drops it before. */
  #last: FollowedOrganization | null = null;
  readonly #timer: NodeJS.Timeout;
  readonly #confirmations = new Map<Follow, Confirmation>();
  #unsent: Confirmation[] = [];
  readonly #pulls = new Map<Follow, Promise<boolean>>();
  readonly #unreachable = new Set<Owner>();
  readonly #listeners = new Map<OrgId, Set<Listener>>();

  constructor(options: FollowsOptions) {
    this.#owners = options.owners;
    this.#memory = options.memory;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#inheritedMs = options.inheritedMs ?? 0;
    this.#timer = setInterval(() => this.#confirmAll(), options.confirmEveryMs ?? 500);
    this.#timer.unref();
  }

  /** The organisation; from now on it is kept confirmed for a while. */
  of(org: OrgId, now: number): FollowedOrganization {
    const organization = this.#last?.org === org ? this.#last : this.#found(org);
    organization.lastAskedAt = now;
    this.#last = organization;
    return organization;
  }

  /**
   * Asks the owner where its log stands, at `since` or later, and follows it there. Calls of one tick go out together.
   * Throws a Fault if that can't be done. The follow need not be confirmed afterwards, when its history has changed
   * meanwhile: look, and ask again.
   */
  async confirm(follow: Follow, since: number): Promise<void> {
    const known = this.#confirmations.get(follow);
    if (known?.askedAt === null) {
      known.since = Math.max(known.since, since);
      await known.done;
    } else if (known !== undefined && known.askedAt >= since) await known.done;
    else await this.#ask(follow, since).done;
  }

  /** Pulls the log up to a position. False: there is no such position yet, or the history has changed. */
  async advance(follow: Follow, position: number): Promise<boolean> {
    const gen = follow.mark?.gen;
    while (follow.mark !== null && follow.mark.gen === gen) {
      if (follow.mark.app >= position) return true;
      const running = this.#pulls.get(follow);
      const isAtEnd = await (running ?? this.#pull(follow));
      // Somebody else's pull may have begun before the position was taken.
      if (isAtEnd && running === undefined) return follow.mark.gen === gen && follow.mark.app >= position;
    }
    return false;
  }

  /** Comes as far in the log as another owner's demands. Throws a Fault if that can't be done. */
  async meet(follow: Follow, { place, headSince, learnedAt }: Prerequisite): Promise<void> {
    const isComparable = place !== null && follow.mark?.incarnation === place.incarnation;
    if (isComparable && follow.confirmedAt >= headSince && (await this.advance(follow, place.position)))
      return;
    await this.confirm(follow, learnedAt);
  }

  /** Hears that a log has grown. */
  hear(owner: Owner, org: OrgId, position: number): void {
    const follow = this.#organizations.peek(org)?.byOwner[owner];
    if (follow === undefined) return;
    this.advance(follow, position).catch(() => undefined); // the next confirmation pulls again, and tells
  }

  /** Hears what a log has grown by. Where that does not follow on what is known, the log is looked at. */
  hearStretch(owner: Owner, org: OrgId, stretch: LogStretch): void {
    const follow = this.#organizations.peek(org)?.byOwner[owner];
    const last = stretch.entries.at(-1);
    if (follow === undefined || last === undefined) return;
    this.#apply(follow, stretch);
    this.hear(owner, org, last.position);
  }

  /** Calls back whenever one of the organisation's logs is seen to have grown, or to have begun anew, until it is disposed. */
  listen(org: OrgId, listener: Listener): Disposable {
    const listeners = this.#listeners.get(org) ?? new Set();
    this.#listeners.set(org, listeners);
    listeners.add(listener);
    return {
      [Symbol.dispose]: () => {
        listeners.delete(listener);
        if (listeners.size === 0 && this.#listeners.get(org) === listeners) this.#listeners.delete(org);
      },
    };
  }

  /**
   * For how long the log of this owner was not confirmed, in the organisation in use where that is the longest. Null: it is
   * followed in none.
   */
  watermarkAgeMs(owner: Owner): number | null {
    const now = this.#clock();
    let oldest: number | null = null;
    for (const { byOwner, lastAskedAt } of this.#organizations.values()) {
      const { confirmedAt } = byOwner[owner];
      if (!isKeptConfirmed(byOwner[owner], lastAskedAt, now)) continue;
      oldest = Math.max(oldest ?? 0, now - confirmedAt);
    }
    return oldest;
  }

  /** Whether the owner could be asked when it was asked last. */
  isReachable(owner: Owner): boolean {
    return !this.#unreachable.has(owner);
  }

  /** How many organisations are followed. */
  get size(): number {
    return this.#organizations.size;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #found(org: OrgId): FollowedOrganization {
    const known = this.#organizations.get(org);
    if (known !== undefined) return known;
    const organization = new FollowedOrganization(org);
    this.#organizations.set(org, organization);
    return organization;
  }

  #tell(org: OrgId, news: News | null): void {
    for (const listener of this.#listeners.get(org) ?? []) listener(news);
  }

  #confirmAll(): void {
    const now = this.#clock();
    // Asked on, be it about what nobody uses: else it would be told to be away for as long as nobody asks.
    const away = new Set(this.#unreachable);
    for (const { byOwner, lastAskedAt } of this.#organizations.values()) {
      for (const follow of Object.values(byOwner)) {
        const isAsked = away.delete(follow.owner) || isKeptConfirmed(follow, lastAskedAt, now);
        if (!isAsked || this.#confirmations.has(follow)) continue;
        this.confirm(follow, now - this.#inheritedMs).catch(() => undefined); // told once for each owner
      }
    }
  }

  #ask(follow: Follow, since: number): Confirmation {
    const { promise: done, resolve, reject } = Promise.withResolvers<void>();
    const confirmation: Confirmation = { follow, since, askedAt: null, done, resolve, reject };
    this.#confirmations.set(follow, confirmation);
    const leave = () => {
      if (this.#confirmations.get(follow) === confirmation) this.#confirmations.delete(follow);
    };
    done.then(leave, leave);
    if (this.#unsent.length === 0) setImmediate(() => this.#send());
    this.#unsent.push(confirmation);
    return confirmation;
  }

  #send(): void {
    const unsent = Map.groupBy(this.#unsent, ({ follow }) => follow.owner);
    this.#unsent = [];
    for (const [owner, confirmations] of unsent) {
      for (const chunk of chunksOf(confirmations, entriesMax)) void this.#askHeads(owner, chunk);
    }
  }

  async #askHeads(owner: Owner, confirmations: readonly Confirmation[]): Promise<void> {
    const askedAt = this.#clock();
    const marks = confirmations.map(({ follow }) => follow.mark);
    for (const confirmation of confirmations) confirmation.askedAt = askedAt;
    const demands = confirmations.map(({ since }, index) => ({
      maxAgeMs: Math.min(Math.max(0, askedAt - since), this.#inheritedMs),
      seen: marks[index] ?? null,
    }));
    try {
      const orgs = confirmations.map(({ follow }) => follow.org);
      const { incarnation, heads, agesMs } = await this.#owners[owner].heads(orgs, demands);
      this.#reached(owner);
      for (const [index, { follow, resolve, reject }] of confirmations.entries()) {
        const answer = {
          askedAt: askedAt - (agesMs?.[index] ?? 0),
          seen: marks[index] ?? null,
          incarnation,
          head: heads[index] ?? 0,
        };
        this.#settle(follow, answer).then(resolve, reject);
      }
    } catch (error) {
      this.#missed(owner, error);
      for (const { reject } of confirmations) reject(error);
    }
  }

  async #settle(follow: Follow, { askedAt, seen, incarnation, head }: Answer): Promise<void> {
    if (follow.restart(seen, incarnation, head, this.#clock())) {
      const { org } = follow;
      if (seen !== null) {
        this.#log.warn(
          { owner: follow.owner, org, seen: seen.app, head },
          "a log began anew; its facts are void",
        );
      }
      this.#tell(org, null);
    }
    const gen = follow.mark?.gen;
    if (gen === undefined || follow.mark?.incarnation !== incarnation) return;
    await this.advance(follow, head);
    follow.confirm(gen, askedAt, head);
  }

  #pull(follow: Follow): Promise<boolean> {
    const pull = this.#pullOnce(follow).finally(() => this.#pulls.delete(follow));
    this.#pulls.set(follow, pull);
    return pull;
  }

  /** Answers whether the memory has come to the end of the log, or can't come further. */
  async #pullOnce(follow: Follow): Promise<boolean> {
    const seen = follow.mark;
    if (seen === null) return true;
    const stretch = await this.#owners[follow.owner].readLog(follow.org, seen.app);
    if (stretch.incarnation !== seen.incarnation) {
      follow.distrust();
      return true;
    }
    if (follow.mark?.gen !== seen.gen) return true;
    this.#apply(follow, stretch);
    return follow.mark === seen || follow.mark.app >= stretch.head;
  }

  #apply(follow: Follow, stretch: LogStretch): void {
    const { mark, owner, org } = follow;
    follow.apply(this.#memory, stretch, this.#clock());
    if (follow.mark !== mark) this.#tell(org, { owner, stretch });
  }

  #missed(owner: Owner, error: unknown): void {
    if (this.#unreachable.has(owner)) return;
    this.#unreachable.add(owner);
    this.#log.warn(
      { owner, reason: String(error), cause: causeOf(error) },
      "an owner can't be asked; its facts are used until they are too old",
    );
  }

  #reached(owner: Owner): void {
    if (this.#unreachable.delete(owner)) this.#log.info({ owner }, "an owner can be asked again");
  }
}

/** Whether it is confirmed in advance. An organisation without events may be nobody's; it is when it is asked about. */
function isKeptConfirmed({ mark }: Follow, lastAskedAt: number, now: number): boolean {
  return mark !== null && mark.app > 0 && lastAskedAt >= now - idleMs;
}

/** What a log has grown by. */
export interface News {
  readonly owner: Owner;
  readonly stretch: LogStretch;
}

/** Null: a log began anew. */
type Listener = (news: News | null) => void;

interface Confirmation {
  readonly follow: Follow;
  /** When the owner must have been asked. Later demands join as long as it has not been. */
  since: number;
  /** Null: not yet. */
  askedAt: number | null;
  readonly done: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

interface Answer {
  readonly askedAt: number;
  readonly seen: Follow["mark"];
  readonly incarnation: string;
  readonly head: number;
}
