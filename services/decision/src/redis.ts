import { Fault } from "@portcullis/chassis/fault";
import type { Log } from "@portcullis/chassis/log";
import type { Redis } from "ioredis";

/**
 * Connects, and refuses a Redis that may evict what has no expiry: watermarks, and the queue's jobs. One that is away is
 * done without until it comes.
 */
export async function connectCache(
  redis: Pick<Redis, "connect" | "info">,
  log: Pick<Log, "warn">,
): Promise<void> {
  try {
    await redis.connect();
    const policy = /maxmemory_policy:([a-z-]+)/.exec(await redis.info("memory"))?.[1] ?? "unknown";
    if (!policy.startsWith("allkeys-")) return;
    throw new Fault(
      "refused",
      `redis must not evict keys that have no expiry: its maxmemory-policy is ${policy}`,
    );
  } catch (error) {
    if (error instanceof Fault) throw error;
    log.warn({ reason: String(error) }, "redis is away; owners are asked until it comes");
  }
}
