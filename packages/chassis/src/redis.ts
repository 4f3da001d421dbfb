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
