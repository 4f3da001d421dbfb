import { Fault } from "@portcullis/chassis/fault";
import type { Log } from "@portcullis/chassis/log";
import type { FactKey, GroupId, Needs, ObjectId, OrgId, Owner, PrincipalId } from "@portcullis/policy";
import { Follows } from "../src/follows.ts";
import { type Consistency, minimizeLatency } from "../src/freshness.ts";
import { fromOwners } from "../src/from-owners.ts";
import { joined } from "../src/joined.ts";
import { FactMemory } from "../src/memory.ts";
import { type Answer, FactReader } from "../src/reader.ts";
import type { LoadedFact } from "../src/source.ts";
import { valueOf } from "../src/value-of.ts";
import { ScriptedOwner } from "./scripted-owner.ts";

export const org = "0190a000-0000-7000-8000-000000000001" as OrgId;
export const alice = "0190a000-0000-7000-8000-00000000000a" as PrincipalId;
export const bob = "0190a000-0000-7000-8000-00000000000b" as PrincipalId;
export const crew = "0190a000-0000-7000-8000-0000000000c1" as GroupId;
export const aliceIsMember = { kind: "member", org, principal: alice } as const satisfies FactKey;
export const bobIsMember = { kind: "member", org, principal: bob } as const satisfies FactKey;
export const alicesGroups = { kind: "memberships", org, principal: alice } as const satisfies FactKey;
export const bobsGroups = { kind: "memberships", org, principal: bob } as const satisfies FactKey;
export const project = {
  kind: "access",
  org,
  object: { type: "project", id: "0190a000-0000-7000-8000-0000000000d1" as ObjectId },
} as const satisfies FactKey;

export const maxStalenessMs = 2000;

const silence = () => undefined;
export const silent: Log = {
  debug: silence,
  info: silence,
  warn: silence,
  error: silence,
  fatal: silence,
  isLevelEnabled: () => false,
  child: () => silent,
};

/** What a read answers: the values, by their keys' order. */
export type Values = { readonly values: readonly unknown[] };

/** A reader over scripted owners, on a clock that stands still until it is told. */
export class ReadingWorld implements Disposable {
  now = 1_000_000;
  readonly owners: Record<Owner, ScriptedOwner>;
  readonly follows: Follows;
  readonly reader: FactReader;
  readonly memory: FactMemory;

  /** `beside`: what is put beside each fact that was loaded. */
  constructor({
    idsMax = 10_000,
    log = silent,
    confirmEveryMs = 1_000_000_000,
    beside = (fact: LoadedFact) => fact,
  } = {}) {
    const clock = () => this.now;
    this.owners = {
      identity: new ScriptedOwner("identity", clock),
      groups: new ScriptedOwner("groups", clock),
      grants: new ScriptedOwner("grants", clock),
      tokens: new ScriptedOwner("tokens", clock),
    };
    this.memory = new FactMemory({ idsMax });
    this.follows = new Follows({ owners: this.owners, memory: this.memory, clock, log, confirmEveryMs });
    const farther = fromOwners(this.owners);
    const source = joined({
      load: async (requests) =>
        (await farther.load(requests)).map((fact) => (fact instanceof Fault ? fact : beside(fact))),
    });
    this.reader = new FactReader({
      memory: this.memory,
      follows: this.follows,
      source,
      clock,
      maxStalenessMs,
    });
  }

  /** Reads facts as one question. */
  read(
    keys: readonly FactKey[],
    consistency: Consistency = minimizeLatency,
    meanwhile: () => void = silence,
  ): Answer<Values> | Promise<Answer<Values>> {
    return this.reader.read(org, consistency, (facts): Values | Needs => {
      meanwhile();
      const missing = keys.filter((key) => valueOf(facts, key) === undefined);
      if (missing.length > 0) return { kind: "needs", keys: missing };
      return { values: keys.map((key) => valueOf(facts, key)) };
    });
  }

  /** Reads facts as one question, which may need one more when it has them. */
  async first(keys: readonly FactKey[], next: readonly FactKey[]): Promise<readonly unknown[]> {
    const answer = await this.reader.read(org, minimizeLatency, (facts): Values | Needs => {
      const missing = keys.filter((key) => valueOf(facts, key) === undefined);
      if (missing.length === 0) return { values: keys.map((key) => valueOf(facts, key)) };
      return { kind: "needs", keys: missing, next: () => next };
    });
    return answer.result.values;
  }

  async values(keys: readonly FactKey[], consistency?: Consistency): Promise<readonly unknown[]> {
    return (await this.read(keys, consistency)).result.values;
  }

  /** What the owners have been asked so far. */
  get calls(): number {
    return Object.values(this.owners).reduce(
      (sum, { calls }) => sum + calls.load + calls.heads + calls.readLog,
      0,
    );
  }

  [Symbol.dispose](): void {
    this.follows[Symbol.dispose]();
  }
}
