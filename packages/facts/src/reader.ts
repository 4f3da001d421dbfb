import { Fault } from "@portcullis/chassis/fault";
import {
  type CredentialDigest,
  type FactKey,
  type FactLookup,
  factOwners,
  isNeeds,
  type Needs,
  type ObjectRef,
  type OrgId,
  type Owner,
  owners,
  type PrincipalId,
  type Subject,
} from "@portcullis/policy";
import type { Follow } from "./follow.ts";
import type { FollowedOrganization, Follows } from "./follows.ts";
import { type Consistency, Demand, minimizeLatency } from "./freshness.ts";
import type { FactMemory, MemoryMark } from "./memory.ts";
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
export interface Facts extends FactLookup {
  credential(digest: CredentialDigest): PreparedValues["credential"] | undefined;
}

/** What an evaluation answered, and the revision that it saw. */
export interface Answer<Result> {
  readonly result: Result;
  readonly revision: string;
  /** The farthest that facts for it came from. */
  readonly layer: Layer;
}

/** Who asks. Once its signal is aborted, nothing more is read for it alone. */
export interface Asker {
  readonly signal?: AbortSignal;
}

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
    evaluate: (facts: Facts) => Result | Needs,
    asker: Asker = {},
  ): Answer<Result> | Promise<Answer<Result>> {
    const { follows, clock, maxStalenessMs } = this.#options;
    const now = clock();
    const demand =
      consistency.kind === "minimize_latency"
        ? this.#usualDemand
        : new Demand(consistency, now, maxStalenessMs);
    const reading = new Reading(this.#options, follows.of(org, now), demand, evaluate);
    return reading.attempt(now) ?? reading.complete(asker);
  }
}

/** One question on its way to an answer. */
class Reading<Result extends object> implements Facts {
  readonly #options: FactReaderOptions;
  readonly #organization: FollowedOrganization;
  readonly #demand: Demand;
  readonly #evaluate: (facts: Facts) => Result | Needs;
  #now = 0;
  /** What this question has read itself; memory may have no room for it. */
  #own: Places<Held<Prepared, symbol>> | null = null;
  #layer: Layer = "memory";
  // What the last attempt met.
  /** When the latest of the used facts began to hold, by owner. */
  #latest = nothingYet;
  #unmet: Set<Follow> | null = null;
  #lacking: Prerequisite[] | null = null;
  #missing: readonly FactKey[] = [];

  constructor(
    options: FactReaderOptions,
    organization: FollowedOrganization,
    demand: Demand,
    evaluate: (facts: Facts) => Result | Needs,
  ) {
    this.#options = options;
    this.#organization = organization;
    this.#demand = demand;
    this.#evaluate = evaluate;
  }

  member(principal: PrincipalId): PreparedValues["member"] | undefined {
    return this.#find({ kind: "member", org: this.#organization.org, principal });
  }

  memberships(principal: PrincipalId): PreparedValues["memberships"] | undefined {
    return this.#find({ kind: "memberships", org: this.#organization.org, principal });
  }

  groups(): PreparedValues["groups"] | undefined {
    return this.#find({ kind: "groups", org: this.#organization.org });
  }

  roles(): PreparedValues["roles"] | undefined {
    return this.#find({ kind: "roles", org: this.#organization.org });
  }

  access(object: ObjectRef): PreparedValues["access"] | undefined {
    return this.#find({ kind: "access", org: this.#organization.org, object });
  }

  aclsNaming(object: ObjectRef, subject: Subject): PreparedValues["acls_naming"] | undefined {
    return this.#find({ kind: "acls_naming", org: this.#organization.org, object, subject });
  }

  acls(object: ObjectRef): PreparedValues["acls"] | undefined {
    return this.#find({ kind: "acls", org: this.#organization.org, object });
  }

  credential(digest: CredentialDigest): PreparedValues["credential"] | undefined {
    return this.#find({ kind: "credential", org: this.#organization.org, digest });
  }

  /** Evaluates with what is at hand. Null: something is missing, or does not go together. */
  attempt(now: number): Answer<Result> | null {
    this.#now = now;
    this.#latest = nothingUsed();
    this.#unmet = null;
    this.#lacking = null;
    this.#missing = [];
    const result = this.#evaluate(this);
    if (isNeeds(result)) {
      this.#missing = result.keys;
      return null;
    }
    if (this.#unmet !== null || !this.#isOfOneMoment() || !this.#hasPrerequisites()) return null;
    // The process may have been stopped while it evaluated.
    this.#now = this.#options.clock();
    if (!this.#isStillMet()) return null;
    return { result, revision: this.#organization.revision(), layer: this.#layer };
  }

  /** Gets what the last attempt was lacking, and attempts again. */
  async complete(asker: Asker): Promise<Answer<Result>> {
    for (let attempts = 1; attempts < attemptsMax; attempts++) {
      // Nobody has gone yet who has just asked, and to be told takes longer than most of what follows.
      if (attempts > 1) asker.signal?.throwIfAborted();
      if (this.#unmet !== null) await this.#meetDemand(this.#unmet);
      else if (this.#missing.length > 0) await this.#load(this.#missing);
      else if (this.#lacking !== null) await this.#meetPrerequisites(this.#lacking);
      else await this.#bringTogether();
      const answer = this.attempt(this.#options.clock());
      if (answer !== null) return answer;
    }
    throw new Fault("unavailable", "the facts can't be had fresh enough", { retryAfterMs: 1000 });
  }

  /** Whatever is answered here is known to hold at the follow's mark, if it began to hold by then. */
  #find<Key extends FactKey>(key: Key): PreparedValues[Key["kind"]] | undefined {
    const owner = factOwners[key.kind];
    const follow = this.#organization.byOwner[owner];
    const { mark } = follow;
    if (mark === null || !this.#demand.isMetBy(follow, this.#now)) {
      this.#unmet ??= new Set();
      this.#unmet.add(follow);
      return undefined;
    }
    const held = this.#options.memory.read(mark, key) ?? this.#ownFact(mark, key);
    if (held === null) {
      factReads.memory.miss++;
      return undefined;
    }
    factReads.memory.hit++;
    if (held.lo > this.#latest[owner]) this.#latest[owner] = held.lo;
    return held.value as PreparedValues[Key["kind"]];
  }

  #ownFact(mark: MemoryMark, key: FactKey): Held<Prepared, symbol> | null {
    const held = this.#own?.get(key);
    return held !== undefined && held.gen === mark.gen && held.hi >= mark.app ? held : null;
  }

  #isOfOneMoment(): boolean {
    for (const owner of owners) {
      const latest = this.#latest[owner];
      if (latest !== unused && latest > (this.#organization.byOwner[owner].mark?.app ?? unused)) return false;
    }
    return true;
  }

  #hasPrerequisites(): boolean {
    const { byOwner } = this.#organization;
    for (const owner of owners) {
      if (this.#latest[owner] === unused) continue;
      for (const prerequisite of byOwner[owner].prerequisites) {
        const other = prerequisite.owner;
        if (this.#latest[other] === unused || isMet(prerequisite, byOwner[other])) continue;
        this.#lacking ??= [];
        this.#lacking.push(prerequisite);
      }
    }
    return this.#lacking === null;
  }

  #isStillMet(): boolean {
    for (const owner of owners) {
      const follow = this.#organization.byOwner[owner];
      if (this.#latest[owner] === unused || this.#demand.isMetBy(follow, this.#now)) continue;
      this.#unmet ??= new Set();
      this.#unmet.add(follow);
    }
    return this.#unmet === null;
  }

  async #meetDemand(unmet: ReadonlySet<Follow>): Promise<void> {
    const { follows } = this.#options;
    await Promise.all(Array.from(unmet, (follow) => this.#demand.meet(follow, follows, this.#now)));
  }

  async #meetPrerequisites(lacking: readonly Prerequisite[]): Promise<void> {
    const { follows } = this.#options;
    await Promise.all(
      lacking.map((prerequisite) =>
        follows.meet(this.#organization.byOwner[prerequisite.owner], prerequisite),
      ),
    );
  }

  async #load(keys: readonly FactKey[]): Promise<void> {
    const { source } = this.#options;
    const { byOwner } = this.#organization;
    const seen = marksOf(byOwner);
    const requests: FactRequest[] = [];
    for (const key of keys) {
      const mark = seen[factOwners[key.kind]];
      if (mark !== null) requests.push({ key, incarnation: mark.incarnation, notBefore: mark.app });
    }
    for (const fact of await source.load(requests)) {
      if (fact instanceof Fault) throw fact;
      if (this.#layer !== "owner") this.#layer = fact.layer;
      if (!this.#take(fact, seen)) byOwner[factOwners[fact.key.kind]].distrust();
      if (fact.next !== undefined) this.#take(fact.next, seen);
    }
  }

  /** Keeps a fact that was read after these marks were seen. False: it is of another history. */
  #take(fact: LoadedFact, seen: Record<Owner, MemoryMark | null>): boolean {
    const owner = factOwners[fact.key.kind];
    const { mark } = this.#organization.byOwner[owner];
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
    const ahead = owners.filter((owner) => this.#latest[owner] !== unused);
    const { follows } = this.#options;
    await Promise.all(
      ahead.map((owner) => follows.advance(this.#organization.byOwner[owner], this.#latest[owner])),
    );
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

const unused = -1;
const nothingYet = nothingUsed();

function nothingUsed(): Record<Owner, number> {
  return { identity: unused, groups: unused, grants: unused, tokens: unused };
}
