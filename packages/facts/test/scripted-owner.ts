import { Fault } from "@portcullis/chassis/fault";
import type { FactKey, FactKind, FactValues, OrgId, Owner } from "@portcullis/policy";
import { factKeyText } from "../src/fact-key.ts";
import type { Consistency } from "../src/freshness.ts";
import type { FactOwner, LogEntry, LogStretch } from "../src/source.ts";
import type { Fact } from "../src/wire.ts";

type Value = FactValues[FactKind];
export type OwnerCall = "load" | "heads" | "readLog";
export type Hook = (call: OwnerCall, keys: readonly FactKey[]) => Promise<void> | void;

/** A change of some facts. */
export type Change = {
  readonly [Kind in FactKind]: readonly [FactKey & { kind: Kind }, FactValues[Kind]];
}[FactKind];

/** What was asked for, and when, on the monotonic clock. */
interface Demanded {
  readonly consistency: Consistency;
  readonly askedAt: number;
  readonly maxStalenessMs: number;
}

interface Commit {
  /** When, on the monotonic clock. */
  readonly at: number;
  readonly entry: LogEntry;
  readonly values: ReadonlyMap<string, Value>;
}

/** An owner that keeps its log in memory, knows the whole of its true history, and fails and dawdles when it is told to. */
export class ScriptedOwner implements FactOwner {
  readonly owner: Owner;
  incarnation = "first";
  /** Every call fails while it is down. */
  isDown = false;
  /** Reads of the log answer at most this many events. */
  logPage = 1000;
  /** Awaited before something is read, and between that and the answer. A load names its keys. */
  before: Hook = () => undefined;
  after: Hook = () => undefined;
  readonly calls: Record<OwnerCall, number> = { load: 0, heads: 0, readLog: 0 };
  /** How many keys each load asked for. */
  readonly loadSizes: number[] = [];
  readonly #clock: () => number;
  readonly #logs = new Map<OrgId, Commit[]>();

  constructor(owner: Owner, clock: () => number = () => performance.now()) {
    this.owner = owner;
    this.#clock = clock;
  }

  /** Changes facts of one organisation. The event names the facts, or only their kinds. Answers its position. */
  commit(
    changes: readonly Change[],
    { byKind = false, dependsOn = [] }: { byKind?: boolean; dependsOn?: LogEntry["dependsOn"] } = {},
  ): number {
    const org = changes[0]?.[0].org;
    if (org === undefined) throw new Error("a change of nothing");
    const log = this.#log(org);
    const keys = changes.map(([key]) => key);
    const position = log.length + 1;
    const kinds = byKind ? [...new Set(keys.map(({ kind }) => kind))] : [];
    const values = new Map(changes.map(([key, value]) => [factKeyText(key), value]));
    log.push({
      at: this.#clock(),
      entry: { position, touches: byKind ? [] : keys, kinds, dependsOn },
      values,
    });
    return position;
  }

  /** Loses the commits behind a position, and begins another history there. */
  failOver(org: OrgId, kept: number, incarnation: string): void {
    this.#log(org).splice(kept);
    this.incarnation = incarnation;
  }

  head(org: OrgId): number {
    return this.#log(org).length;
  }

  /** What was true after the event at a position. */
  valueAt(key: FactKey, position: number): Value {
    const text = factKeyText(key);
    const last = this.#log(key.org).findLast(
      ({ entry, values }) => entry.position <= position && values.has(text),
    );
    return last?.values.get(text) ?? absent(key.kind);
  }

  /** Every position that the log stood at, at some moment between two. */
  positionsBetween(org: OrgId, start: number, end: number): number[] {
    const log = this.#log(org);
    const first = log.findLastIndex(({ at }) => at <= start) + 1;
    const last = log.findLastIndex(({ at }) => at <= end) + 1;
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  }

  /**
   * What was true of these facts, all of one organisation, at each moment that an answer may be of which was given at a
   * time: as JSON of their values, oldest first.
   */
  momentsFor(keys: readonly FactKey[], demanded: Demanded, givenAt: number): string[] {
    const { consistency, askedAt, maxStalenessMs } = demanded;
    const org = keys[0]?.org;
    if (org === undefined) throw new Error("an answer about nothing");
    const revision = consistency.kind === "at_least_as_fresh" ? consistency.revision : null;
    const isFull = consistency.kind !== "minimize_latency" && revision === null;
    const atLeast = revision?.seen[0]?.position ?? 0;
    return this.positionsBetween(org, isFull ? askedAt : askedAt - maxStalenessMs, givenAt)
      .filter((position) => position >= atLeast)
      .map((position) => JSON.stringify(keys.map((key) => this.valueAt(key, position))));
  }

  async load(keys: readonly FactKey[]): Promise<{ incarnation: string; facts: Fact[] }> {
    this.loadSizes.push(keys.length);
    return await this.#answer("load", keys, () => {
      const facts = keys.map((key) => {
        const hi = this.head(key.org);
        return { key, lo: this.#lastChange(key), hi, value: this.valueAt(key, hi) };
      });
      return { incarnation: this.incarnation, facts };
    });
  }

  async heads(orgs: readonly OrgId[]): Promise<{ incarnation: string; heads: number[] }> {
    return await this.#answer("heads", [], () => ({
      incarnation: this.incarnation,
      heads: orgs.map((org) => this.head(org)),
    }));
  }

  async readLog(org: OrgId, after: number): Promise<LogStretch> {
    return await this.#answer("readLog", [], () => ({
      incarnation: this.incarnation,
      head: this.head(org),
      entries: this.#log(org)
        .slice(after, after + this.logPage)
        .map(({ entry }) => entry),
    }));
  }

  async #answer<T>(call: OwnerCall, keys: readonly FactKey[], read: () => T): Promise<T> {
    this.calls[call] += 1;
    await this.before(call, keys);
    if (this.isDown) throw new Fault("unavailable", `${this.owner} is not available`);
    const answer = read();
    await this.after(call, keys);
    return answer;
  }

  #lastChange(key: FactKey): number {
    const text = factKeyText(key);
    const last = this.#log(key.org).findLast(
      ({ entry, values }) => values.has(text) || entry.kinds.includes(key.kind),
    );
    return last?.entry.position ?? 0;
  }

  #log(org: OrgId): Commit[] {
    const log = this.#logs.get(org) ?? [];
    this.#logs.set(org, log);
    return log;
  }
}

function absent(kind: FactKind): Value {
  switch (kind) {
    case "member":
    case "access":
    case "parents":
    case "acls":
    case "credential":
      return null;
    case "acls_naming":
    case "memberships":
      return [];
    case "groups":
    case "roles":
      return new Map();
  }
}
