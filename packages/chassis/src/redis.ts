import { Cluster, type ClusterOptions, Redis, type RedisOptions } from "ioredis";
import { Fault } from "./fault.ts";
import { parseRedisAddress, type RedisAddress } from "./redis-address.ts";

export { redisUrl } from "./redis-address.ts";

/** What a Redis is spoken to with, be it one server or many. */
export type RedisClient = Redis | Cluster;

/** How long a connection that is silent when it should answer is kept. */
const silenceMs = 2000;
const reconnectMs = 1000;
const connectMs = 5000;
/** What adds jobs may take its time, but does not wait for ever. */
const addingMs = 5000;
/** How often a call to a Cluster may be led on: it moved, it is about to move, and once more. */
const redirectionsMax = 4;
const tryAgainMs = 10;

const soon = (times: number): number => Math.min(50 * 2 ** times, reconnectMs);

/** A client whose calls fail at once while Redis is away, and after a limit of time. It reconnects for as long as it lives. */
export function openRedis({ url, limitMs }: { url: string; limitMs: number }): RedisClient & Disposable {
  const redis = open(url, {
    server: {
      maxRetriesPerRequest: 0,
      commandTimeout: limitMs,
      socketTimeout: silenceMs,
    },
    waits: false,
    lazyConnect: true,
  });
  return disposable(redis);
}

/** A client for those who add jobs: its calls fail while Redis is away. It connects at once, and again and again. */
export function openRedisForAdding(url: string): RedisClient & Disposable {
  const server = { maxRetriesPerRequest: 1, commandTimeout: addingMs, socketTimeout: silenceMs };
  return disposable(open(url, { server, waits: false, lazyConnect: false }));
}

/** A client for those who take jobs: what it is asked waits until Redis is there. */
export function openRedisForWorking(url: string): RedisClient & Disposable {
  return disposable(open(url, { server: { maxRetriesPerRequest: null }, waits: true, lazyConnect: false }));
}

/**
 * Connects, if it does not yet, and resolves once calls can be made. Throws `unavailable` if that does not come about now;
 * the client goes on trying.
 */
export async function connected(redis: RedisClient): Promise<void> {
  if (redis.status === "ready") return;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const refuse = (): void => reject(new Fault("unavailable", "can't reach Redis"));
  const timer = setTimeout(refuse, connectMs);
  redis.once("ready", resolve).once("close", refuse);
  // Of a Cluster that is there but down, this promise says nothing.
  if (redis.status === "wait") redis.connect().catch(refuse);
  try {
    await promise;
  } finally {
    clearTimeout(timer);
    redis.off("ready", resolve).off("close", refuse);
  }
}

/** Each server that takes writes. */
export function serversOf(redis: RedisClient): Redis[] {
  return redis instanceof Cluster ? redis.nodes("master") : [redis];
}

interface Manner {
  readonly server: Pick<RedisOptions, "maxRetriesPerRequest" | "commandTimeout" | "socketTimeout">;
  /** Whether calls wait for Redis while it is away. */
  readonly waits: boolean;
  readonly lazyConnect: boolean;
}

function open(url: string, manner: Manner): RedisClient {
  const address = parseRedisAddress(url);
  if (address === null) throw new Error("the address of Redis has none of its forms");
  const redis = address.kind === "cluster" ? openCluster(address, manner) : openServer(address, manner);
  redis.on("error", () => undefined); // each call fails by itself
  return redis;
}

function openServer(address: Exclude<RedisAddress, { kind: "cluster" }>, manner: Manner): Redis {
  const { server, waits, lazyConnect } = manner;
  const options = { ...server, enableOfflineQueue: waits, lazyConnect, retryStrategy: soon };
  if (address.kind === "server") return new Redis(address.url, options);
  const { sentinels, name, credentials, sentinelPassword, tls } = address;
  return new Redis({
    ...options,
    ...credentials,
    sentinels: sentinels.map((sentinel) => ({ ...sentinel })),
    name,
    ...(sentinelPassword !== null && { sentinelPassword }),
    ...(tls && { tls: {}, sentinelTLS: {}, enableTLSForSentinelMode: true }),
    sentinelRetryStrategy: soon,
    sentinelCommandTimeout: silenceMs,
    // A connection to a master that was replaced may be silent for long.
    failoverDetector: true,
  });
}

function openCluster(
  { nodes, credentials, tls }: Extract<RedisAddress, { kind: "cluster" }>,
  { server, waits, lazyConnect }: Manner,
): Cluster {
  const whileAway: ClusterOptions = waits
    ? { maxRedirections: Number.MAX_SAFE_INTEGER }
    : { maxRedirections: redirectionsMax, retryDelayOnFailover: 0, retryDelayOnClusterDown: 0 };
  return new Cluster(
    nodes.map((node) => ({ ...node })),
    {
      ...whileAway,
      enableOfflineQueue: waits,
      lazyConnect,
      retryDelayOnTryAgain: tryAgainMs,
      clusterRetryStrategy: soon,
      // As names in certificates are those of the servers.
      ...(tls && { dnsLookup: (host, callback) => callback(null, host) }),
      redisOptions: { ...server, ...credentials, ...(tls && { tls: {} }) },
    },
  );
}

function disposable<Client extends RedisClient>(redis: Client): Client & Disposable {
  return Object.assign(redis, { [Symbol.dispose]: () => redis.disconnect() });
}
