import { Fault } from "@portcullis/chassis/fault";
import type { Log } from "@portcullis/chassis/log";
import { Redis } from "ioredis";

/** How long a connection that is silent when it should answer is kept. */
const silenceMs = 2000;
const reconnectMs = 1000;

export interface RedisOptions {
  readonly url: string;
  readonly limitMs: number;
}

/** A client whose calls fail at once while Redis is away, and after a limit of time. It reconnects for as long as it lives. */
export function openRedis({ url, limitMs }: RedisOptions): Redis & Disposable {
  const redis = new Redis(url, {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    commandTimeout: limitMs,
    socketTimeout: silenceMs,
    retryStrategy: (times) => Math.min(50 * 2 ** times, reconnectMs),
    lazyConnect: true,
  });
  redis.on("error", () => undefined); // each call fails by itself
  return Object.assign(redis, { [Symbol.dispose]: () => redis.disconnect() });
}

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
