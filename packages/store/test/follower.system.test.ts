import { randomUUID } from "node:crypto";
import { defineEntity, type MigrationObject, p } from "@mikro-orm/core";
import { Migration } from "@mikro-orm/migrations";
import { openLog } from "@portcullis/chassis/log";
import type { OrgId } from "@portcullis/policy";
import type { Event } from "@portcullis/proto/events/v1/events";
import { Queue } from "bullmq";
import { Redis } from "ioredis";
import { afterAll, beforeAll, beforeEach, expect, inject, test } from "vitest";
import { Database } from "../src/database.ts";
import { type Doorbell, followerQueue, queuePrefix } from "../src/doorbell.ts";
import { noteFailure } from "../src/follow-failures.ts";
import { readPlace } from "../src/followed-place.ts";
import { type FollowerOptions, startFollower } from "../src/follower.ts";
import { otherLogs } from "../src/other-logs.ts";
import { freshDatabase } from "../src/testing.ts";

const EffectRow = defineEntity({
  name: "Effect",
  tableName: "effect",
  properties: { id: p.bigint().primary(), orgId: p.uuid(), position: p.integer() },
});

class Effects extends Migration {
  override up(): void {
    this.addSql(`create table effect (
      id bigint generated always as identity primary key, org_id uuid not null, position int not null
    )`);
  }
}

const migrations: readonly MigrationObject[] = [{ name: "0002-effects", class: Effects }];
const log = openLog("follower-test", "silent");
const nobodyListens = "redis://127.0.0.1:1";

const parts = new AsyncDisposableStack();
let database: Database;
let redisUrl: string;
let queue: Queue<Doorbell>;
beforeAll(async () => {
  const { url } = parts.use(await freshDatabase(inject("databaseUrl")));
  database = parts.use(
    await Database.open({
      owner: "tokens",
      url,
      entities: [EffectRow],
      migrations,
      otherLogs: otherLogs({}),
      log,
    }),
  );
  const own = new URL(inject("redisUrl"));
  own.pathname = "/11"; // whoever hears a doorbell is the one it was meant for
  redisUrl = own.href;
  const redis = new Redis(redisUrl);
  parts.defer(() => redis.disconnect());
  queue = new Queue(followerQueue("grants", "tokens"), { connection: redis, prefix: queuePrefix });
  parts.defer(() => queue.close());
});
afterAll(() => parts.disposeAsync());

/** Another owner's log, as it is read. */
class Source {
  incarnation = "one";
  readonly logs = new Map<string, Event[]>();

  append(org: string, ...actions: string[]): void {
    const events = this.logs.get(org) ?? [];
    for (const action of actions) {
      events.push({
        orgId: org,
        owner: "grants",
        position: events.length + 1,
        at: new Date(),
        context: {
          actor: undefined,
          requestId: `request ${events.length + 1}`,
          sourceAddress: "",
          unchangedSince: [],
        },
        action,
        subject: undefined,
        beforeJson: "",
        afterJson: "",
        touches: [],
        touchedKinds: [],
        dependsOn: [],
      });
    }
    this.logs.set(org, events);
  }

  readonly facts: FollowerOptions["facts"] = {
    readLog: async ({ orgId, after, limit }) => ({
      events: (this.logs.get(orgId) ?? []).slice(after, after + limit),
      head: this.logs.get(orgId)?.length ?? 0,
      incarnation: this.incarnation,
    }),
    heads: async ({ orgIds }) => ({
      positions: orgIds.map((org) => this.logs.get(org)?.length ?? 0),
      incarnation: this.incarnation,
    }),
  };
}

let source: Source;
let org: OrgId;
beforeEach(() => {
  source = new Source();
  org = randomUUID() as OrgId;
});

/** A follower that notes each event that it handles, in the rows and in the log. */
function follower(more: Partial<FollowerOptions> = {}) {
  return startFollower({
    database,
    source: "grants",
    facts: source.facts,
    actions: ["matters"],
    handle: async (write, event) => {
      await write.em.execute("insert into effect (org_id, position) values (?, ?)", [
        event.orgId,
        event.position,
      ]);
      write.record({
        action: "followed",
        subject: { type: "organization", id: event.orgId },
        before: null,
        after: { position: event.position },
        touches: [],
      });
    },
    redisUrl: nobodyListens,
    log,
    ...more,
  });
}

async function handled(of: string = org): Promise<number[]> {
  const { rows } = await database.pool.query<{ position: number }>(
    "select position from effect where org_id = $1 order by id",
    [of],
  );
  return rows.map(({ position }) => position);
}

async function cursor(): Promise<number> {
  const { rows } = await database.pool.query<{ position: string }>(
    "select position from followed_log where org_id = $1",
    [org],
  );
  return Number(rows[0]?.position);
}

test("what matters is handled in order, each once, and the rest is passed over", async () => {
  source.append(org, "matters", "else", "matters", "else");
  await using following = await follower();
  await following.catchUp(org);
  expect(await handled()).toEqual([1, 3]);
  expect(await cursor()).toBe(4);
  await following.catchUp(org);
  source.append(org, "matters");
  await following.catchUp(org);
  expect(await handled()).toEqual([1, 3, 5]);
});

test("its own events carry the request id of those that it answers, and no actor", async () => {
  source.append(org, "else", "matters");
  await using following = await follower();
  await following.catchUp(org);
  const { rows } = await database.pool.query("select request_id, actor_id from event_log where org_id = $1", [
    org,
  ]);
  expect(rows).toEqual([{ request_id: "request 2", actor_id: "" }]);
});

test("many that follow at once do everything once and in order, through several pages", async () => {
  const actions = Array.from({ length: 50 }, (_, index) => (index % 3 === 0 ? "else" : "matters"));
  source.append(org, ...actions);
  await using one = await follower();
  await using two = await follower();
  await Promise.all([one, two, one, two, one].map((each) => each.catchUp(org)));
  const mattering = actions.flatMap((action, index) => (action === "matters" ? [index + 1] : []));
  expect(await handled()).toEqual(mattering);
  expect(await cursor()).toBe(50);
});

test("a handler that fails leaves nothing behind, and is where it goes on", async () => {
  source.append(org, "matters", "matters", "matters");
  let failing = true;
  await using following = await follower({
    handle: async (write, event) => {
      await write.em.execute("insert into effect (org_id, position) values (?, ?)", [org, event.position]);
      if (event.position === 2 && failing) throw new Error("not now");
    },
  });
  await expect(following.catchUp(org)).rejects.toThrow("not now");
  expect(await handled()).toEqual([1]);
  expect(await cursor()).toBe(1);
  failing = false;
  await following.catchUp(org);
  expect(await handled()).toEqual([1, 2, 3]);
});

/** Handles an event in so many parts; `before` hears before each how many are done. */
function inParts(parts: number, before: (done: number) => void): FollowerOptions["handle"] {
  return async (write, event) => {
    const done = await write.em.execute<unknown[]>("select from effect where org_id = ?", [org]);
    before(done.length);
    if (done.length === parts) return;
    await write.em.execute("insert into effect (org_id, position) values (?, ?)", [org, event.position]);
    const subject = { type: "organization", id: event.orgId };
    write.record({ action: "part_done", subject, before: null, after: null, touches: [] });
    return "unfinished";
  };
}

test("what takes several transactions goes on behind the last that committed, and only then is the event done", async () => {
  source.append(org, "matters", "else");
  let failing = true;
  const handle = inParts(5, (done) => {
    if (done === 3 && failing) throw new Error("killed");
  });
  await using following = await follower({ handle });
  await expect(following.catchUp(org)).rejects.toThrow("killed");
  expect(await handled()).toEqual([1, 1, 1]);
  expect(await cursor()).toBeNaN();
  failing = false;
  // Another process takes over, while the first one tries again.
  await using another = await follower({ handle });
  await Promise.all([following.catchUp(org), another.catchUp(org)]);
  expect(await handled()).toEqual([1, 1, 1, 1, 1]);
  expect(await cursor()).toBe(2);
});

test("a doorbell that rings during long work is not lost, and long work takes the place of nobody else", async () => {
  source.append(org, "matters");
  const others = Array.from({ length: 4 }, () => randomUUID() as OrgId);
  const { promise: opened, resolve: open } = Promise.withResolvers<void>();
  const { promise: reached, resolve: reach } = Promise.withResolvers<void>();
  const ring = async (of: OrgId, position: number): Promise<void> => {
    await queue.add("grants", { owner: "grants", org: of, position }, { removeOnComplete: true });
  };
  await using _ = await follower({
    redisUrl,
    handle: async (write, event) => {
      reach();
      if (event.orgId === org && event.position === 1) await opened;
      await write.em.execute("insert into effect (org_id, position) values (?, ?)", [
        event.orgId,
        event.position,
      ]);
    },
  });
  try {
    await ring(org, 1);
    await reached;
    source.append(org, "matters");
    for (let position = 2; position <= 9; position++) await ring(org, position);
    for (const other of others) {
      source.append(other, "matters");
      await ring(other, 1);
    }
    for (const other of others) {
      await expect.poll(() => handled(other), { interval: 10 }).toEqual([1]);
    }
    expect(await handled()).toEqual([]);
  } finally {
    open();
  }
  await expect.poll(() => handled(), { interval: 10 }).toEqual([1, 2]);
});

test("a part that did nothing is an error and no endless loop", async () => {
  source.append(org, "matters");
  await using following = await follower({ handle: () => Promise.resolve("unfinished") });
  await expect(following.catchUp(org)).rejects.toThrow("records what it did");
  expect(await cursor()).toBeNaN();
});

test("stopped between two parts, it does not pass over the rest", async () => {
  source.append(org, "matters", "else");
  const following = await follower({
    handle: inParts(5, (done) => {
      if (done === 2) stopping = following[Symbol.asyncDispose]();
    }),
  });
  let stopping: PromiseLike<void> | undefined;
  await following.catchUp(org);
  await stopping;
  // The sweep that each follower begins with may have been about a part, too.
  expect((await handled()).length).toBeLessThan(5);
  expect(await cursor()).toBeNaN();
  await using another = await follower({ handle: inParts(5, () => undefined) });
  await another.catchUp(org);
  expect(await handled()).toEqual([1, 1, 1, 1, 1]);
});

test("another history of the source is handled from its beginning", async () => {
  source.append(org, "matters", "else", "matters");
  await using following = await follower();
  await following.catchUp(org);
  source.logs.clear();
  source.incarnation = "two";
  source.append(org, "else", "matters");
  await following.catchUp(org);
  expect(await handled()).toEqual([1, 3, 2]);
  expect(await cursor()).toBe(2);
});

test("without any doorbell and without Redis, a start makes up for what was missed", async () => {
  source.append(org, "matters");
  await makeKnown(org);
  await using _following = await follower();
  await expect.poll(() => handled(), { interval: 10 }).toEqual([1]);
});

test("an organization that can't be followed holds up no other", async () => {
  const [bad, good] = [randomUUID(), randomUUID()].sort() as [OrgId, OrgId];
  for (const each of [bad, good]) {
    source.append(each, "matters");
    await makeKnown(each);
  }
  await using _following = await follower({
    handle: async (write, event) => {
      if (event.orgId === bad) throw new Error("never");
      await write.em.execute("insert into effect (org_id, position) values (?, 1)", [event.orgId]);
    },
  });
  await expect.poll(() => handled(good), { interval: 10 }).toEqual([1]);
  expect(await handled(bad)).toEqual([]);
});

test("a doorbell is heard, and one that fails is heard again", async () => {
  let failures = 2;
  await using _following = await follower({
    redisUrl,
    handle: async (write, event) => {
      if (failures > 0) {
        failures -= 1;
        throw new Error("not now");
      }
      await write.em.execute("insert into effect (org_id, position) values (?, ?)", [org, event.position]);
    },
  });
  source.append(org, "matters");
  await queue.add(
    "grants",
    { owner: "grants", org, position: 1 },
    { attempts: 5, backoff: { type: "fixed", delay: 10 }, removeOnComplete: true },
  );
  await expect.poll(() => handled(), { interval: 10 }).toEqual([1]);
  expect(failures).toBe(0);
});

test("what goes on failing says where and why, and is not tried at every doorbell", async () => {
  let failing = true;
  let attempts = 0;
  await using following = await follower({
    redisUrl,
    handle: async (write, event) => {
      attempts += 1;
      if (failing) throw new Error(`never ${"x".repeat(2000)}`);
      await write.em.execute("insert into effect (org_id, position) values (?, ?)", [org, event.position]);
    },
  });
  source.append(org, "else", "matters");
  const noted = async () => {
    const { rows } = await database.pool.query<Record<string, unknown>>(
      `select owner, position, attempts, left(reason, 12) as reason, length(reason) as length, retry_at > now() as waits
       from follow_failure where org_id = $1`,
      [org],
    );
    return rows;
  };
  const failure = { owner: "grants", position: "2", reason: "Error: never", length: 1000 };
  for (let attempt = 1; attempt <= 11; attempt++) {
    await expect(following.catchUp(org)).rejects.toThrow("never");
    expect(await noted()).toEqual([{ ...failure, attempts: attempt, waits: attempt > 10 }]);
  }
  const { id } = await queue.add("grants", { owner: "grants", org, position: 2 }, { removeOnComplete: true });
  await expect.poll(() => queue.getJob(id ?? ""), { interval: 10 }).toBeUndefined();
  expect(attempts).toBe(11);
  failing = false;
  await following.catchUp(org);
  expect(await handled()).toEqual([2]);
  expect(await noted()).toEqual([]);
});

test("a first failure never waits, however the clock is rounded", async () => {
  const failure = { position: 1, reason: "never" };
  for (let round = 0; round < 100; round++) {
    const other = randomUUID() as OrgId;
    await noteFailure(database, "grants", other, failure);
    expect(await readPlace(database, "grants", other)).toMatchObject({ hasFailed: true, waits: false });
  }
});

/** Gives an organization a log of its own here. */
async function makeKnown(known: OrgId): Promise<void> {
  await database.write(
    known,
    { actor: undefined, requestId: "test", sourceAddress: "", unchangedSince: [] },
    async ({ keepBooks }) => keepBooks(),
  );
}
