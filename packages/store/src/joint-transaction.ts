// One transaction in which several writes are made: each by itself, as if one had come after the other, each with its own
// event.

import type { Dependency } from "@portcullis/facts/wire";
import type { OrgId } from "@portcullis/policy";
import type { Revision, WriteContext } from "@portcullis/proto/events/v1/events";
import type { Database, Written } from "./database.ts";
import {
  appending,
  beginLogs,
  type Change,
  type LockedLog,
  lockFreeLogs,
  lockLogs,
  type Recorded,
  refuseIfChanged,
} from "./event-log.ts";
import { limitTransaction } from "./limits.ts";
import { type Query, queryOn, type Statement } from "./query.ts";

/** How writes of one kind are made together. */
export interface JointKind<Asked, Seen, Result> {
  /** How much one takes of what fits into a transaction, by whatever it takes most of. */
  readonly sizeOf: (asked: Asked) => number;
  readonly sizeMax: number;
  /**
   * Reads what all of these need to know, of each organisation apart. Its statements are sent before the logs are locked,
   * and done when they are.
   */
  readonly read: (
    query: Query,
    all: ReadonlyMap<OrgId, readonly Asked[]>,
  ) => Promise<ReadonlyMap<OrgId, Seen>>;
  /** Makes one of them in what was seen of its organisation, for those behind it. One that throws has changed nothing there. */
  readonly make: (seen: Seen, asked: Asked) => Made<Result>;
  /** What writes down all that has changed in what was seen. */
  readonly writeDown: (all: readonly Seen[]) => readonly Statement[];
}

interface Made<Result> {
  readonly result: Result;
  /** Null: it changed nothing. */
  readonly change: Change | null;
}

/** A write, and what its event will note that it comes after. */
export interface JointWrite<Asked> {
  readonly org: OrgId;
  readonly context: WriteContext;
  readonly asked: Asked;
  readonly dependsOn: readonly Dependency[];
}

/** A write, and in whose course it is made. */
export type TracedWrite<Asked> = JointWrite<Asked> & Pick<Recorded, "traceparent">;

/** What became of each. Null: it was left, as its organisation's log has not begun, or is locked by somebody else. */
export type Outcome<Result> = PromiseSettledResult<Written<Result> | null>;

export const left: Outcome<never> = { status: "fulfilled", value: null };

/** `free`: those of the organisations that nobody else has. `own`: that of the one organisation, waited for, and begun. */
type Logs = "free" | "own";

const begin: Statement = { name: "begin", text: "begin" };
const limits: Statement = { name: "limits", text: limitTransaction };
const commit: Statement = { name: "commit", text: "commit" };
const rollback: Statement = { name: "rollback", text: "rollback" };

/** Those that are refused are so by themselves. What is thrown has undone all of them, or it is not known. */
export async function makeTogether<Asked, Seen, Result>(
  database: Database,
  kind: JointKind<Asked, Seen, Result>,
  writes: readonly TracedWrite<Asked>[],
  wanted: Logs,
): Promise<Outcome<Result>[]> {
  const client = await database.writers.connect();
  let broken: Error | undefined;
  try {
    const query = queryOn(client);
    const { outcomes, statements } = await makeIn(query, database, kind, writes, wanted);
    // They go out together: where one of them fails, the commit behind it undoes all.
    await Promise.all(statements.map((statement) => query(statement)));
    return outcomes;
  } catch (error) {
    await client.query("rollback").catch((failure: Error) => {
      broken = failure;
    });
    throw error;
  } finally {
    client.release(broken);
  }
}

/** An organisation as the transaction has it. */
interface Open<Seen> {
  readonly org: OrgId;
  readonly log: LockedLog;
  readonly seen: Seen;
  readonly recorded: Recorded[];
}

async function makeIn<Asked, Seen, Result>(
  query: Query,
  { owner }: Database,
  kind: JointKind<Asked, Seen, Result>,
  writes: readonly TracedWrite<Asked>[],
  wanted: Logs,
): Promise<{ readonly outcomes: Outcome<Result>[]; readonly statements: readonly Statement[] }> {
  const open = await openAll(query, kind, writes, wanted);
  const outcomes: Outcome<Result>[] = [];
  for (const { org, asked, context, dependsOn, traceparent } of writes) {
    const opened = open.get(org);
    if (opened === undefined) {
      outcomes.push(left);
      continue;
    }
    const { log, seen, recorded } = opened;
    const made = attempt(() => kind.make(seen, asked));
    if (made.status === "rejected") {
      outcomes.push(made);
      continue;
    }
    const { result, change } = made.value;
    const { position, incarnation } = log;
    const at = (place: number): Revision => ({ orgId: org, owner, position: place, incarnation });
    const since = context.unchangedSince.find((place) => place.owner === owner);
    if (since !== undefined) await refuseIfChanged(query, change?.subject ?? null, since, at(position));
    if (change !== null) recorded.push({ context, change, dependsOn, traceparent });
    // One that changed nothing may have found what those before it made.
    const revision = at(position + recorded.length);
    outcomes.push({ status: "fulfilled", value: { result, revision } });
  }
  const changed = [...open.values()].filter(({ recorded }) => recorded.length > 0);
  if (changed.length === 0) return { outcomes, statements: [rollback] };
  const events = appending(changed.map(({ org, log, recorded }) => ({ org, after: log.position, recorded })));
  return { outcomes, statements: [...kind.writeDown(changed.map(({ seen }) => seen)), events, commit] };
}

/** Locks, and reads under the locks. */
async function openAll<Asked, Seen, Result>(
  query: Query,
  { read }: JointKind<Asked, Seen, Result>,
  writes: readonly TracedWrite<Asked>[],
  wanted: Logs,
): Promise<ReadonlyMap<OrgId, Open<Seen>>> {
  const byOrg = Map.groupBy(writes, ({ org }) => org);
  const asked = new Map(Array.from(byOrg, ([org, some]) => [org, some.map((write) => write.asked)]));
  const orgs = [...byOrg.keys()];
  const lock = wanted === "free" ? lockFreeLogs : lockLogs;
  let [, , logs, seen] = await Promise.all([
    query(begin),
    query(limits),
    lock(query, orgs),
    read(query, asked),
  ]);
  if (wanted === "own" && logs.size < orgs.length) {
    logs = await beginLogs(query, orgs);
    seen = await read(query, asked);
  }
  return new Map(
    Array.from(logs, ([org, log]) => {
      const ofOrg = seen.get(org);
      if (ofOrg === undefined) throw new Error("what an organization has was not read");
      return [org, { org, log, seen: ofOrg, recorded: [] }];
    }),
  );
}

function attempt<T>(does: () => T): PromiseSettledResult<T> {
  try {
    return { status: "fulfilled", value: does() };
  } catch (reason) {
    return { status: "rejected", reason };
  }
}
