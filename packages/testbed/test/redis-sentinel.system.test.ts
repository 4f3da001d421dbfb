import { setTimeout as delay } from "node:timers/promises";
import { throwawaySentinels, type WatchedRedis } from "@portcullis/one-machine/redis-several";
import { invalidationQueue, queuePrefix } from "@portcullis/store/doorbell";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { judgeAnswers } from "../src/judge-answers.ts";
import { type System, startSystem } from "../src/system.ts";
import { makeTeam } from "../src/team.ts";

// A Redis whose master dies under load, and whose Sentinels put its replica in its place.

const maxStalenessMs = 2000;

const parts = new AsyncDisposableStack();
let redis: WatchedRedis;
let system: System;
beforeAll(async () => {
  redis = parts.use(await throwawaySentinels());
  system = parts.use(await startSystem({ databaseServerUrl: inject("databaseUrl"), redisUrl: redis.url }));
});
afterAll(() => parts.disposeAsync());

test("the master dies: answers stay right, writes go on, and the replica is used in its place", async () => {
  const team = await makeTeam(system, 6);
  const isMaster = async () => /role:master/.test(await redis.replica.client.info("replication"));
  expect(await isMaster()).toBe(false);
  const verdict = await judgeAnswers({ system, team, maxStalenessMs }, async () => {
    await delay(300);
    await redis.master.crash();
    await expect.poll(isMaster).toBe(true);
    await delay(1000);
  });
  expect(verdict).toMatchObject({
    wrongAllows: [],
    wrongDenials: [],
    allowedInTheEnd: [],
    everAllowed: true,
    unanswered: [],
    refusedChanges: [],
  });
  const { client } = redis.replica;
  const id = `${queuePrefix}:${invalidationQueue}:id`;
  await client.flushall();
  const [person = ""] = team.people;
  const isUsed = async () => {
    await team.join(person);
    await system.decision.check(team.question(person));
    const [jobs, marks] = [await client.exists(id), await client.exists(`pc2:{${team.orgId}}:w`)];
    return { jobs, marks };
  };
  await expect.poll(isUsed).toEqual({ jobs: 1, marks: 1 });
});
