import { randomUUID } from "node:crypto";
import { defineEntity, p } from "@mikro-orm/core";
import { openLog } from "@portcullis/chassis/log";
import { metrics } from "@portcullis/chassis/metrics";
import type { OrgId } from "@portcullis/policy";
import { Queue } from "bullmq";
import { Redis } from "ioredis";
import pg from "pg";
import { afterAll, beforeAll, beforeEach, expect, inject, test } from "vitest";
import { Database } from "../src/database.ts";
import { type Doorbell, followerQueue, queuePrefix } from "../src/doorbell.ts";
import { otherLogs } from "../src/other-logs.ts";
import { startRelay } from "../src/relay.ts";
import { freshDatabase } from "../src/testing.ts";

// Several relays over one log: one of them rings, and it is one that can.

const NothingRow = defineEntity({ name: "Nothing", properties: { id: p.uuid().primary() } });
const nobodyListens = "redis://127.0.0.1:1";
const context = { actor: undefined, requestId: "test", sourceAddress: "", unchangedSince: [] };
const log = openLog("relay-test", "silent");

const parts = new AsyncDisposableStack();
let database: Database;
let client: pg.Client;
let redisUrl: string;
let queue: Queue<Doorbell>;
let org: OrgId;
beforeAll(async () => {
  const { url } = parts.use(await freshDatabase(inject("databaseUrl")));
  database = parts.use(
    await Database.open({
      owner: "tokens",
      url,
      entities: [NothingRow],
      migrations: [],
      otherLogs: otherLogs({}),
      log,
    }),
  );
  client = new pg.Client({ connectionString: url });
  await client.connect();
  parts.defer(() => client.end());
  const own = new URL(inject("redisUrl"));
  own.pathname = "/13"; // nobody else takes its jobs
  redisUrl = own.href;
  queue = queueOf(followerQueue("tokens", "grants"));
});
afterAll(() => parts.disposeAsync());
beforeEach(() => {
  org = randomUUID() as OrgId;
});

function queueOf(name: string): Queue<Doorbell> {
  const connection = new Redis(redisUrl);
  parts.defer(() => connection.disconnect());
  const opened = new Queue<Doorbell>(name, { connection, prefix: queuePrefix });
  parts.defer(() => opened.close());
  return opened;
}

const relay = (url: string) => startRelay({ database, redisUrl: url, followers: ["grants"], log });

async function change(action = "changed"): Promise<void> {
  await database.write(org, context, ({ record }) => {
    record({
      action,
      subject: { type: "organization", id: org },
      before: null,
      after: {},
      touches: [],
    });
    return Promise.resolve();
  });
}

/** For which positions of the organisation was rung. */
async function rung(asked = queue): Promise<number[]> {
  const jobs = await asked.getJobs(["waiting"]);
  return jobs
    .flatMap(({ data }) => (data.org === org ? data.position : []))
    .toSorted((one, other) => one - other);
}

async function seatsTaken(): Promise<number> {
  const { rowCount } = await client.query(
    `select from pg_locks where locktype = 'advisory' and granted
       and database = (select oid from pg_database where datname = current_database())`,
  );
  return rowCount ?? 0;
}

/** What whoever watches this process is told first. */
async function told(name: string): Promise<number> {
  const [read] = metrics.find((metric) => metric.name === name)?.readers ?? [];
  const [sample] = (await read?.()) ?? [];
  return Number(sample?.[1]);
}

const soon = { interval: 10 };

test("of three relays one rings, once for each event, and another when it ends", async () => {
  const relays = await Promise.all([relay(redisUrl), relay(redisUrl), relay(redisUrl)]);
  for (const [index, ending] of relays.entries()) {
    await change();
    await expect
      .poll(() => rung(), soon)
      .toEqual(Array.from({ length: index + 1 }, (_, before) => before + 1));
    expect(await seatsTaken()).toBe(1);
    await ending[Symbol.asyncDispose]();
  }
  expect(await seatsTaken()).toBe(0);
});

test("an owner hears of its own log only what it acts on, and others hear of all", async () => {
  const own = queueOf(followerQueue("tokens", "tokens"));
  await change();
  await change("acted upon");
  await using _relay = await startRelay({
    database,
    redisUrl,
    followers: ["grants"],
    ownActions: ["acted upon"],
    log,
  });
  await expect.poll(() => rung(), soon).toEqual([1, 2]);
  await expect.poll(() => rung(own), soon).toEqual([2]);
});

test("one that can't reach Redis makes room for one that can", async () => {
  await using _mute = await relay(nobodyListens);
  await expect.poll(seatsTaken, { interval: 10 }).toBe(1);
  await using _able = await relay(redisUrl);
  await change();
  await expect.poll(() => rung(), soon).toEqual([1]);
});

test("what waits to be rung for is told: how much it is, and since when", async () => {
  await change();
  const firstAt = Date.now();
  await change();
  {
    await using _mute = await relay(nobodyListens);
    expect(await told("portcullis_relay_lag_events")).toBe(2);
    const askedAt = Date.now();
    expect(await told("portcullis_relay_lag_seconds")).toBeGreaterThanOrEqual(
      (askedAt - firstAt) / 1000 - 0.01,
    );
  }
  await using _able = await relay(redisUrl);
  await expect.poll(() => rung(), soon).toEqual([1, 2]);
  await expect.poll(() => told("portcullis_relay_lag_events"), soon).toBe(0);
  expect(await told("portcullis_relay_lag_seconds")).toBe(0);
  expect(await told("portcullis_relay_seat")).toBe(1);
});

test("all that waits at the start is rung for, and noted to be, though one of the logs is locked", async () => {
  const orgs = [org, randomUUID() as OrgId, randomUUID() as OrgId];
  for (org of orgs) await change();
  const unnoted = async () => {
    const { rows } = await client.query<{ org_id: string }>(
      "select org_id from org_log where relayed < position",
    );
    return rows.map(({ org_id }) => org_id);
  };
  await client.query("begin");
  await client.query("select from org_log where org_id = $1 for update", [orgs[1]]);
  await using _relay = await relay(redisUrl);
  try {
    await expect.poll(unnoted, soon).toEqual([orgs[1]]);
    for (org of orgs) expect(await rung()).toEqual([1]);
  } finally {
    await client.query("rollback");
  }
  await expect.poll(unnoted, soon).toEqual([]);
});

test("what happened while none ran is rung for", async () => {
  await change();
  await change();
  await using _late = await relay(redisUrl);
  await expect.poll(() => rung(), soon).toEqual([1, 2]);
});

test("one whose session the database has ended takes a seat again", async () => {
  await using _only = await relay(redisUrl);
  await change();
  await expect.poll(() => rung(), soon).toEqual([1]);
  await client.query(
    `select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and granted
       and database = (select oid from pg_database where datname = current_database())`,
  );
  await change();
  await expect.poll(() => rung(), soon).toEqual([1, 2]);
});
