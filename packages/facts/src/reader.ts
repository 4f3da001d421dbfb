import { Fault } from "@portcullis/chassis/fault";
import {
  type CredentialDigest,
  type FactKey,
  type FactKind,
  factOwners,
  isNeeds,
  type Needs,
  type ObjectRef,
  type OrgId,
  type Owner,
  type ParentsLookup,
  type PrincipalId,
  type Subject,
} from "@portcullis/policy";
import type { Follow } from "./follow.ts";
import type { FollowedOrganization, Follows, Moment } from "./follows.ts";
import { type Consistency, Demand, minimizeLatency } from "./freshness.ts";
import type { FactMemory, MemoryMark, Place } from "./memory.ts";
import { factReads, type Layer } from "./metrics.ts";
import { Places } from "./places.ts";
import { type Prepared, type PreparedValues, prepare } from "./prepared.ts";
import { isMet, type Prerequisite } from "./prerequisite.ts";
import type { Held } from "./register.ts";
import type { FactRequest, FactSource, LoadedFact } from "./source.ts";

export interface FactReaderOptions {
  readonly memory: FactMemory;
  readonly follows: Follows;
  /** Where facts come from that memory does not hold. */
  readonly source: FactSource;
  /** Monotonic milliseconds. */
  readonly clock: () => number;
  /** A fact is used only if its owner confirmed, no longer ago than this, a position at which it holds. */
  readonly maxStalenessMs: number;
}

/** The facts of one organisation, as {@link FactReader} lets an evaluation see them. */
export interface Facts extends ParentsLookup {
  /** What all facts here are of, but for credentials. Null: not all of them may be used now. */
  moment(): Moment | null;
  /** Takes what was decided at that moment for true, as if all its facts had been read again. */
  useMoment(): void;
  credential(digest: CredentialDigest): PreparedValues["credential"] | undefined;
}

/** What an evaluation answered, and the revision that it saw. */
export interface Answer<Result> {
  readonly result: Result;
  readonly revision: string;
  /** What all facts for it were of, but for credentials. */
  readonly moment: Moment;
  /** The farthest that facts for it came from. */
  readonly layer: Layer;
}

/** Who asks. Once its signal is aborted, nothing more is read for it alone. */
export interface Asker {
  readonly signal?: AbortSignal;
}

/** Answers, or says which facts it misses. */
type Evaluate<Result extends object> = (facts: Facts) => Result | Needs;

/** Each round loads what can be named by then; a few may be lost to changes that come in between. */
const attemptsMax = 16;

/**
 * Evaluates questions over facts that are fresh enough and of one moment: for each owner there is a position at which
 * all the facts that were used held together, and which is not older than what is demanded. And none of these places is
 * seen without what it came after in the logs of the other owners.
 */
export class FactReader {
  readonly #options: FactReaderOptions;
  readonly #usualDemand: Demand;
  /** That of the last question, for the next: most often it is about the same organisation. */
  #spare: Reading | null = null;

  constructor(options: FactReaderOptions) {
    this.#options = options;
    this.#usualDemand = new Demand(minimizeLatency, 0, options.maxStalenessMs);
  }

  /**
   * The evaluation is pure, and may be called several times: each time it answers, or says which facts it misses.
   * When memory has all, the answer comes at once. Throws a Fault when the facts can't be had fresh enough.
   */
  read<Result extends object>(
    org: OrgId,
    consistency: Consistency,
    evaluate: Evaluate<Result>,
    asker: Asker = {},
  ): Answer<Result> | Promise<Answer<Result>> {
    const { follows, clock, maxStalenessMs } = this.#options;
    const now = clock();
    const demand =
      consistency.kind === "minimize_latency"
        ? this.#usualDemand
        : new Demand(consistency, now, maxStalenessMs);
    const reading = this.#readingOf(follows.of(org, now), demand);
    const answer = reading.attempt(evaluate, now);
    if (answer === null) return reading.complete(evaluate, asker);
    this.#spare = reading;
    return answer;
  }

  #readingOf(organization: FollowedOrganization, demand: Demand): Reading {
    const spare = this.#spare;
    this.#spare = null;
    const reading =
      spare?.organization === organization ? spare : new Reading(this.#options, organization, demand);
    reading.demand = demand;
    return reading;
  }
}

/** What an attempt uses of one owner. */
interface Share {
  readonly follow: Follow;
  /** Where all that is used holds. Null: nothing may be used now. */
  mark: MemoryMark | null;
  /** When the latest of the used facts began to hold. */
  latest: number;
}

const unused = -1;

function shareOf(follow: Follow): Share {
  return { follow, mark: null, latest: unused };
}

/** One question on its way to an answer. One that was answered from memory leaves nothing behind, so the next may follow. */
class Reading implements Facts {
  readonly organization: FollowedOrganization;
  readonly #options: FactReaderOptions;
  readonly #share: Readonly<Record<Owner, Share>>;
  readonly #shares: readonly Share[];
  /** What is demanded of each log. */
  demand: Demand;
  #now = 0;
  /** Where the logs stand that may be used. */
  #moment: Moment;
  /** What memory holds. */
  #kept: Places<Place> | undefined;
  /** What this question has read itself; memory may have no room for it. */
  #own: Places<OwnFact> | null = null;
  #layer: Layer = "memory";
  // What the last attempt met.
  #unmet: Set<Follow> | null = null;
  #lacking: Prerequisite[] | null = null;
  #missing: readonly FactKey[] = none;
  #next: Needs["next"];

  constructor(options: FactReaderOptions, organization: FollowedOrganization, demand: Demand) {
    this.#options = options;
    this.organization = organization;
    this.demand = demand;
    this.#moment = organization.moment();
    const { identity, groups, grants, tokens } = organization.byOwner;
    this.#share = {
      identity: shareOf(identity),
      groups: shareOf(groups),
      grants: shareOf(grants),
      tokens: shareOf(tokens),
    };
    this.#shares = Object.values(this.#share);
  }

  moment(): Moment | null {
    const { identity, groups, grants } = this.#share;
    const isUsable = identity.mark !== null && groups.mark !== null && grants.mark !== null;
    return isUsable ? this.#moment : null;
  }

  useMoment(): void {
    use(this.#share.identity, 0);
    use(this.#share.groups, 0);
    use(this.#share.grants, 0);
  }

  member(principal: PrincipalId): PreparedValues["member"] | undefined {
    return this.#find<"member">(
      this.#share.identity,
      this.#kept?.member(principal),
      this.#own?.member(principal),
    );
  }

  memberships(principal: PrincipalId): PreparedValues["memberships"] | undefined {
    return this.#find<"memberships">(
      this.#share.groups,
      this.#kept?.memberships(principal),
      this.#own?.memberships(principal),
    );
  }

  groups(): PreparedValues["groups"] | undefined {
    return this.#find<"groups">(this.#share.groups, this.#kept?.groups(), this.#own?.groups());
  }

  roles(): PreparedValues["roles"] | undefined {
    return this.#find<"roles">(this.#share.grants, this.#kept?.roles(), this.#own?.roles());
  }

  access(object: ObjectRef): PreparedValues["access"] | undefined {
    return this.#find<"access">(this.#share.grants, this.#kept?.access(object), this.#own?.access(object));
  }

  parents(object: ObjectRef): PreparedValues["parents"] | undefined {
    return this.#find<"parents">(this.#share.grants, this.#kept?.parents(object), this.#own?.parents(object));
  }

  aclsNaming(object: ObjectRef, subject: Subject): PreparedValues["acls_naming"] | undefined {
    const key = { kind: "acls_naming", org: this.organization.org, object, subject } as const;
    return this.#find<"acls_naming">(this.#share.grants, this.#kept?.get(key), this.#own?.get(key));
  }

  acls(object: ObjectRef): PreparedValues["acls"] | undefined {
    const key = { kind: "acls", org: this.organization.org, object } as const;
    return this.#find<"acls">(this.#share.grants, this.#kept?.get(key), this.#own?.get(key));
  }

  credential(digest: CredentialDigest): PreparedValues["credential"] | undefined {
    return this.#find<"credential">(
      this.#share.tokens,
      this.#kept?.credential(digest),
      this.#own?.credential(digest),
    );
  }

  /** Evaluates with what is at hand. Null: something is missing, or does not go together. */
  attempt<Result extends object>(evaluate: Evaluate<Result>, now: number): Answer<Result> | null {
    this.#now = now;
    this.#kept = this.#options.memory.placesOf(this.organization.org);
    this.#moment = this.organization.moment();
    this.#unmet = null;
    this.#lacking = null;
    this.#missing = none;
    this.#next = undefined;
    for (const share of this.#shares) {
      const { follow } = share;
      share.mark = this.demand.isMetBy(follow, now) ? follow.mark : null;
      share.latest = unused;
    }
    let result: Result | Needs;
    try {
      result = evaluate(this);
    } catch (thrown) {
      // Who is refused is refused over facts that an answer could be made of.
      if (this.#goesTogether()) throw thrown;
      return null;
    }
    if (isNeeds(result)) {
      this.#missing = result.keys;
      this.#next = result.next;
      return null;
    }
    if (!this.#goesTogether()) return null;
    return { result, revision: this.organization.revision(), moment: this.#moment, layer: this.#layer };
  }

  /** Gets what the last attempt was lacking, and attempts again. */
  async complete<Result extends object>(evaluate: Evaluate<Result>, asker: Asker): Promise<Answer<Result>> {
    for (let attempts = 1; attempts < attemptsMax; attempts++) {
      // Nobody has gone yet who has just asked, and to be told takes longer than most of what follows.
      if (attempts > 1) asker.signal?.throwIfAborted();
      if (this.#unmet !== null) await this.#meetDemand(this.#unmet);
      else if (this.#missing.length > 0) await this.#load(this.#missing, this.#next?.(this) ?? []);
      else if (this.#lacking !== null) await this.#meetPrerequisites(this.#lacking);
      else await this.#bringTogether();
      const answer = this.attempt(evaluate, this.#options.clock());
      if (answer !== null) return answer;
    }
    throw new Fault("unavailable", "the facts can't be had fresh enough", { retryAfterMs: 1000 });
  }

  /** What is answered here is known to hold at the share's mark, if it began to hold by then. */
  #find<Kind extends FactKind>(
    share: Share,
    place: Place | undefined,
    own: OwnFact | undefined,
  ): PreparedValues[Kind] | undefined {
    const { mark } = share;
    if (mark === null) {
      this.#mustMeet(share);
      return undefined;
    }
    const held =
      (place === undefined ? null : this.#options.memory.readAt(mark, place)) ?? stillOwn(mark, own);
    if (held === null) {
      factReads.memory.miss++;
      return undefined;
    }
    factReads.memory.hit++;
    use(share, held.lo);
    return held.value as PreparedValues[Kind];
  }

  #mustMeet({ follow }: Share): void {
    this.#unmet ??= new Set();
    this.#unmet.add(follow);
  }

  /** Whether all that was used may be used, and together. Else it is noted what that takes. */
  #goesTogether(): boolean {
    if (this.#unmet !== null || !this.#isOfOneMoment() || !this.#hasPrerequisites()) return false;
    // The process may have been stopped while it evaluated.
    this.#now = this.#options.clock();
    return this.#isStillMet();
  }

  #isOfOneMoment(): boolean {
    for (const { latest, mark } of this.#shares) {
      if (mark !== null && latest > mark.app) return false;
    }
    return true;
  }

  #hasPrerequisites(): boolean {
    for (const { latest, follow } of this.#shares) {
      if (latest === unused) continue;
      for (const prerequisite of follow.prerequisites) {
        const other = this.#share[prerequisite.owner];
        if (other.latest === unused || isMet(prerequisite, other.follow)) continue;
        this.#lacking ??= [];
        this.#lacking.push(prerequisite);
      }
    }
    return this.#lacking === null;
  }

  #isStillMet(): boolean {
    for (const share of this.#shares) {
      if (share.latest !== unused && !this.demand.isMetBy(share.follow, this.#now)) this.#mustMeet(share);
    }
    return this.#unmet === null;
  }

  async #meetDemand(unmet: ReadonlySet<Follow>): Promise<void> {
    const { follows } = this.#options;
    await Promise.all(Array.from(unmet, (follow) => this.demand.meet(follow, follows, this.#now)));
  }

  async #meetPrerequisites(lacking: readonly Prerequisite[]): Promise<void> {
    const { follows } = this.#options;
    await Promise.all(
      lacking.map((prerequisite) =>
        follows.meet(this.organization.byOwner[prerequisite.owner], prerequisite),
      ),
    );
  }

  /** Facts that are missing, and along with them what will be missed next, which nothing fails for the lack of. */
  async #load(keys: readonly FactKey[], next: readonly FactKey[]): Promise<void> {
    const { source } = this.#options;
    const { byOwner } = this.organization;
    const seen = marksOf(byOwner);
    const requests: FactRequest[] = [];
    const ask = (key: FactKey, isAhead: boolean): void => {
      const mark = seen[factOwners[key.kind]];
      if (mark !== null) requests.push({ key, incarnation: mark.incarnation, notBefore: mark.app, isAhead });
    };
    for (const key of keys) ask(key, false);
    for (const key of next) ask(key, true);
    for (const [index, fact] of (await source.load(requests)).entries()) {
      if (fact instanceof Fault) {
        if (requests[index]?.isAhead === true) continue;
        throw fact;
      }
      if (this.#layer !== "owner") this.#layer = fact.layer;
      if (!this.#take(fact, seen)) byOwner[factOwners[fact.key.kind]].distrust();
      if (fact.next !== undefined) this.#take(fact.next, seen);
    }
  }

  /** Keeps a fact that was read after these marks were seen. False: it is of another history. */
  #take(fact: LoadedFact, seen: Record<Owner, MemoryMark | null>): boolean {
    const owner = factOwners[fact.key.kind];
    const { mark } = this.organization.byOwner[owner];
    // What is read is kept only under the generation that was seen before.
    const gen = seen[owner]?.gen;
    if (gen === undefined || fact.incarnation !== mark?.incarnation) return false;
    if (fact.held?.gen !== gen) {
      fact.held = { kind: "held", value: prepare(fact), lo: fact.lo, hi: fact.hi, gen };
      this.#options.memory.fill(mark, fact, fact.held);
    }
    this.#own ??= new Places();
    this.#own.put(fact.key, fact.held);
    return true;
  }

  /** A fact that was read ahead of the mark began to hold only behind it: the mark follows, and takes the others along. */
  async #bringTogether(): Promise<void> {
    const ahead = this.#shares.filter(({ latest }) => latest !== unused);
    const { follows } = this.#options;
    await Promise.all(ahead.map(({ follow, latest }) => follows.advance(follow, latest)));
  }
}

function marksOf({
  identity,
  groups,
  grants,
  tokens,
}: FollowedOrganization["byOwner"]): Record<Owner, MemoryMark | null> {
  return { identity: identity.mark, groups: groups.mark, grants: grants.mark, tokens: tokens.mark };
}

/** Notes that something was used that began to hold there. */
function use(share: Share, lo: number): void {
  if (lo > share.latest) share.latest = lo;
}

type OwnFact = Held<Prepared, symbol>;

/** A fact that the question has read itself, if it holds at the mark. */
function stillOwn(mark: MemoryMark, own: OwnFact | undefined): OwnFact | null {
  return own !== undefined && own.gen === mark.gen && own.hi >= mark.app ? own : null;
}

const none: readonly never[] = [];
