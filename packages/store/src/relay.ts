import type { Log } from "@portcullis/chassis/log";
import { currentTracer } from "@portcullis/chassis/trace";
import type { Owner } from "@portcullis/policy";
import type { Database } from "./database.ts";
import { type Doorbell, followerQueue, invalidationQueue } from "./doorbell.ts";
import { type Job, JobAdder } from "./job-adder.ts";
import { watchRelay } from "./metrics.ts";
import { waitForSeat } from "./relay-seat.ts";

/** Beneath LISTEN: a lost notification costs no more than this. */
const pollMs = 200;
const reconnectMs = 1000;
const organisationsAtOnce = 100;
const eventsAtOnce = 1000;

export interface RelayOptions {
  readonly database: Database;
  readonly redisUrl: string;
  /** The owners that follow this log; decision always does. */
  readonly followers?: readonly Owner[];
  readonly log: Log;
}

/**
 * Follows an owner's log and rings the doorbells of every event, one for each consumer; of several processes one does. It
 * remembers how far it came in the database, and only after the jobs are in the queue: killed in between, it or another
 * rings again, and job ids make that harmless.
 */
export async function startRelay(options: RelayOptions): Promise<AsyncDisposable> {
  const { database, log } = options;
  await using parts = new AsyncDisposableStack();
  const followers = (options.followers ?? []).map((follower) => followerQueue(database.owner, follower));
  const adder = parts.use(new JobAdder([invalidationQueue, ...followers], options.redisUrl));
  const bell = new Wake();
  const stop = new AbortController();
  const seat = parts.use(waitForSeat(database, () => bell.ring(), log));
  parts.use(watchRelay(database, seat));
  const ringing = (async () => {
    let healthy = true;
    while (!stop.signal.aborted) {
      try {
        while (seat.isHeld && !stop.signal.aborted && (await ringOnce(database, adder)) > 0);
        if (!healthy) log.info({}, "the relay works again");
        healthy = true;
      } catch (error) {
        if (healthy) log.warn({ reason: String(error) }, "the relay can't ring; events wait in the log");
        healthy = false;
        seat.leave();
      }
      await bell.wait(healthy ? pollMs : reconnectMs);
    }
  })();
  parts.defer(() => {
    stop.abort();
    bell.ring();
    return ringing;
  });
  const running = parts.move();
  return { [Symbol.asyncDispose]: () => running.disposeAsync() };
}

/** Rings for what is new, and answers how many events that were. */
async function ringOnce(database: Database, adder: JobAdder): Promise<number> {
  const { rows } = await database.pool.query<{ org_id: string; position: string; relayed: string }>(
    "select org_id, position, relayed from org_log where relayed < position limit $1",
    [organisationsAtOnce],
  );
  let rung = 0;
  for (const row of rows) {
    const from = Number(row.relayed) + 1;
    const to = Math.min(Number(row.position), from + eventsAtOnce - 1);
    const traces = currentTracer() === null ? none : await tracesOf(database, row.org_id, from, to);
    await adder.add(doorbells({ owner: database.owner, org: row.org_id, from, to, traces }));
    await database.pool.query("update org_log set relayed = greatest(relayed, $2) where org_id = $1", [
      row.org_id,
      to,
    ]);
    rung += to - from + 1;
  }
  return rung;
}

interface Rung {
  readonly owner: Owner;
  readonly org: string;
  readonly from: number;
  readonly to: number;
  readonly traces: ReadonlyMap<number, string>;
}

function doorbells({ owner, org, from, to, traces }: Rung): Job[] {
  return Array.from({ length: to - from + 1 }, (_, index) => ({
    name: owner,
    data: doorbell({ owner, org, position: from + index }, traces.get(from + index)),
    opts: {
      jobId: `inv-${owner}-${org}-${from + index}`,
      attempts: 5,
      backoff: { type: "exponential", delay: 200 },
      removeOnComplete: true,
      removeOnFail: 1000,
    },
  }));
}

function doorbell(place: Doorbell, traceparent: string | undefined): Doorbell {
  return traceparent === undefined ? place : { ...place, traceparent };
}

const none: ReadonlyMap<number, string> = new Map();

/** In whose course events were made, by position. */
async function tracesOf(
  { pool }: Database,
  org: string,
  from: number,
  to: number,
): Promise<ReadonlyMap<number, string>> {
  const { rows } = await pool.query<{ position: string; traceparent: string }>(
    `select position, traceparent from event_log
     where org_id = $1 and position between $2 and $3 and traceparent is not null`,
    [org, from, to],
  );
  return new Map(rows.map(({ position, traceparent }) => [Number(position), traceparent]));
}

/** Sleep that can be cut short, also by a ring that came before it. */
class Wake {
  #rung = false;
  #wake: (() => void) | null = null;

  ring(): void {
    this.#rung = true;
    this.#wake?.();
  }

  async wait(ms: number): Promise<void> {
    if (!this.#rung) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.#wake = null;
    this.#rung = false;
  }
}
