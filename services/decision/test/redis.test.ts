import { expect, test } from "vitest";
import { refuseEviction } from "../src/redis.ts";

const log = { warn: () => undefined };
/** Servers that say this of themselves. */
const serversWith =
  (...policies: readonly string[]) =>
  () =>
    Promise.resolve(policies.map((policy) => `# Memory\r\nmaxmemory:0\r\nmaxmemory_policy:${policy}\r\n`));

test.each(["allkeys-lru", "allkeys-lfu", "allkeys-random"])("a redis with %s is refused", async (policy) => {
  const message = `redis must not evict keys that have no expiry: its maxmemory-policy is ${policy}`;
  const refusal = { kind: "refused", message };
  await expect(refuseEviction(serversWith(policy), log)).rejects.toMatchObject(refusal);
  await expect(refuseEviction(serversWith("noeviction", policy), log)).rejects.toMatchObject(refusal);
});
test.each(["noeviction", "volatile-lru", "volatile-ttl"])("a redis with %s is taken", async (policy) => {
  await expect(refuseEviction(serversWith(policy, "noeviction"), log)).resolves.toBeUndefined();
});
test("a redis that is away is done without", async () => {
  await expect(refuseEviction(() => Promise.reject(new Error("away")), log)).resolves.toBeUndefined();
});
