import type { Fault } from "@portcullis/chassis/fault";
import type { FactKey, OrgId, Owner } from "@portcullis/policy";
import type { Layer } from "./metrics.ts";
import type { Prepared } from "./prepared.ts";
import type { Held } from "./register.ts";
import type { Fact } from "./wire.ts";

/** Where facts are read. Layers are sources over a source. */
export interface FactSource {
  /** For each request, in their order, the fact or why it could not be had. Never throws a Fault. */
  load(requests: readonly FactRequest[]): Promise<readonly (LoadedFact | Fault)[]>;
}

export interface FactRequest {
  readonly key: FactKey;
  /** How far the asker has come in the owner's log: an older fact, or one of another history, is of no use to it. */
  readonly incarnation: string;
  readonly notBefore: number;
  /** It is not known yet whether the fact is needed: whoever asks may be nobody. */
  readonly isAhead: boolean;
}

export interface LoadedFact extends Fact {
  /** Names the history that `lo` and `hi` count in. */
  readonly incarnation: string;
  /** Who had it. */
  readonly layer: Exclude<Layer, "memory">;
  /** What whoever reads this fact wants then, if it lay beside; it need not be as fresh as was asked. */
  readonly next?: LoadedFact;
  /** As the first of those who joined its load has prepared it, for the others. */
  held?: Held<Prepared, symbol>;
}

/** What a service that owns facts answers. Throws Faults. */
export interface FactOwner {
  /** All of one moment; in the order of the keys. At most 1,000. */
  load(keys: readonly FactKey[]): Promise<{ readonly incarnation: string; readonly facts: readonly Fact[] }>;
  /** Where the logs stand, in the order of the organisations; 0 for one without events. At most 1,000. */
  heads(orgs: readonly OrgId[], demands?: readonly HeadDemand[]): Promise<Heads>;
  /** The events behind a position, without gaps, oldest first; not necessarily all of them. */
  readLog(org: OrgId, after: number): Promise<LogStretch>;
}

/** What a head must be to whoever asks. Who asks the owner itself need not look: that head is always true and new. */
export interface HeadDemand {
  /** How long ago the owner may have been asked. */
  readonly maxAgeMs: number;
  /** How far the asker has come: a head behind it is of no use unless it is true. Null: nowhere. */
  readonly seen: { readonly incarnation: string; readonly app: number } | null;
}

export interface Heads {
  readonly incarnation: string;
  readonly heads: readonly number[];
  /** How long before the question the owner was asked, if it was somebody else who asked it. */
  readonly agesMs?: readonly number[];
}

export type FactOwners = Readonly<Record<Owner, FactOwner>>;

/** What following the owners' logs takes. */
export type OwnersLogs = Readonly<Record<Owner, Pick<FactOwner, "heads" | "readLog">>>;

export interface LogStretch {
  readonly incarnation: string;
  /** Where the log stood when it was read. */
  readonly head: number;
  readonly entries: readonly LogEntry[];
}

/** What an event may have changed. */
export interface LogEntry {
  readonly position: number;
  readonly touches: readonly FactKey[];
  /** Kinds of which every fact may have changed; `*` is every kind. */
  readonly kinds: readonly string[];
  /** What the change came after in the logs of other owners. */
  readonly dependsOn: readonly Dependency[];
}

/** A place in another owner's log: whoever sees the change must see that log so far. */
export interface Dependency {
  readonly owner: Owner;
  /** Null: it is not known, but the owner's head, asked for after the change was seen, is no earlier. */
  readonly place: { readonly incarnation: string; readonly position: number } | null;
}

/** An owner takes no more keys or organisations at once. */
export const entriesMax = 1000;
