import { randomUUID } from "node:crypto";
import { defineEntity, type MigrationObject, p } from "@mikro-orm/core";
import { Migration } from "@mikro-orm/migrations";
import { openLog } from "@portcullis/chassis/log";
import { type ThrowawayPostgres, throwawayPostgres } from "@portcullis/one-machine/postgres";
import type { OrgId } from "@portcullis/policy";
import { Database, listPage, otherLogs } from "@portcullis/store";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";

// Lists from a real replica, which lags, stops and dies: who lists after a write finds it, whoever answers.

const NoteRow = defineEntity({
  name: "Note",
  tableName: "note",
  properties: { id: p.uuid().primary(), orgId: p.uuid(), created: p.datetime(3) },
});

class Notes extends Migration {
  override up(): void {
    this.addSql(
      "create table note (id uuid primary key, org_id uuid not null, created timestamptz(3) not null)",
    );
  }
}

const migrations: readonly MigrationObject[] = [{ name: "0002-notes", class: Notes }];
const context = { actor: undefined, requestId: "test", sourceAddress: "", unchangedSince: [] };
const log = openLog("replica-test", "silent");
const org = randomUUID() as OrgId;

const parts = new AsyncDisposableStack();
let primary: ThrowawayPostgres;
let replica: ThrowawayPostgres;
let database: Database;
let onReplica: pg.Client;
beforeAll(async () => {
  primary = parts.use(await throwawayPostgres());
  replica = parts.use(await primary.startReplica());
  database = parts.use(await open(primary.url, replica.url));
  onReplica = new pg.Client({ connectionString: replica.url });
  onReplica.on("error", () => undefined);
  await onReplica.connect();
  await addNote();
});
afterAll(() => parts.disposeAsync());

async function open(url: string, replicaUrl: string): Promise<Database> {
  return Database.open({
    owner: "tokens",
    url,
    replicaUrl,
    entities: [NoteRow],
    migrations,
    otherLogs: otherLogs({}),
    log,
  });
}

async function addNote(to = database): Promise<string> {
  const id = randomUUID();
  await to.write(org, context, async ({ em, record }) => {
    em.create(NoteRow, { id, orgId: org, created: new Date() });
    record({ action: "note_added", subject: { type: "note", id }, before: null, after: { id }, touches: [] });
  });
  return id;
}

interface Listed {
  readonly newest: string | undefined;
  readonly by: "replica" | "primary";
}

async function list(from = database): Promise<Listed> {
  return from.list(org, async (em) => {
    const rows = await listPage(em, NoteRow, { orgId: org }, undefined);
    const [told] = await em.execute<{ replica: boolean }[]>("select pg_is_in_recovery() as replica");
    return { newest: rows[0]?.id, by: told?.replica === true ? "replica" : "primary" };
  });
}

const isAnsweredBy = () => expect.poll(async () => (await list()).by, { timeout: 15_000 });

test("the replica answers once it has what was committed, and until then the database itself", async () => {
  await isAnsweredBy().toBe("replica");
  const answered = { replica: 0, primary: 0 };
  for (let round = 0; round < 100; round++) {
    const newest = await addNote();
    const listed = await list();
    expect(listed.newest).toBe(newest);
    answered[listed.by]++;
  }
  expect(answered.replica + answered.primary).toBe(100);
});

test("a replica that does not replay is passed over for as long", async () => {
  await isAnsweredBy().toBe("replica");
  await onReplica.query("select pg_wal_replay_pause()");
  await expect
    .poll(async () => {
      const { rows } = await onReplica.query("select pg_get_wal_replay_pause_state() as state");
      return (rows[0] as { state: string }).state;
    })
    .toBe("paused");
  for (let round = 0; round < 10; round++) {
    const newest = await addNote();
    expect(await list()).toEqual({ newest, by: "primary" });
  }
  await onReplica.query("select pg_wal_replay_resume()");
  await isAnsweredBy().toBe("replica");
});

test("one that is frozen holds a list up for no longer than its limit, and the next not at all", async () => {
  await isAnsweredBy().toBe("replica");
  const newest = await addNote();
  const thaw = await replica.freeze();
  try {
    const startedAt = performance.now();
    expect(await list()).toEqual({ newest, by: "primary" });
    expect(performance.now() - startedAt).toBeLessThan(4500);
    const again = performance.now();
    expect(await list()).toEqual({ newest, by: "primary" });
    expect(performance.now() - again).toBeLessThan(2000);
  } finally {
    thaw();
  }
  await isAnsweredBy().toBe("replica");
});

test("one that dies is done without, and used again when it is back", async () => {
  await isAnsweredBy().toBe("replica");
  await onReplica.end();
  await replica.crash();
  const newest = await addNote();
  expect(await list()).toEqual({ newest, by: "primary" });
  await replica.recover();
  await isAnsweredBy().toBe("replica");
});

test("a database with another history is not believed, though it has the same positions", async () => {
  await using stranger = await throwawayPostgres();
  await using strange = await open(stranger.url, stranger.url);
  await using mistaken = await open(primary.url, stranger.url);
  const newest = await addNote();
  const { rows } = await database.pool.query<{ position: string }>(
    "select position from org_log where org_id = $1",
    [org],
  );
  for (let position = 0; position < Number(rows[0]?.position); position++) await addNote(strange);
  expect((await list(mistaken)).newest).toBe(newest);
});
