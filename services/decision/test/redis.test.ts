import { expect, test } from "vitest";
import { connectCache } from "../src/redis.ts";

const log = { warn: () => undefined };
/** A Redis that says this of itself. */
const redisOf = (policy: string) => ({
  connect: () => Promise.resolve(),
  info: () => Promise.resolve(`# Memory\r\nmaxmemory:0\r\nmaxmemory_policy:${policy}\r\n`),
});

test.each(["allkeys-lru", "allkeys-lfu", "allkeys-random"])("a redis with %s is refused", async (policy) => {
  await expect(connectCache(redisOf(policy), log)).rejects.toMatchObject({
    kind: "refused",
    message: `redis must not evict keys that have no expiry: its maxmemory-policy is ${policy}`,
  });
});
test.each(["noeviction", "volatile-lru", "volatile-ttl"])("a redis with %s is taken", async (policy) => {
  await expect(connectCache(redisOf(policy), log)).resolves.toBeUndefined();
});
test("a redis that is away is done without", async () => {
  const away = { ...redisOf("noeviction"), connect: () => Promise.reject(new Error("away")) };
  await expect(connectCache(away, log)).resolves.toBeUndefined();
});
