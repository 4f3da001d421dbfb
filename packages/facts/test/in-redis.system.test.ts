import { randomUUID } from "node:crypto";
import type { FactKey, OrgId, PrincipalId } from "@portcullis/policy";
import { Redis } from "ioredis";
import { afterAll, expect, inject, test } from "vitest";
import { FollowInRedis } from "../src/follow-in-redis.ts";
import { inRedis } from "../src/in-redis.ts";
import { RedisSlots } from "../src/redis-slots.ts";
import type { FactSource } from "../src/source.ts";
import { silent } from "./reading-world.ts";
import { ScriptedOwner } from "./scripted-owner.ts";

const redis = new Redis(inject("redisUrl"));
const slots = new RedisSlots(redis);
afterAll(() => redis.disconnect());

function sourceOver(farther: FactSource): FactSource {
  const owners = {
    identity: new ScriptedOwner("identity"),
    groups: new ScriptedOwner("groups"),
    grants: new ScriptedOwner("grants"),
    tokens: new ScriptedOwner("tokens"),
  };
  const follow = new FollowInRedis({ slots, owners, log: silent });
  return inRedis(farther, { slots, follow, log: silent, limitMs: 5000 });
}

test("facts before whose reading different marks stood are kept each under its own, or not at all", async () => {
  const org = randomUUID() as OrgId;
  const [before, behind] = [randomUUID(), randomUUID()].map(
    (principal): FactKey => ({ kind: "member", org, principal: principal as PrincipalId }),
  ) as [FactKey, FactKey];
  const source = sourceOver({
    load: (requests) =>
      Promise.resolve(
        requests.map(({ key, incarnation }) => {
          return { key, lo: 1, hi: 3, value: { kind: "user" }, incarnation, layer: "owner" } as const;
        }),
      ),
  });
  const begin = (gen: string) => slots.rebase(org, "identity", { incarnation: "first", head: 3, gen }, null);
  const ask = (key: FactKey) => source.load([{ key, incarnation: "first", notBefore: 3, isAhead: false }]);
  await begin("a");
  await ask(before);
  await redis.del(`pc2:{${org}}:w`);
  await begin("b");
  await ask(behind);
  const kept = async () => (await slots.read(org, [before, behind])).map(({ held }) => held !== null);
  await expect.poll(kept).toEqual([false, true]);
});

test("facts that an owner answered out of two histories are not kept as if they were of one", async () => {
  const org = randomUUID() as OrgId;
  const histories = ["first", "second", "first"];
  const keys = histories.map(
    (): FactKey => ({ kind: "member", org, principal: randomUUID() as PrincipalId }),
  );
  const farther = {
    load: () =>
      Promise.resolve(
        keys.map((key, index) => {
          const incarnation = histories[index] ?? "";
          return { key, lo: 1, hi: 3, value: { kind: "user" }, incarnation, layer: "owner" } as const;
        }),
      ),
  };
  const source = sourceOver(farther);
  await source.load(keys.map((key) => ({ key, incarnation: "first", notBefore: 3, isAhead: false })));
  const kept = async () => (await slots.read(org, keys)).map(({ held }) => held !== null);
  await expect.poll(kept).toEqual([true, false, true]);
});
