import { Fault } from "@portcullis/chassis/fault";
import type { Log } from "@portcullis/chassis/log";
import { connected, type RedisClient, serversOf } from "@portcullis/chassis/redis";

/** Connects, and says of each server what it tells of its memory. */
export async function memoryOfServers(redis: RedisClient): Promise<readonly string[]> {
  await connected(redis);
  return Promise.all(serversOf(redis).map((server) => server.info("memory")));
}

/**
 * Refuses a Redis that may evict what has no expiry: watermarks, and the queue's jobs. One that is away is done without
 * until it comes.
 */
export async function refuseEviction(
  memory: () => Promise<readonly string[]>,
  log: Pick<Log, "warn">,
): Promise<void> {
  const infos = await memory().catch((error: unknown) => {
    log.warn({ reason: String(error) }, "redis is away; owners are asked until it comes");
    return [];
  });
  const policies = infos.map((info) => /maxmemory_policy:([a-z-]+)/.exec(info)?.[1] ?? "unknown");
  const evicting = policies.find((policy) => policy.startsWith("allkeys-"));
  if (evicting === undefined) return;
  throw new Fault(
    "refused",
    `redis must not evict keys that have no expiry: its maxmemory-policy is ${evicting}`,
  );
}
