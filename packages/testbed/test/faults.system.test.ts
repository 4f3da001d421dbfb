import { setTimeout as delay } from "node:timers/promises";
import { throwawayRedis } from "@portcullis/one-machine/redis";
import { Redis } from "ioredis";
import pg from "pg";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { type Gate, openGate } from "../src/gate.ts";
import { judgeAnswers, type Verdict } from "../src/judge-answers.ts";
import { type System, startSystem } from "../src/system.ts";
import { makeTeam } from "../src/team.ts";

// People join and leave a team while Checks go on and parts break. The history knows when each change was asked for and
// acknowledged; an allow that no moment within the bound explains is wrong, and so is a denial of what was granted all
// the time. Being told that there is no answer is neither.

const maxStalenessMs = 2000;
/** A Check that waits for a frozen owner is given up after so long. */
const callerPatienceMs = 5000;

const parts = new AsyncDisposableStack();
let system: System;
let redisGate: Gate;
let redis: Redis;

beforeAll(async () => {
  const server = parts.use(await throwawayRedis());
  redisGate = parts.use(await openGate(server.url));
  redis = new Redis(server.url);
  parts.defer(() => redis.disconnect());
  system = parts.use(
    await startSystem({ databaseServerUrl: inject("databaseUrl"), redisUrl: redisGate.url }),
  );
});
afterAll(() => parts.disposeAsync());

const right = { wrongAllows: [], wrongDenials: [], allowedInTheEnd: [], everAllowed: true };
const rightAndAnswered = { ...right, unanswered: [] };

async function judge(breakThings: () => Promise<void>): Promise<Verdict> {
  return judgeAnswers({ system, team: await makeTeam(system, 6), maxStalenessMs }, breakThings);
}

test("nothing breaks", async () => {
  expect(await judge(() => delay(2000))).toMatchObject(rightAndAnswered);
});

test("the decision service, which runs the queue's worker, is killed in the middle of jobs, three times", async () => {
  const verdict = await judge(async () => {
    for (let time = 0; time < 3; time++) {
      await delay(700);
      await system.stop("decision");
      await system.start("decision");
    }
  });
  expect(verdict).toMatchObject(right);
});

test("Redis forgets everything, again and again, also in the middle of loads", async () => {
  const verdict = await judge(async () => {
    for (let time = 0; time < 20; time++) {
      await redis.flushall();
      await delay(150);
    }
  });
  expect(verdict).toMatchObject(right);
});

test("Redis loses watermarks alone, and tombstones and values alone", async () => {
  const verdict = await judge(async () => {
    for (let time = 0; time < 15; time++) {
      const keys = await redis.keys("pc2:*");
      const some = keys.filter((key) => (time % 2 === 0 ? key.endsWith(":w") : !key.endsWith(":w")));
      if (some.length > 0) await redis.del(...some);
      await delay(150);
    }
  });
  expect(verdict).toMatchObject(right);
});

test("Redis is cut off, comes back, and is cut off again: Checks are answered all the time", async () => {
  const verdict = await judge(async () => {
    for (let time = 0; time < 3; time++) {
      redisGate.shut();
      await delay(1000);
      redisGate.open();
      await delay(500);
    }
  });
  expect(verdict).toMatchObject(rightAndAnswered);
});

test("Redis holds connections open and says nothing", async () => {
  const verdict = await judge(async () => {
    redisGate.holdUp();
    await delay(2500);
    redisGate.open();
  });
  expect(verdict).toMatchObject(rightAndAnswered);
});

test("the queue is emptied over and over, so that no doorbell is ever heard", async () => {
  const verdict = await judge(async () => {
    for (let time = 0; time < 60; time++) {
      const keys = await redis.keys("{bull}*");
      if (keys.length > 0) await redis.del(...keys);
      await delay(50);
    }
  });
  expect(verdict).toMatchObject(right);
});

test("the owner of memberships, and its relay with it, is killed between commit and doorbell", async () => {
  const verdict = await judge(async () => {
    for (let time = 0; time < 3; time++) {
      await delay(500);
      await system.stop("groups");
      await system.start("groups");
    }
  });
  expect(verdict).toMatchObject(right);
});

test("an owner is frozen for longer than the bound: no answer is better than a stale one", async () => {
  const verdict = await judge(async () => {
    await delay(300);
    system.signal("groups", "SIGSTOP");
    await delay(maxStalenessMs + callerPatienceMs + 1000);
    system.signal("groups", "SIGCONT");
    await delay(1000);
  });
  expect(verdict).toMatchObject(right);
  const { unanswered } = verdict;
  expect(unanswered.length).toBeGreaterThan(0);
  expect(new Set(unanswered.map(({ kind }) => kind))).not.toContain("internal");
});

test("the decision service is frozen between question and answer", async () => {
  const verdict = await judge(async () => {
    for (let time = 0; time < 2; time++) {
      await delay(500);
      system.signal("decision", "SIGSTOP");
      await delay(maxStalenessMs + 500);
      system.signal("decision", "SIGCONT");
    }
  });
  expect(verdict).toMatchObject(right);
});

test("what was acknowledged before an owner was killed is committed, with its event, and is told in the end", async () => {
  const team = await makeTeam(system, 4);
  const log = new pg.Client({ connectionString: system.databaseUrl("groups") });
  await log.connect();
  try {
    // Without Redis the relay can't ring; then the owner is killed before it can.
    redisGate.shut();
    for (const person of team.people) await team.join(person);
    await system.stop("groups");
    const standing = await log.query<{ position: string; relayed: string }>(
      "select position, relayed from org_log where org_id = $1",
      [team.orgId],
    );
    expect(Number(standing.rows[0]?.relayed)).toBeLessThan(Number(standing.rows[0]?.position));
    // It starts while Redis is away still.
    await system.start("groups");
    redisGate.open();
    for (const person of team.people) {
      await expect.poll(async () => (await system.decision.check(team.question(person))).allowed).toBe(true);
    }
    await expect
      .poll(
        async () => {
          const { rows } = await log.query<{ behind: string }>(
            "select position - relayed as behind from org_log where org_id = $1",
            [team.orgId],
          );
          return Number(rows[0]?.behind);
        },
        { timeout: 10_000 },
      )
      .toBe(0);
    const { events } = await system.facts.groups.readLog({ orgId: team.orgId, after: 0, limit: 0 });
    const joined = events.filter(({ action }) => action === "group_updated");
    expect(joined).toHaveLength(team.people.length);
  } finally {
    redisGate.open();
    await log.end();
  }
});
