import { setTimeout as after } from "node:timers/promises";
import type { RedisClient } from "@portcullis/chassis/redis";
import type { Worker } from "bullmq";

const longestMs = 5000;

/** Lets running jobs end; but where Redis is away, nothing can be told of them, and where it goes away, they are left. */
export async function endWorker(worker: Worker, redis: RedisClient): Promise<void> {
  const isAway = redis.status !== "ready";
  const patience = new AbortController();
  const late = after(longestMs, undefined, { signal: patience.signal }).catch(() => undefined);
  await Promise.race([worker.close(isAway).catch(() => undefined), late]);
  patience.abort();
  redis.disconnect();
}
