// Writes of one organisation wait for each other anyway. Those of one kind that wait at the same time are made in one
// transaction, under one lock: each by itself, as if one had come after the other, each with its own event.

import { Fault } from "@portcullis/chassis/fault";
import { together } from "@portcullis/chassis/together";
import { traced, traceparent } from "@portcullis/chassis/trace";
import type { Dependency } from "@portcullis/facts/wire";
import type { OrgId } from "@portcullis/policy";
import type { Revision, WriteContext } from "@portcullis/proto/events/v1/events";
import type { Database, Written } from "./database.ts";
import { databaseWork } from "./database-work.ts";
import { appendEvents, beginLog, type Change, lockLog, type Recorded, refuseIfChanged } from "./event-log.ts";
import { databaseFault } from "./faults.ts";
import { limitTransaction, lockTimeoutMs } from "./limits.ts";
import { type Query, queryOn, type Statement } from "./query.ts";

/** How writes of one kind are made together. */
export interface JointKind<Asked, Seen, Result> {
  /** How much one takes of what fits into a transaction, by whatever it takes most of. */
  readonly sizeOf: (asked: Asked) => number;
  readonly sizeMax: number;
  /** Reads what all of these need to know. Its statements are sent before the log is locked, and done when it is. */
  readonly read: (query: Query, org: OrgId, all: readonly Asked[]) => Promise<Seen>;
  /** Makes one of them in what was seen, for those behind it to see. One that throws has changed nothing there. */
  readonly make: (seen: Seen, asked: Asked) => Made<Result>;
  /** Writes down what has changed in what was seen. */
  readonly writeDown: (query: Query, seen: Seen) => Promise<unknown>;
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

type Waiting<Asked> = JointWrite<Asked> & Pick<Recorded, "traceparent"> & { readonly since: number };
type Outcomes<Result> = PromiseSettledResult<Written<Result>>[];

/** Who waits for this long waits for a database that does not answer. */
const patienceMs = 10_000;

const begin: Statement = { name: "begin", text: "begin" };
const limits: Statement = { name: "limits", text: limitTransaction };
const commit: Statement = { name: "commit", text: "commit" };
const rollback: Statement = { name: "rollback", text: "rollback" };

export function jointWrites<Asked, Seen, Result>(
  database: Database,
  kind: JointKind<Asked, Seen, Result>,
): (write: JointWrite<Asked>) => Promise<Written<Result>> {
  const writeSoon = together<Waiting<Asked>, Written<Result>>({
    ask: (writes) => makeInTime(database, kind, writes),
    sizeMax: kind.sizeMax,
    // What others have changed is read in the log, where those of the same transaction don't stand yet.
    sizeOf: ({ context, asked }) => (context.unchangedSince.length > 0 ? Infinity : kind.sizeOf(asked)),
    laneOf: ({ org }) => org,
    patienceMs,
  });
  return (write) =>
    traced(databaseWork(database.owner, "write"), () =>
      writeSoon({ ...write, traceparent: traceparent(), since: performance.now() }),
    );
}

async function makeInTime<Asked, Seen, Result>(
  database: Database,
  kind: JointKind<Asked, Seen, Result>,
  writes: readonly Waiting<Asked>[],
): Promise<Outcomes<Result>> {
  const latest = performance.now() - lockTimeoutMs;
  const inTime = writes.filter(({ since }) => since >= latest);
  const outcomes = inTime.length === 0 ? [] : await makeAll(database, kind, inTime);
  return writes.map(({ since }) => {
    const outcome = since >= latest ? outcomes.shift() : undefined;
    return outcome ?? { status: "rejected", reason: tooBusy() };
  });
}

function tooBusy(): Fault {
  return new Fault("unavailable", "the organization is being written to", { retryAfterMs: 1000 });
}

async function makeAll<Asked, Seen, Result>(
  database: Database,
  kind: JointKind<Asked, Seen, Result>,
  writes: readonly Waiting<Asked>[],
): Promise<Outcomes<Result>> {
  try {
    return await commitAll(database, kind, writes);
  } catch (error) {
    const fault = databaseFault(error);
    if (fault instanceof Fault || writes.length === 1) throw fault;
    // One of them can't be written as it is. No other shall suffer from that.
    const outcomes: Outcomes<Result> = [];
    for (const write of writes) outcomes.push(...(await Promise.allSettled([alone(database, kind, write)])));
    return outcomes;
  }
}

async function alone<Asked, Seen, Result>(
  database: Database,
  kind: JointKind<Asked, Seen, Result>,
  write: Waiting<Asked>,
): Promise<Written<Result>> {
  const [outcome] = await makeAll(database, kind, [write]);
  if (outcome?.status === "fulfilled") return outcome.value;
  throw outcome?.reason;
}

/** Those that are refused are so by themselves. What is thrown has undone all of them, or it is not known. */
async function commitAll<Asked, Seen, Result>(
  database: Database,
  kind: JointKind<Asked, Seen, Result>,
  writes: readonly Waiting<Asked>[],
): Promise<Outcomes<Result>> {
  const client = await database.writers.connect();
  let broken: Error | undefined;
  try {
    const query = queryOn(client);
    const { outcomes, hasChanged } = await makeIn(query, database, kind, writes);
    await query(hasChanged ? commit : rollback);
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

async function makeIn<Asked, Seen, Result>(
  query: Query,
  { owner }: Database,
  kind: JointKind<Asked, Seen, Result>,
  writes: readonly Waiting<Asked>[],
): Promise<{ readonly outcomes: Outcomes<Result>; readonly hasChanged: boolean }> {
  const [first] = writes;
  if (first === undefined) throw new Error("there is nothing to write");
  const { org } = first;
  const read = () =>
    kind.read(
      query,
      org,
      writes.map(({ asked }) => asked),
    );
  let [, , log, seen] = await Promise.all([query(begin), query(limits), lockLog(query, org), read()]);
  if (log === null) {
    log = await beginLog(query, org);
    seen = await read();
  }
  const { position, incarnation } = log;
  const at = (place: number): Revision => ({ orgId: org, owner, position: place, incarnation });
  const recorded: Recorded[] = [];
  const outcomes: Outcomes<Result> = [];
  for (const { asked, context, dependsOn, traceparent } of writes) {
    const made = attempt(() => kind.make(seen, asked));
    if (made.status === "rejected") {
      outcomes.push(made);
      continue;
    }
    const { result, change } = made.value;
    const since = context.unchangedSince.find((place) => place.owner === owner);
    if (since !== undefined) await refuseIfChanged(query, change?.subject ?? null, since, at(position));
    if (change !== null) recorded.push({ context, change, dependsOn, traceparent });
    // One that changed nothing may have found what those before it made.
    const revision = at(position + recorded.length);
    outcomes.push({ status: "fulfilled", value: { result, revision } });
  }
  const hasChanged = recorded.length > 0;
  if (hasChanged) {
    await Promise.all([kind.writeDown(query, seen), appendEvents(query, org, position, recorded)]);
  }
  return { outcomes, hasChanged };
}

function attempt<T>(does: () => T): PromiseSettledResult<T> {
  try {
    return { status: "fulfilled", value: does() };
  } catch (reason) {
    return { status: "rejected", reason };
  }
}
