// Writes that are made together, as those of one organisation wait for each other anyway, and a transaction for each takes
// longer than all else. Small ones that wait at the same time share one, whichever organisations they are of. Large ones, and
// those of an organisation to which somebody else is writing, share one with others of their organisation only: whoever
// writes to another organisation does not wait for them.

import { Fault } from "@portcullis/chassis/fault";
import { together } from "@portcullis/chassis/together";
import { traced, traceparent } from "@portcullis/chassis/trace";
import type { Database, Written } from "./database.ts";
import { databaseWork } from "./database-work.ts";
import { databaseFault, tooBusy } from "./faults.ts";
import {
  type JointKind,
  type JointWrite,
  left,
  makeTogether,
  type Outcome,
  type TracedWrite,
} from "./joint-transaction.ts";
import { lockTimeoutMs } from "./limits.ts";

export type { JointKind, JointWrite } from "./joint-transaction.ts";

type Waiting<Asked> = TracedWrite<Asked> & { readonly since: number };

/** What is larger than this shares no transaction with other organisations: it would hold them up. */
const smallMax = 10;
/** What several organisations share is no larger than this: some tens of milliseconds. */
const sharedMax = 100;
/** Nobody waits for longer than this for what others share; they have a transaction beside it. */
const sharedPatienceMs = 100;
/** Who waits for this long waits for a database that does not answer. */
const patienceMs = 10_000;

export function jointWrites<Asked, Seen, Result>(
  database: Database,
  kind: JointKind<Asked, Seen, Result>,
): (write: JointWrite<Asked>) => Promise<Written<Result>> {
  // What others have changed is read in the log, where those of the same transaction don't stand yet.
  const sizeOf = ({ context, asked }: Waiting<Asked>): number =>
    context.unchangedSince.length > 0 ? Infinity : kind.sizeOf(asked);
  const writeShared = together<Waiting<Asked>, Written<Result> | null>({
    ask: (writes) => inTime(writes, (some) => makeFree(database, kind, some)),
    sizeMax: sharedMax,
    sizeOf,
    laneOf: () => "",
    patienceMs: sharedPatienceMs,
  });
  const writeOwn = together<Waiting<Asked>, Written<Result> | null>({
    ask: (writes) => inTime(writes, (some) => makeOwn(database, kind, some)),
    sizeMax: kind.sizeMax,
    sizeOf,
    laneOf: ({ org }) => org,
    patienceMs,
  });
  return (write) =>
    traced(databaseWork(database.owner, "write"), async () => {
      const waiting = { ...write, traceparent: traceparent(), since: performance.now() };
      const shared = sizeOf(waiting) <= smallMax ? await writeShared(waiting) : null;
      const written = shared ?? (await writeOwn(waiting));
      if (written === null) throw new Error("a write was left undone");
      return written;
    });
}

/** Refuses those that have waited for as long as anybody waits for the lock, and has the others made. */
async function inTime<Asked, Result>(
  writes: readonly Waiting<Asked>[],
  make: (writes: readonly Waiting<Asked>[]) => Promise<Outcome<Result>[]>,
): Promise<Outcome<Result>[]> {
  const latest = performance.now() - lockTimeoutMs;
  const some = writes.filter(({ since }) => since >= latest);
  const outcomes = some.length === 0 ? [] : await make(some);
  return writes.map(({ since }) => {
    const outcome = since >= latest ? outcomes.shift() : undefined;
    return outcome ?? { status: "rejected", reason: tooBusy() };
  });
}

/** Those of any organisations, as far as nobody else writes to these. */
async function makeFree<Asked, Seen, Result>(
  database: Database,
  kind: JointKind<Asked, Seen, Result>,
  writes: readonly Waiting<Asked>[],
): Promise<Outcome<Result>[]> {
  try {
    return await makeTogether(database, kind, writes, "free");
  } catch (error) {
    const fault = databaseFault(error);
    if (fault instanceof Fault) throw fault;
    // One of them can't be written as it is. No other organisation shall suffer from that.
    return writes.map(() => left);
  }
}

/** Those of one organisation. */
async function makeOwn<Asked, Seen, Result>(
  database: Database,
  kind: JointKind<Asked, Seen, Result>,
  writes: readonly Waiting<Asked>[],
): Promise<Outcome<Result>[]> {
  try {
    return await makeTogether(database, kind, writes, "own");
  } catch (error) {
    const fault = databaseFault(error);
    if (fault instanceof Fault || writes.length === 1) throw fault;
    // Nor shall another write of this one.
    const outcomes: Outcome<Result>[] = [];
    for (const write of writes) outcomes.push(await alone(database, kind, write));
    return outcomes;
  }
}

async function alone<Asked, Seen, Result>(
  database: Database,
  kind: JointKind<Asked, Seen, Result>,
  write: Waiting<Asked>,
): Promise<Outcome<Result>> {
  try {
    const [outcome = left] = await makeOwn(database, kind, [write]);
    return outcome;
  } catch (reason) {
    return { status: "rejected", reason };
  }
}
