import { randomUUID } from "node:crypto";
import { defineEntity, type MigrationObject, p } from "@mikro-orm/core";
import { Migration } from "@mikro-orm/migrations";
import { Fault } from "@portcullis/chassis/fault";
import { openLog } from "@portcullis/chassis/log";
import type { OrgId, PrincipalId } from "@portcullis/policy";
import type { Revision } from "@portcullis/proto/events/v1/events";
import pg from "pg";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { Database, type Written } from "../src/database.ts";
import { type JointKind, type JointWrite, jointWrites } from "../src/joint-writes.ts";
import { verifyLogs } from "../src/log-verification.ts";
import { otherLogs } from "../src/other-logs.ts";
import { freshDatabase } from "../src/testing.ts";

/**
 * A note is kept once, and is as large as its text is long; one without a text is refused, and one that shouts is what the
 * table does not bear.
 */
interface Note {
  readonly id: PrincipalId;
  readonly text: string;
}

interface Notes {
  readonly org: OrgId;
  readonly known: Set<string>;
  readonly added: Note[];
}

const NoteRow = defineEntity({ name: "Note", tableName: "note", properties: { id: p.uuid().primary() } });

class NoteTable extends Migration {
  override up(): void {
    this.addSql(
      "create table note (id uuid primary key, org uuid not null, text text not null check (text <> upper(text)))",
    );
  }
}

const migrations: readonly MigrationObject[] = [{ name: "0002-notes", class: NoteTable }];
const context = { actor: undefined, requestId: "test", sourceAddress: "", unchangedSince: [] };

const notes: JointKind<Note, Notes, "kept" | "found"> = {
  sizeOf: ({ text }) => text.length,
  sizeMax: 100,
  async read(query, all) {
    const rows = await query<{ org: OrgId; id: string }>({
      name: "notes",
      text: "select org, id from note where id = any($1::uuid[])",
      values: [
        `{${[...all.values()]
          .flat()
          .map(({ id }) => id)
          .join(",")}}`,
      ],
    });
    const ofOrg = (org: OrgId) => new Set(rows.filter((row) => row.org === org).map(({ id }) => id));
    return new Map([...all.keys()].map((org) => [org, { org, known: ofOrg(org), added: [] }]));
  },
  make({ org, known, added }, note) {
    if (note.text === "") throw new Fault("refused", "a note says something");
    if (known.has(note.id)) return { result: "found", change: null };
    known.add(note.id);
    added.push(note);
    const subject = { type: "note", id: note.id };
    const touches = [{ kind: "member", org, principal: note.id } as const];
    return {
      result: "kept",
      change: { action: "note_kept", subject, before: null, after: { text: note.text }, touches },
    };
  },
  writeDown: (all) => [
    {
      name: "keep-notes",
      text: "insert into note select * from jsonb_populate_recordset(null::note, $1::jsonb)",
      values: [JSON.stringify(all.flatMap(({ org, added }) => added.map((note) => ({ ...note, org }))))],
    },
  ],
};

const parts = new AsyncDisposableStack();
let database: Database;
let client: pg.Client;
let url: string;
let write: (write: JointWrite<Note>) => Promise<Written<"kept" | "found">>;
beforeAll(async () => {
  ({ url } = parts.use(await freshDatabase(inject("databaseUrl"))));
  database = parts.use(
    await Database.open({
      owner: "groups",
      url,
      entities: [NoteRow],
      migrations,
      otherLogs: otherLogs({}),
      log: openLog("joint-writes-test", "silent"),
    }),
  );
  write = jointWrites(database, notes);
  client = new pg.Client({ connectionString: url });
  await client.connect();
  parts.defer(() => client.end());
});
afterAll(() => parts.disposeAsync());

function newOrg(): OrgId {
  return randomUUID() as OrgId;
}

function note(text: string): Note {
  return { id: randomUUID() as PrincipalId, text };
}

/** Asks for all of them at once. */
function writeAll(org: OrgId, ...asked: readonly Note[]) {
  return Promise.allSettled(
    asked.map((each) =>
      write({ org, context: { ...context, requestId: each.text }, asked: each, dependsOn: [] }),
    ),
  );
}

/** What became of each: its result and position, or why not. */
function told(outcomes: readonly PromiseSettledResult<Written<string>>[]): string[] {
  return outcomes.map((outcome) =>
    outcome.status === "fulfilled"
      ? `${outcome.value.result} ${outcome.value.revision.position}`
      : kindOf(outcome.reason),
  );
}

function kindOf(reason: unknown): string {
  return reason instanceof Fault ? reason.kind : "error";
}

async function log(org: OrgId): Promise<{ events: string[]; transactions: number }> {
  const { rows } = await client.query<{ event: string; transaction: string }>(
    `select concat(position, ' ', request_id, ' ', after ->> 'text') as event, xmin::text as transaction from event_log
     where org_id = $1 order by position`,
    [org],
  );
  return {
    events: rows.map(({ event }) => event),
    transactions: new Set(rows.map(({ transaction }) => transaction)).size,
  };
}

/** In how many transactions these were written. */
async function transactionsOf(...asked: readonly Note[]): Promise<number> {
  const { rows } = await client.query<{ count: number }>(
    "select count(distinct xmin::text)::int as count from note where id = any($1::uuid[])",
    [asked.map(({ id }) => id)],
  );
  return rows[0]?.count ?? 0;
}

/** The connections whose statement of these words waits for a lock. */
async function waitingFor(words: string): Promise<number[]> {
  const { rows } = await client.query<{ pid: number }>(
    `select pid from pg_stat_activity
     where datname = current_database() and wait_event_type = 'Lock' and query ilike '%' || $1 || '%'`,
    [words],
  );
  return rows.map(({ pid }) => pid);
}

function revisions(outcomes: readonly PromiseSettledResult<Written<string>>[]): Revision[] {
  return outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value.revision] : []));
}

async function kept(...asked: readonly Note[]): Promise<string[]> {
  const { rows } = await client.query<{ text: string }>("select text from note where id = any($1::uuid[])", [
    asked.map(({ id }) => id),
  ]);
  return rows.map(({ text }) => text).toSorted();
}

test("those that come together stand in one transaction, each with its own event in one chain", async () => {
  const org = newOrg();
  const [first, ...more] = ["a", "b", "c", "d"].map(note) as [Note, ...Note[]];
  expect(told(await writeAll(org, first))).toEqual(["kept 1"]);
  expect(told(await writeAll(org, ...more))).toEqual(["kept 2", "kept 3", "kept 4"]);
  expect(await log(org)).toEqual({ events: ["1 a a", "2 b b", "3 c c", "4 d d"], transactions: 2 });
  expect(await kept(first, ...more)).toEqual(["a", "b", "c", "d"]);
  const { rows } = await client.query<{ position: string }>(
    "select position from fact_change where org_id = $1 order by position",
    [org],
  );
  expect(rows.map(({ position }) => Number(position))).toEqual([1, 2, 3, 4]);
  for await (const verdict of verifyLogs({ owner: "groups", databaseUrl: url, org })) {
    expect(verdict).toMatchObject({ flaw: null, head: { position: 4 } });
  }
});

test("small ones of several organizations stand in one transaction, each in the log of its own", async () => {
  const [one, other] = [newOrg(), newOrg()];
  await Promise.all([one, other].map((org) => writeAll(org, note("begun"))));
  const [a, b, c, d] = ["a", "b", "", "d"].map(note) as [Note, Note, Note, Note];
  const [ofOne, ofOther] = await Promise.all([writeAll(one, a, c, b), writeAll(other, d)]);
  expect(told(ofOne)).toEqual(["kept 2", "refused", "kept 3"]);
  expect(told(ofOther)).toEqual(["kept 2"]);
  expect(revisions([...ofOne, ...ofOther]).map(({ orgId }) => orgId)).toEqual([one, one, other]);
  expect((await log(one)).events).toEqual(["1 begun begun", "2 a a", "3 b b"]);
  expect((await log(other)).events).toEqual(["1 begun begun", "2 d d"]);
  expect(await transactionsOf(a, b, d)).toBe(1);
  const { rows } = await client.query<{ org_id: string; position: string }>(
    "select org_id, position from fact_change where fact like any ($1) order by org_id, position",
    [[a, b, d].map(({ id }) => `%${id}%`)],
  );
  expect(rows.map(({ org_id, position }) => `${org_id} ${position}`).toSorted()).toEqual(
    [`${one} 2`, `${one} 3`, `${other} 2`].toSorted(),
  );
  for (const [org, position] of [
    [one, 3],
    [other, 2],
  ] as const) {
    for await (const verdict of verifyLogs({ owner: "groups", databaseUrl: url, org })) {
      expect(verdict).toMatchObject({ flaw: null, head: { position } });
    }
  }
});

test("what one organization has is not seen where another is written to, though both stand together", async () => {
  const [one, other] = [newOrg(), newOrg()];
  await Promise.all([one, other].map((org) => writeAll(org, note("begun"))));
  const [shared, own] = [note("a"), note("b")];
  await writeAll(one, shared);
  const [ofOne, ofOther] = await Promise.all([writeAll(one, shared), writeAll(other, own, shared)]);
  expect(told(ofOne)).toEqual(["found 2"]);
  // It is not known there, and the table bears it once.
  expect(told(ofOther)).toEqual(["kept 2", "error"]);
  expect((await log(other)).events).toEqual(["1 begun begun", "2 b b"]);
});

test("those of one organization wait for no other that somebody else writes to", async () => {
  const [busy, other] = [newOrg(), newOrg()];
  await Promise.all([busy, other].map((org) => writeAll(org, note("begun"))));
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const { promise: held, resolve: hold } = Promise.withResolvers<void>();
  const holding = database.write(busy, context, async (within) => {
    within.keepBooks();
    hold();
    await released;
  });
  await held;
  const waiting = writeAll(busy, note("a"), note("b"));
  expect(told(await writeAll(other, note("c")))).toEqual(["kept 2"]);
  release();
  await holding;
  expect(told(await waiting)).toEqual(["kept 2", "kept 3"]);
});

test("nor for a transaction that does not come to its end", async () => {
  const [stuck, other] = [newOrg(), newOrg()];
  await Promise.all([stuck, other].map((org) => writeAll(org, note("begun"))));
  const contested = note("a");
  const blocker = new pg.Client({ connectionString: url });
  await blocker.connect();
  try {
    await blocker.query("begin");
    await blocker.query("insert into note values ($1, $2, 'b')", [contested.id, stuck]);
    const waiting = writeAll(stuck, contested);
    while ((await waitingFor("into note")).length === 0);
    expect(told(await writeAll(other, note("c")))).toEqual(["kept 2"]);
    await blocker.query("rollback");
    expect(told(await waiting)).toEqual(["kept 2"]);
  } finally {
    await blocker.end();
  }
});

test("a large one stands in no transaction with those of other organizations", async () => {
  const [one, other] = [newOrg(), newOrg()];
  await Promise.all([one, other].map((org) => writeAll(org, note("begun"))));
  const large = note("more than small ones would wait for");
  const small = ["a", "b"].map(note) as [Note, Note];
  const made = await Promise.all([writeAll(one, large), ...small.map((each) => writeAll(other, each))]);
  expect(made.flatMap(told)).toEqual(["kept 2", "kept 2", "kept 3"]);
  expect(await transactionsOf(large, ...small)).toBe(2);
  expect(await transactionsOf(...small)).toBe(1);
});

test("one that is refused leaves nothing, and takes no place from others", async () => {
  const org = newOrg();
  const all = ["a", "", "b"].map(note);
  expect(told(await writeAll(org, ...all))).toEqual(["kept 1", "refused", "kept 2"]);
  expect((await log(org)).events).toEqual(["1 a a", "2 b b"]);
  expect(await kept(...all)).toEqual(["a", "b"]);
});

test("one that can't be written fails alone", async () => {
  const org = newOrg();
  const all = ["a", "LOUD", "b"].map(note);
  expect(told(await writeAll(org, ...all))).toEqual(["kept 1", "error", "kept 2"]);
  expect((await log(org)).events).toEqual(["1 a a", "2 b b"]);
  expect(await kept(...all)).toEqual(["a", "b"]);
});

test("what one has made those behind it see, and a change that is none has no event", async () => {
  const org = newOrg();
  const same = note("a");
  expect(told(await writeAll(org, same, same, note("b")))).toEqual(["kept 1", "found 1", "kept 2"]);
  expect((await log(org)).events).toEqual(["1 a a", "2 b b"]);
  const quiet = newOrg();
  expect(told(await writeAll(quiet, note("")))).toEqual(["refused"]);
  const { rowCount } = await client.query("select from org_log where org_id = $1", [quiet]);
  expect(rowCount).toBe(0);
});

test("whoever saw what stood before is refused, though it was changed by one that came with it", async () => {
  const org = newOrg();
  // As those that are conditional, a large one goes with others of its organization only.
  const [first, second] = ["a", "a larger one than others"].map(note) as [Note, Note];
  const [begun] = await writeAll(org, first);
  const seen = (begun as PromiseFulfilledResult<{ revision: Revision }>).value.revision;
  const conditional = (asked: Note) =>
    write({ org, context: { ...context, unchangedSince: [seen] }, asked, dependsOn: [] });
  const together = await Promise.allSettled([
    write({ org, context, asked: second, dependsOn: [] }),
    conditional(second),
    conditional(note("c")),
  ]);
  expect(told(together)).toEqual(["kept 2", "conflict", "kept 3"]);
  expect((await log(org)).events).toEqual(["1 a a", "2 test a larger one than others", "3 test c"]);
});

test("a connection that breaks fails those that were on it, and no later one", async () => {
  const org = newOrg();
  const blocker = new pg.Client({ connectionString: url });
  await blocker.connect();
  try {
    await blocker.query("begin");
    await blocker.query("lock table event_log in access exclusive mode");
    const all = ["a", "b"].map(note);
    const writing = writeAll(org, ...all);
    let waiting: readonly number[] = [];
    while (waiting.length === 0) waiting = await waitingFor("into event_log");
    await client.query("select pg_terminate_backend(pid) from unnest($1::int[]) as pid", [waiting]);
    expect(told(await writing)).toEqual(["unavailable", "unavailable"]);
    expect(await kept(...all)).toEqual([]);
  } finally {
    await blocker.end();
  }
  expect(told(await writeAll(org, note("c")))).toEqual(["kept 1"]);
});
