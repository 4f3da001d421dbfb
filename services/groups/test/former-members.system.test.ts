import { randomUUID } from "node:crypto";
import { factKeyFromWire, factKeyText } from "@portcullis/facts/wire";
import type { OrgId, PrincipalId } from "@portcullis/policy";
import { type Doorbell, followerQueue, queuePrefix } from "@portcullis/store/doorbell";
import { Queue } from "bullmq";
import { Redis } from "ioredis";
import { afterAll, beforeAll, beforeEach, expect, inject, test } from "vitest";
import { Organization, type RunningGroups, runGroups } from "./running-groups.ts";

let running: RunningGroups;
let org: Organization;
let redis: Redis;
let queue: Queue<Doorbell>;
beforeAll(async () => {
  // A Redis database of its own: whoever hears a doorbell is the one it was meant for.
  const redisUrl = new URL(inject("redisUrl"));
  redisUrl.pathname = "/9";
  running = await runGroups({ databaseUrl: inject("databaseUrl"), redisUrl: redisUrl.href });
  redis = new Redis(redisUrl.href);
  queue = new Queue(followerQueue("identity", "groups"), { connection: redis, prefix: queuePrefix });
});
afterAll(async () => {
  await queue.close();
  redis.disconnect();
  await running[Symbol.asyncDispose]();
});
beforeEach(async () => {
  org = await Organization.provisioned(running);
});

let rings = 0;
async function ring(): Promise<void> {
  rings += 1;
  await queue.add(
    "identity",
    { owner: "identity", org: org.id, position: running.identity.head(org.id) },
    { jobId: `ring-${rings}`, attempts: 5, backoff: { type: "exponential", delay: 50 } },
  );
}

async function followedTo(position: number): Promise<void> {
  await expect
    .poll(
      async () => {
        const { rows } = await running.database.query<{ position: string }>(
          "select position from followed_log where org_id = $1 and owner = 'identity'",
          [org.id],
        );
        return Number(rows[0]?.position);
      },
      { timeout: 20_000, interval: 10 },
    )
    .toBe(position);
}

test("who leaves the organization leaves its groups, under the same request id", async () => {
  const alice = org.user();
  const groups = [await org.group([alice]), await org.group([alice])];
  await running.groups.reserveDeparture({
    orgId: org.id,
    principalIds: [alice],
    reservationId: randomUUID(),
  });
  running.identity.remove(org.id, alice);
  await ring();
  await followedTo(1);
  expect(await org.memberships(alice)).toEqual([]);
  const event = await org.lastEvent();
  expect(event).toMatchObject({
    action: "group_members_left",
    subject: { type: "member", id: alice },
    context: { requestId: "removal", actor: { principalId: "" } },
  });
  const { memberships } = JSON.parse(event?.beforeJson ?? "") as { memberships: { group: string }[] };
  expect(memberships.map(({ group }) => group).sort()).toEqual(groups.map(({ id }) => id).sort());
  expect(event?.touches.map((key) => factKeyText(factKeyFromWire(key, "key")))).toEqual([
    factKeyText({ kind: "memberships", org: org.id as OrgId, principal: alice as PrincipalId }),
  ]);
  const { rows } = await running.database.query("select 1 from departure where org_id = $1", [org.id]);
  expect(rows).toEqual([]);
});

test("doorbells that come often or late do it once", async () => {
  const alice = org.user();
  await org.group([alice]);
  running.identity.remove(org.id, alice);
  await Promise.all([ring(), ring(), ring(), ring()]);
  await followedTo(1);
  await ring();
  await expect.poll(() => queue.count(), { interval: 10 }).toBe(0);
  expect(await org.head()).toBe(3);
});

test("a doorbell that never rang is made up for by the next process", async () => {
  const alice = org.user();
  await org.group([alice]);
  running.identity.remove(org.id, alice);
  await using _another = await running.startAnother();
  await followedTo(1);
  expect(await org.memberships(alice)).toEqual([]);
});

test("a membership that was given after coming back outlives the clean-up of the earlier one", async () => {
  const alice = org.user();
  running.identity.remove(org.id, alice);
  running.identity.invite(org.id, "user", alice);
  const group = await org.group([alice]);
  await ring();
  await followedTo(1);
  expect(await org.memberships(alice)).toEqual([group.id]);
});

test("while nobody can say who is a member, nothing is taken away, and then it goes on", async () => {
  const alice = org.user();
  await org.group([alice]);
  running.identity.remove(org.id, alice);
  let asked = 0;
  running.identity.onLoad = () => {
    asked += 1;
    return asked < 3 ? Promise.reject(new Error("identity is broken")) : Promise.resolve();
  };
  try {
    await ring();
    await expect.poll(() => asked).toBeGreaterThanOrEqual(3);
    await followedTo(1);
  } finally {
    running.identity.onLoad = async () => undefined;
  }
  expect(await org.memberships(alice)).toEqual([]);
  expect(await org.head()).toBe(3);
});

test("killed in the middle, it is as if it had not begun", async () => {
  const alice = org.user();
  const group = await org.group([alice]);
  running.identity.remove(org.id, alice);
  let killed = 0;
  running.identity.onLoad = async () => {
    if (killed > 0) return;
    const { rows } = await running.database.query<{ gone: boolean }>(
      `select pg_terminate_backend(pid) as gone from pg_stat_activity
       where datname = current_database() and state = 'idle in transaction'`,
    );
    killed = rows.length;
    expect(await org.memberships(alice)).toEqual([group.id]);
  };
  try {
    await ring();
    await followedTo(1);
  } finally {
    running.identity.onLoad = async () => undefined;
  }
  expect(killed).toBe(1);
  expect(await org.memberships(alice)).toEqual([]);
  expect(await org.head()).toBe(3);
});

test("who was in very many groups leaves them in bounded pieces, also killed between two of them", async () => {
  const alice = org.user();
  await running.database.query(
    `with made as (
       insert into permission_group (id, org_id, name, created)
       select gen_random_uuid(), $1, 'many ' || n, now() from generate_series(1, 2500) as n returning id
     ) insert into group_principal (org_id, group_id, principal_id) select $1, id, $2 from made`,
    [org.id, alice],
  );
  running.identity.remove(org.id, alice);
  let asked = 0;
  running.identity.onLoad = async () => {
    asked += 1;
    if (asked !== 2) return;
    await running.database.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where datname = current_database() and state = 'idle in transaction'`,
    );
  };
  try {
    await ring();
    await followedTo(1);
  } finally {
    running.identity.onLoad = async () => undefined;
  }
  expect(await org.memberships(alice)).toEqual([]);
  const { events } = await running.facts.readLog({ orgId: org.id, after: 1, limit: 0 });
  const sizes = events.map(
    ({ beforeJson }) => (JSON.parse(beforeJson) as { memberships: object[] }).memberships.length,
  );
  expect(sizes).toEqual([1000, 1000, 500]);
});
