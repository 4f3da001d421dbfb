// What becomes of jobs. A queue is shared: whoever works on it tells the same of it.

import { counter, gauge } from "@portcullis/chassis/metrics";
import type { RedisClient } from "@portcullis/chassis/redis";
import { Queue, type Worker } from "bullmq";
import { queuePrefix } from "./doorbell.ts";

const depth = gauge("portcullis_queue_jobs", "Jobs in a queue; those that failed for good are dead letters", [
  "queue",
  "state",
]);
const jobs = counter("portcullis_jobs_total", "Jobs that this process worked on", ["queue", "outcome"]);

/** As BullMQ calls them. */
const states = ["wait", "active", "delayed", "failed"] as const;

/** Tells how long a worker's queue is, and how its jobs end. `redis` is a client that waits for Redis. */
export function watchQueue(worker: Worker, redis: RedisClient): Disposable {
  const { name: queueName } = worker;
  /** Null: nobody has asked yet. */
  let queue: Queue | null = null;
  const ended = { done: 0, failed: 0 };
  worker.on("completed", () => {
    ended.done++;
  });
  worker.on("failed", () => {
    ended.failed++;
  });
  const parts = new DisposableStack();
  parts.defer(() => {
    queue?.close().catch(() => undefined); // as long as Redis is away, it does not end
  });
  parts.use(
    depth.readBy(async () => {
      if (redis.status !== "ready") throw new Error("redis is away"); // it would wait, and so would the next scrape
      queue ??= open(queueName, redis);
      const counts = await queue.getJobCounts(...states);
      return states.map((state) => [{ queue: queueName, state }, counts[state] ?? 0] as const);
    }),
  );
  parts.use(
    jobs.readBy(() => [
      [{ queue: queueName, outcome: "done" }, ended.done],
      [{ queue: queueName, outcome: "failed" }, ended.failed],
    ]),
  );
  return parts;
}

function open(name: string, connection: RedisClient): Queue {
  const queue = new Queue(name, { connection, prefix: queuePrefix, skipMetasUpdate: true });
  queue.on("error", () => undefined); // what is asked of it fails by itself
  return queue;
}
