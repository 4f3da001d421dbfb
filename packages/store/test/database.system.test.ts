import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { defineEntity, type MigrationObject, p } from "@mikro-orm/core";
import { Migration } from "@mikro-orm/migrations";
import { openLog } from "@portcullis/chassis/log";
import type { FactKey, OrgId, PrincipalId } from "@portcullis/policy";
import type { Revision } from "@portcullis/proto/events/v1/events";
import pg from "pg";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { Database, type Write, type Written } from "../src/database.ts";
import type { Change } from "../src/event-log.ts";
import { ownLog } from "../src/facts-service.ts";
import { migrate } from "../src/migrate.ts";
import { otherLogs } from "../src/other-logs.ts";
import { snapshotOf } from "../src/snapshot.ts";
import { freshDatabase } from "../src/testing.ts";

const NoteRow = defineEntity({
  name: "Note",
  tableName: "note",
  properties: { id: p.uuid().primary(), orgId: p.uuid() },
});

class Notes extends Migration {
  override up(): void {
    this.addSql("create table note (id uuid primary key, org_id uuid not null)");
  }
}

class More extends Migration {
  override up(): void {
    this.addSql("create table more ()");
  }
}

const migrations: readonly MigrationObject[] = [{ name: "0002-notes", class: Notes }];
const context = { actor: undefined, requestId: "test", sourceAddress: "", unchangedSince: [] };

const parts = new AsyncDisposableStack();
let database: Database;
let client: pg.Client;
beforeAll(async () => {
  const { url } = parts.use(await freshDatabase(inject("databaseUrl")));
  const log = openLog("database-test", "silent");
  database = parts.use(
    await Database.open({
      owner: "tokens",
      url,
      entities: [NoteRow],
      migrations,
      otherLogs: otherLogs({}),
      log,
    }),
  );
  client = new pg.Client({ connectionString: url });
  await client.connect();
  parts.defer(() => client.end());
});
afterAll(() => parts.disposeAsync());

function newOrg(): OrgId {
  return randomUUID() as OrgId;
}

async function addNote({ em }: Write, org: OrgId): Promise<void> {
  em.create(NoteRow, { id: randomUUID(), orgId: org });
  await em.flush();
}

function noteAdded(org: OrgId, touches: readonly FactKey[] = []): Change {
  return { action: "note_added", subject: { type: "note", id: org }, before: null, after: {}, touches };
}

async function standing(org: OrgId): Promise<{ notes: number; events: number }> {
  const { rows } = await client.query<{ notes: string; events: string }>(
    `select (select count(*) from note where org_id = $1) as notes,
            (select count(*) from event_log where org_id = $1) as events`,
    [org],
  );
  return { notes: Number(rows[0]?.notes), events: Number(rows[0]?.events) };
}

test("what was changed since the caller saw it is not changed, and nothing else is refused", async () => {
  const org = newOrg();
  const change = (id: string, seen?: Revision, type = "note"): Promise<Written<void>> => {
    const unchangedSince = seen === undefined ? [] : [seen];
    return database.write(org, { ...context, unchangedSince }, async ({ record }) => {
      if (id !== "") record({ ...noteAdded(org), subject: { type, id } });
    });
  };
  const { revision: first } = await change("one");
  await change("one", first);
  await change("two", first);
  const conflict = { kind: "conflict", message: "somebody else changed it meanwhile" };
  const before = await standing(org);
  await expect(change("one", first)).rejects.toMatchObject(conflict);
  // Somebody else may have done the same.
  await expect(change("", first)).rejects.toMatchObject(conflict);
  const { revision: last } = await change("");
  await change("", last);
  await expect(change("three", { ...last, incarnation: "another" })).rejects.toMatchObject(conflict);
  await expect(change("three", { ...last, orgId: newOrg() })).rejects.toMatchObject(conflict);
  expect(await standing(org)).toEqual(before);
  // What another owner's log says is not this one's affair.
  await change("one", { ...first, owner: "groups" });
  // Of several things that were changed at once this may be one.
  const { revision: beforeMany } = await change("");
  await change(org, undefined, "organization");
  await expect(change("one", beforeMany)).rejects.toMatchObject(conflict);
});

test("a change and its event stand together", async () => {
  const org = newOrg();
  const { result, revision } = await database.write(org, context, async (write) => {
    await addNote(write, org);
    write.record(noteAdded(org));
    return "done";
  });
  expect(result).toBe("done");
  expect(revision).toMatchObject({ orgId: org, owner: "tokens", position: 1 });
  expect(await standing(org)).toEqual({ notes: 1, events: 1 });
});

test("a change that records nothing does not stand, even when it was flushed", async () => {
  const org = newOrg();
  const { result, revision } = await database.write(org, context, async (write) => {
    await addNote(write, org);
    return "forgotten";
  });
  expect(result).toBe("forgotten");
  expect(revision.position).toBe(0);
  expect(await standing(org)).toEqual({ notes: 0, events: 0 });
});

test("bookkeeping stands without an event", async () => {
  const org = newOrg();
  const { revision } = await database.write(org, context, async (write) => {
    write.keepBooks();
    await addNote(write, org);
  });
  expect(revision.position).toBe(0);
  expect(await standing(org)).toEqual({ notes: 1, events: 0 });
});

test("a change that fails, or records twice, leaves nothing", async () => {
  const org = newOrg();
  const failing = database.write(org, context, async (write) => {
    await addNote(write, org);
    write.record(noteAdded(org));
    throw new Error("half-way");
  });
  await expect(failing).rejects.toThrow("half-way");
  const twice = database.write(org, context, async (write) => {
    await addNote(write, org);
    write.record(noteAdded(org));
    write.record(noteAdded(org));
  });
  await expect(twice).rejects.toThrow("a transaction records one change");
  expect(await standing(org)).toEqual({ notes: 0, events: 0 });
});

test("an event that touches more than three thousand facts names their kinds", async () => {
  const org = newOrg();
  const touches = Array.from({ length: 3001 }, (): FactKey => {
    return { kind: "member", org, principal: randomUUID() as PrincipalId };
  });
  for (const some of [touches.slice(0, 3000), touches]) {
    await database.write(org, context, async (write) => write.record(noteAdded(org, some)));
  }
  const { rows } = await client.query<{ touched: number; kinds: string[] }>(
    `select jsonb_array_length(touches) as touched, touched_kinds as kinds from event_log
     where org_id = $1 order by position`,
    [org],
  );
  expect(rows).toEqual([
    { touched: 3000, kinds: [] },
    { touched: 0, kinds: ["member"] },
  ]);
});

test("a connection that breaks between two statements fails its write, or its read, and nothing else", async () => {
  const org = newOrg();
  const breakAll = async (): Promise<void> => {
    await client.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where datname = current_database() and pid <> pg_backend_pid()`,
    );
    // Nothing is asked of the connection while it breaks.
    await delay(100);
  };
  const writing = database.write(org, context, async (write) => {
    await addNote(write, org);
    await breakAll();
    write.record(noteAdded(org));
  });
  await expect(writing).rejects.toMatchObject({ kind: "unavailable" });
  await expect(snapshotOf(database, org, breakAll)).rejects.toMatchObject({ kind: "unavailable" });
  const { revision } = await database.write(org, context, async (write) => write.record(noteAdded(org)));
  expect(revision.position).toBe(1);
  expect(await standing(org)).toEqual({ notes: 0, events: 1 });
});

test("reads are given up when nobody waits for them any more", async () => {
  const asked = await database.ask({ name: "limit", text: "show statement_timeout" });
  expect(asked).toEqual([{ statement_timeout: "5s" }]);
  const { result } = await snapshotOf(database, newOrg(), async (client) => {
    const { rows } = await client.query<{ statement_timeout: string }>("show statement_timeout");
    return rows[0]?.statement_timeout;
  });
  expect(result).toBe("5s");
});

test("however many wait to write to one organisation, another one is written to meanwhile", async () => {
  const [busy, other] = [newOrg(), newOrg()];
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const { promise: held, resolve: hold } = Promise.withResolvers<void>();
  const keep = (org: OrgId) => database.write(org, context, async (write) => write.keepBooks());
  const holding = database.write(busy, context, async (write) => {
    write.keepBooks();
    hold();
    await released;
  });
  await held;
  const waiting = Array.from({ length: 30 }, () => keep(busy));
  await keep(other);
  release();
  await holding;
  expect((await Promise.all(waiting)).length).toBe(30);
  await keep(busy);
});

test("whoever finds all connections taken is told so in time, and the next finds one again", async () => {
  const { url } = parts.use(await freshDatabase(inject("databaseUrl")));
  const log = openLog("database-test", "silent");
  await using small = await Database.open({
    owner: "tokens",
    url,
    poolMax: 2,
    entities: [NoteRow],
    migrations,
    otherLogs: otherLogs({}),
    log,
  });
  const longestMs = 3500;
  const unavailable = { kind: "unavailable", message: "the database is not available", retryAfterMs: 1000 };
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const { promise: taken, resolve: take } = Promise.withResolvers<void>();
  let holders = 0;
  const holding = [newOrg(), newOrg()].map((org) =>
    small.write(org, context, async (write) => {
      await addNote(write, org);
      write.record(noteAdded(org));
      if (++holders === 2) take();
      await released;
    }),
  );
  const readers = await Promise.all([small.pool.connect(), small.pool.connect()]);
  await taken;

  try {
    const startedAt = performance.now();
    await expect(small.write(newOrg(), context, () => Promise.resolve())).rejects.toMatchObject(unavailable);
    await expect(ownLog(small).heads({ orgIds: [newOrg()] })).rejects.toMatchObject(unavailable);
    expect(performance.now() - startedAt).toBeLessThan(2 * longestMs);
  } finally {
    release();
    for (const reader of readers) reader.release();
    await Promise.all(holding);
  }
  await small.write(newOrg(), context, (write) => Promise.resolve(write.keepBooks()));
  await ownLog(small).heads({ orgIds: [newOrg()] });
});

test("a database that is not there is told of, and not made: its name may be misspelt", async () => {
  const url = new URL(database.url);
  url.pathname = "/test_of_no_database";
  const log = openLog("database-test", "silent");
  const options = { owner: "tokens", url: url.href, entities: [NoteRow], migrations, log } as const;
  await expect(Database.open({ ...options, otherLogs: otherLogs({}) })).rejects.toThrow(
    'database "test_of_no_database" does not exist',
  );
});

test("who finds all tables up to date waits for nobody who migrates; who does not, waits", async () => {
  const more = [...migrations, { name: "0003-more", class: More }];
  await client.query("select pg_advisory_lock(hashtext('portcullis migrations'))");
  await migrate(database.url, migrations);
  const migrated = migrate(database.url, more);
  const waiting = `select from pg_locks where locktype = 'advisory' and not granted
    and database = (select oid from pg_database where datname = current_database())`;
  await expect.poll(async () => (await client.query(waiting)).rowCount).toBe(1);
  await client.query("select pg_advisory_unlock(hashtext('portcullis migrations'))");
  await migrated;
  expect((await client.query("select * from more")).rows).toEqual([]);
});
