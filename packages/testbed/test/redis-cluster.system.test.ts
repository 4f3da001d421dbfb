import { setTimeout as delay } from "node:timers/promises";
import {
  type RedisCluster,
  type RedisServer,
  throwawayRedisCluster,
} from "@portcullis/one-machine/redis-several";
import { type Owner, owners } from "@portcullis/policy";
import { openDeadLetters } from "@portcullis/store/dead-letters";
import { doorbellQueues, expiryQueue, queuePrefix } from "@portcullis/store/doorbell";
import pg from "pg";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { judgeAnswers, type Verdict } from "../src/judge-answers.ts";
import { type System, startSystem } from "../src/system.ts";
import { makeTeam, type Team } from "../src/team.ts";

// The cache, the queues and the rate limits in a Redis Cluster, whose masters die and whose slots move under load.

const maxStalenessMs = 2000;
const right = { wrongAllows: [], wrongDenials: [], allowedInTheEnd: [], everAllowed: true, unanswered: [] };

const parts = new AsyncDisposableStack();
let cluster: RedisCluster;
let system: System;
let team: Team;
beforeAll(async () => {
  cluster = parts.use(await throwawayRedisCluster(queuePrefix));
  system = parts.use(await startSystem({ databaseServerUrl: inject("databaseUrl"), redisUrl: cluster.url }));
  // One whose facts and doorbells are on different masters.
  do team = await makeTeam(system, 6);
  while ((await cluster.masterOf(slotOf(team.orgId))) === (await cluster.masterOf(queuePrefix)));
});
afterAll(() => parts.disposeAsync());

const slotOf = (orgId: string) => `pc2:{${orgId}}:w`;

async function judge(breakThings: () => Promise<void>): Promise<Verdict> {
  return judgeAnswers({ system, team, maxStalenessMs }, breakThings);
}

/** All keys, and on which server they are. */
async function keysByServer(): Promise<Map<RedisServer, string[]>> {
  const masters = new Map<RedisServer, string[]>();
  for (const server of cluster.servers) {
    if (!/role:master/.test(await server.client.info("replication"))) continue;
    masters.set(server, await server.client.keys("*"));
  }
  return masters;
}

/** Every event was rung for, and the organisation's slot is in use. */
async function everythingWorks(): Promise<void> {
  const log = new pg.Client({ connectionString: system.databaseUrl("groups") });
  await log.connect();
  try {
    const unrung = async () => {
      const { rows } = await log.query("select from org_log where relayed < position");
      return rows.length;
    };
    await expect.poll(unrung).toBe(0);
  } finally {
    await log.end();
  }
  const waiting = async () => {
    const { client } = await cluster.masterOf(queuePrefix);
    const lengths = doorbellQueues.map(async (queue) => client.llen(`${queuePrefix}:${queue}:wait`));
    return (await Promise.all(lengths)).reduce((sum, length) => sum + length, 0);
  };
  await expect.poll(waiting, { timeout: 40_000 }).toBe(0);
  const [person = ""] = team.people;
  const isCached = async () => {
    await team.join(person);
    await system.decision.check(team.question(person));
    await team.leave(person);
    await system.decision.check(team.question(person));
    const server = await cluster.masterOf(slotOf(team.orgId));
    return (await server.client.keys(`pc2:{${team.orgId}}:f:*`)).length;
  };
  await expect.poll(isCached).toBeGreaterThan(0);
}

test("facts, jobs and counted requests are each kept on the master of their slot, and doorbells ring", async () => {
  await everythingWorks();
  const masters = await keysByServer();
  expect(masters.size).toBe(3);
  const keys = Array.from(masters.values()).flat();
  const tagged = keys.filter((key) => key.startsWith("pc2:{") || key.startsWith(`${queuePrefix}:`));
  const counted = keys.filter((key) => key.startsWith("portcullis:rate:"));
  expect(counted.length).toBeGreaterThan(0);
  expect(keys.filter((key) => !tagged.includes(key) && !counted.includes(key))).toEqual([]);
});

test("masters die: one whose replica takes over, and one that comes back empty", async () => {
  const verdict = await judge(async () => {
    const first = await cluster.masterOf(queuePrefix);
    await first.crash();
    await expect.poll(() => cluster.masterOf(queuePrefix).catch(() => first)).not.toBe(first);
    await first.recover();
    const second = await cluster.masterOf(slotOf(team.orgId));
    await second.crash();
    await expect.poll(() => cluster.isWhole()).toBe(false);
    await delay(500);
    await second.recover();
    await expect.poll(() => cluster.isWhole()).toBe(true);
    await delay(500);
  });
  expect(verdict).toMatchObject({ ...right, refusedChanges: [] });
  await everythingWorks();
});

test("the organisation's slot, and the queues', move from master to master, key by key", async () => {
  const verdict = await judge(async () => {
    for (const key of [slotOf(team.orgId), queuePrefix, slotOf(team.orgId)]) {
      const from = await cluster.masterOf(key);
      const to = Array.from((await keysByServer()).keys()).find((server) => server !== from);
      if (to === undefined) throw new Error("there is no other master");
      await cluster.moveSlot(key, to, () => delay(20));
      expect(await cluster.masterOf(key)).toBe(to);
    }
  });
  expect(verdict).toMatchObject({ ...right, refusedChanges: [] });
  await everythingWorks();
});

test("what starts while a slot is not served answers, and uses it once it is", async () => {
  const master = await cluster.masterOf(slotOf(team.orgId));
  await master.crash();
  await expect.poll(() => cluster.isWhole()).toBe(false);
  for (const service of ["decision", "groups", "admin"] as const) {
    await system.stop(service);
    await system.start(service);
  }
  const [person = ""] = team.people;
  await team.join(person);
  const { allowed } = await system.decision.check(
    team.question(person, { kind: { $case: "fullyConsistent", value: {} } }),
  );
  expect(allowed).toBe(true);
  await master.recover();
  await expect.poll(() => cluster.isWhole()).toBe(true);
  await everythingWorks();
});

test("operators see what failed for good there, too", async () => {
  const databaseUrls = Object.fromEntries(owners.map((owner) => [owner, system.databaseUrl(owner)]));
  await using letters = await openDeadLetters({
    redisUrl: cluster.url,
    databaseUrls: databaseUrls as Record<Owner, string>,
  });
  const { client } = await cluster.masterOf(queuePrefix);
  const queue = `${queuePrefix}:${expiryQueue}`;
  const data = JSON.stringify({ owner: "grants", org: team.orgId, position: 0 });
  await client.hset(`${queue}:dead`, { name: "expiry", data, opts: "{}", failedReason: "never" });
  await client.zadd(`${queue}:failed`, Date.now(), "dead");
  const listed: object[] = [];
  for await (const letter of letters.list()) listed.push(letter);
  expect(listed).toMatchObject([{ kind: "dead job", org: team.orgId, reason: "never" }]);
  await letters.requeue(`${expiryQueue}/dead`);
  await expect.poll(() => client.zcard(`${queue}:failed`)).toBe(0);
});
