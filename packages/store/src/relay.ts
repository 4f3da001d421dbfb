import type { Log } from "@portcullis/chassis/log";
import type { Owner } from "@portcullis/policy";
import { Queue } from "bullmq";
import { Redis } from "ioredis";
import pg from "pg";
import type { Database } from "./database.ts";
import { type Doorbell, followerQueue, invalidationQueue, queuePrefix } from "./doorbell.ts";
import { logChannel } from "./event-log.ts";

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
 * Follows an owner's log and rings the doorbells of every event, one for each consumer. It remembers how far it came in the database, and only
 * after the jobs are in the queue: killed in between, it rings again, and job ids make that harmless.
 */
export async function startRelay(options: RelayOptions): Promise<AsyncDisposable> {
  const { database, log } = options;
  const redis = new Redis(options.redisUrl, {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 1,
    retryStrategy: () => reconnectMs,
    lazyConnect: true,
  });
  redis.on("error", () => undefined); // each failed round reports itself
  const followers = (options.followers ?? []).map((follower) => followerQueue(database.owner, follower));
  const queues = [invalidationQueue, ...followers].map((name) => {
    const queue = new Queue<Doorbell>(name, { connection: redis, prefix: queuePrefix });
    queue.on("error", () => undefined);
    return queue;
  });
  const bell = new Wake();
  const stop = new AbortController();
  const listening = listen(database, bell, stop.signal, log);
  const ringing = (async () => {
    let healthy = true;
    while (!stop.signal.aborted) {
      try {
        if (redis.status === "wait" || redis.status === "end") await redis.connect();
        while ((await ringOnce(database, queues)) > 0 && !stop.signal.aborted);
        if (!healthy) log.info({}, "the relay works again");
        healthy = true;
      } catch (error) {
        if (healthy) log.warn({ reason: String(error) }, "the relay can't ring; events wait in the log");
        healthy = false;
      }
      await bell.wait(healthy ? pollMs : reconnectMs);
    }
  })();
  return {
    async [Symbol.asyncDispose]() {
      stop.abort();
      bell.ring();
      await Promise.all([ringing, listening]);
      await Promise.all(queues.map((queue) => queue.close().catch(() => undefined)));
      redis.disconnect();
    },
  };
}

/** Rings for what is new, and answers how many events that were. */
async function ringOnce(database: Database, queues: readonly Queue<Doorbell>[]): Promise<number> {
  const { rows } = await database.pool.query<{ org_id: string; position: string; relayed: string }>(
    "select org_id, position, relayed from org_log where relayed < position limit $1",
    [organisationsAtOnce],
  );
  let rung = 0;
  for (const row of rows) {
    const from = Number(row.relayed) + 1;
    const to = Math.min(Number(row.position), from + eventsAtOnce - 1);
    const bells = doorbells(database.owner, row.org_id, from, to);
    await Promise.all(queues.map((queue) => queue.addBulk(bells)));
    await database.pool.query("update org_log set relayed = greatest(relayed, $2) where org_id = $1", [
      row.org_id,
      to,
    ]);
    rung += to - from + 1;
  }
  return rung;
}

function doorbells(owner: Owner, org: string, from: number, to: number) {
  return Array.from({ length: to - from + 1 }, (_, index) => ({
    name: owner,
    data: { owner, org, position: from + index },
    opts: {
      jobId: `inv-${owner}-${org}-${from + index}`,
      attempts: 5,
      backoff: { type: "exponential", delay: 200 },
      removeOnComplete: true,
      removeOnFail: 1000,
    },
  }));
}

/** Keeps a connection on LISTEN, and makes a new one when it breaks. */
async function listen(database: Database, bell: Wake, stop: AbortSignal, log: Log): Promise<void> {
  while (!stop.aborted) {
    const client = new pg.Client({ connectionString: database.url, keepAlive: true });
    try {
      const ended = new Promise<void>((resolve) => {
        client.once("end", resolve);
        client.on("error", () => resolve()); // a connection that breaks may say so more than once
        stop.addEventListener("abort", () => resolve(), { once: true });
      });
      await client.connect();
      client.on("notification", () => bell.ring());
      await client.query(`listen ${logChannel}`);
      await ended;
    } catch (error) {
      log.debug({ reason: String(error) }, "can't listen for events; polling goes on");
    }
    await client.end().catch(() => undefined);
    if (!stop.aborted) await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
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
