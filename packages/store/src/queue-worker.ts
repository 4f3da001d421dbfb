// Works on a queue's jobs for as long as it lives, whatever becomes of Redis meanwhile.

import { setTimeout as after } from "node:timers/promises";
import type { Log } from "@portcullis/chassis/log";
import { openRedisForWorking, type RedisClient } from "@portcullis/chassis/redis";
import { Queue, Worker } from "bullmq";
import { type Doorbell, queuePrefix } from "./doorbell.ts";
import { tellOfQueue, type WorkDone } from "./queue-metrics.ts";
import { tracedJob } from "./traced-job.ts";

export interface QueueWork {
  readonly queue: string;
  readonly redisUrl: string;
  /** In this process. */
  readonly jobsAtOnce: number;
  /** `redis`: where the job came from; what is asked of it waits while Redis is away. */
  readonly work: (job: Doorbell, redis: RedisClient) => Promise<void>;
  /** BullMQ tries again, as often as who added the job wanted. */
  readonly onFailed: (job: Doorbell | undefined, reason: string) => void;
  readonly log: Log;
}

/** A worker of BullMQ, and what it is connected by. */
interface Hands {
  readonly worker: Worker<Doorbell>;
  readonly redis: RedisClient;
  /** The same jobs, to be counted. */
  readonly queue: () => Queue;
}

/**
 * A worker that takes no job for this long while some wait is replaced: after masters of a Redis Cluster have died, one of
 * BullMQ's may wait for ever for an answer that got lost.
 */
const patienceMs = 5000;
/** To let running jobs end. */
const endMs = 5000;

export function workOn(options: QueueWork): AsyncDisposable {
  const { queue, log } = options;
  const work: WorkDone = { done: 0, failed: 0, replaced: 0 };
  const progress = { begun: 0, running: 0 };
  let hands = begin(options, work, progress);
  const metrics = tellOfQueue(queue, work, (...states) => {
    // It would wait for Redis, and so would the next scrape.
    if (hands.redis.status !== "ready") throw new Error("redis is away");
    return hands.queue().getJobCounts(...states);
  });

  /** How many jobs this worker had begun when it was first seen to leave some alone; null: it does not. */
  let idleAt: number | null = null;
  const look = async (): Promise<void> => {
    const { begun } = progress;
    if (!(await someWait(hands)) || progress.running > 0 || progress.begun !== begun) {
      idleAt = null;
    } else if (idleAt !== begun) {
      idleAt = begun;
    } else {
      log.warn({ queue }, "a worker left its jobs alone and is replaced");
      idleAt = null;
      work.replaced++;
      await end(hands);
      hands = begin(options, work, progress);
    }
  };
  let looking = Promise.resolve();
  const timer = setInterval(() => {
    looking = looking.then(look);
  }, patienceMs);

  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await looking;
      metrics[Symbol.dispose]();
      await end(hands);
    },
  };
}

function begin(
  { queue, redisUrl, jobsAtOnce, work, onFailed }: QueueWork,
  ended: WorkDone,
  progress: { begun: number; running: number },
): Hands {
  const redis = openRedisForWorking(redisUrl);
  const counted = async (job: Doorbell): Promise<void> => {
    progress.begun++;
    progress.running++;
    try {
      await work(job, redis);
    } finally {
      progress.running--;
    }
  };
  const worker = new Worker<Doorbell>(queue, tracedJob(queue, counted), {
    connection: redis,
    prefix: queuePrefix,
    concurrency: jobsAtOnce,
  });
  worker.on("error", () => undefined); // it goes on trying
  worker.on("completed", () => {
    ended.done++;
  });
  worker.on("failed", (job, error) => {
    ended.failed++;
    onFailed(job?.data, error.message);
  });
  let counting: Queue | null = null;
  return { worker, redis, queue: () => (counting ??= open(queue, redis)) };
}

/** Only once Redis is there: a queue that met none when it was made never works. */
function open(name: string, connection: RedisClient): Queue {
  const queue = new Queue(name, { connection, prefix: queuePrefix, skipMetasUpdate: true });
  queue.on("error", () => undefined); // what is asked of it fails by itself
  return queue;
}

/** Who can't even count them takes none either. */
async function someWait({ redis, queue }: Hands): Promise<boolean> {
  if (redis.status !== "ready") return false; // it is being connected again
  const counts = queue().getJobCounts("wait");
  return Promise.race([
    counts.then(({ wait = 0 }) => wait > 0).catch(() => true),
    after(patienceMs / 2, true, { ref: false }),
  ]);
}

/** Lets running jobs end; but where Redis is away, nothing can be told of them, and where it goes away, they are left. */
async function end({ worker, redis }: Hands): Promise<void> {
  const isAway = redis.status !== "ready";
  const patience = new AbortController();
  const late = after(endMs, undefined, { signal: patience.signal }).catch(() => undefined);
  await Promise.race([worker.close(isAway).catch(() => undefined), late]);
  patience.abort();
  redis.disconnect();
}
