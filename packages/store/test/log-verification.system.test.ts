import { createHash, randomUUID } from "node:crypto";
import { defineEntity, p } from "@mikro-orm/core";
import { openLog } from "@portcullis/chassis/log";
import type { OrgId, PrincipalId } from "@portcullis/policy";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { Database } from "../src/database.ts";
import {
  type NotedHead,
  type Verdict,
  type VerificationOptions,
  verifyLogs,
} from "../src/log-verification.ts";
import { otherLogs } from "../src/other-logs.ts";
import { freshDatabase } from "../src/testing.ts";

// Rows are changed behind the database's back in every way there is; the verdict names the place and the flaw.

/** The ORM wants one; no test needs it. */
const NothingRow = defineEntity({ name: "Nothing", properties: { id: p.uuid().primary() } });

const parts = new AsyncDisposableStack();
let database: Database;
let databaseUrl: string;
let intruder: pg.Client;
beforeAll(async () => {
  ({ url: databaseUrl } = parts.use(await freshDatabase(inject("databaseUrl"))));
  const log = openLog("verification-test", "silent");
  database = parts.use(
    await Database.open({
      owner: "groups",
      url: databaseUrl,
      entities: [NothingRow],
      migrations: [],
      otherLogs: otherLogs({}),
      log,
    }),
  );
  intruder = new pg.Client({ connectionString: databaseUrl });
  await intruder.connect();
  parts.defer(() => intruder.end());
  await intruder.query("set session_replication_role = replica"); // no trigger is in the way
});
afterAll(() => parts.disposeAsync());

/** JSON that the database writes in another way than it was given. */
const odd = { z: 1.5, a: [1e21, -0, 0.1], ключ: '\u{1f5dd}\n"\\', nested: { b: null, a: "é" } };

async function append(org: OrgId, count = 1): Promise<void> {
  for (let index = 0; index < count; index++) {
    await database.write(
      org,
      {
        actor: { principalId: randomUUID(), credentialId: randomUUID(), impersonatedId: "" },
        requestId: `request ${index}`,
        sourceAddress: "192.0.2.1",
        unchangedSince: [],
      },
      async ({ record }) =>
        record({
          action: "group_updated",
          subject: { type: "group", id: randomUUID() },
          before: index % 2 === 0 ? null : odd,
          after: { ...odd, index },
          touches: [{ kind: "memberships", org, principal: randomUUID() as PrincipalId }],
        }),
    );
  }
}

async function newLog(events: number): Promise<OrgId> {
  const org = randomUUID() as OrgId;
  await append(org, events);
  return org;
}

async function verdictOn(org: OrgId, noted: readonly NotedHead[] = []): Promise<Verdict> {
  for await (const verdict of verifyLogs({ owner: "groups", databaseUrl, org, noted })) return verdict;
  throw new Error("no verdict");
}

async function allVerdicts(more: Partial<VerificationOptions>): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  for await (const verdict of verifyLogs({ owner: "groups", databaseUrl, ...more })) verdicts.push(verdict);
  return verdicts;
}

async function flawOf(org: OrgId, noted: readonly NotedHead[] = []) {
  const { flaw } = await verdictOn(org, noted);
  return flaw === null ? null : { position: flaw.position, what: flaw.what };
}

async function headOf(org: OrgId): Promise<NotedHead> {
  const { head } = await verdictOn(org);
  if (head === null) throw new Error("no head");
  return head;
}

test("a log that nobody touched is whole, and its head can be noted", async () => {
  const org = await newLog(6);
  const verdict = await verdictOn(org);
  expect(verdict).toMatchObject({ owner: "groups", org, chainedFrom: 1, flaw: null });
  expect(verdict.head).toMatchObject({ position: 6, hash: expect.stringMatching(/^[0-9a-f]{64}$/) });
  await append(org, 3);
  expect(
    await flawOf(
      org,
      [await headOf(org), verdict.head].filter((head) => head !== null),
    ),
  ).toBeNull();
});

test("writers at once make one chain", async () => {
  const orgs = [randomUUID(), randomUUID()] as OrgId[];
  await Promise.all(Array.from({ length: 24 }, (_, index) => append(orgs[index % 2] as OrgId)));
  for (const org of orgs) expect(await verdictOn(org)).toMatchObject({ head: { position: 12 }, flaw: null });
});

test("more events than are read at once are all judged", async () => {
  const org = await newLog(3);
  await database.pool.query(
    `insert into event_log (org_id, position, at, actor_id, credential_id, impersonated_id, request_id,
       source_address, action, subject_type, subject_id, before, after, touches, touched_kinds)
     select $1, place, now(), '', '', '', '', '', 'x', 'y', 'z', null, '{}', '[]', '{}' from generate_series(4, 1203) as place`,
    [org],
  );
  await intruder.query(
    `update org_log set position = 1203, head_hash = (select hash from event_log where org_id = $1 and position = 1203)
     where org_id = $1`,
    [org],
  );
  expect(await flawOf(org)).toBeNull();
  await intruder.query("update event_log set action = 'w' where org_id = $1 and position = 1100", [org]);
  expect(await flawOf(org)).toEqual({ position: 1100, what: "changed row" });
});

describe("an edit of one column is found where it was made", () => {
  test.each([
    ["at", "at + interval '1 millisecond'"],
    ["actor_id", "'somebody'"],
    ["credential_id", "''"],
    ["impersonated_id", "'somebody'"],
    ["request_id", "request_id || ' '"],
    ["source_address", "'192.0.2.2'"],
    ["action", "'group_deleted'"],
    ["subject_type", "'role'"],
    ["subject_id", "upper(subject_id)"],
    ["before", "jsonb_set(before, '{z}', '1.50')"],
    ["before", "null"],
    ["after", "after || '{\"index\": 7}'"],
    ["touches", "'[]'"],
    ["touched_kinds", "'{groups}'"],
    ["touched_kinds", "array['']"],
    ["previous_hash", "sha256('')"],
    ["hash", "sha256('')"],
  ])("%s = %s", async (column, value) => {
    const org = await newLog(5);
    await intruder.query(`update event_log set ${column} = ${value} where org_id = $1 and position = 4`, [
      org,
    ]);
    expect(await flawOf(org)).toEqual({ position: 4, what: "changed row" });
  });

  test("a text that moves from one column into the next", async () => {
    const org = await newLog(3);
    await intruder.query(
      "update event_log set action = action || subject_type, subject_type = '' where org_id = $1 and position = 2",
      [org],
    );
    expect(await flawOf(org)).toEqual({ position: 2, what: "changed row" });
  });

  test.each(["hash", "previous_hash"])("%s taken away", async (column) => {
    const org = await newLog(3);
    await intruder.query(`update event_log set ${column} = null where org_id = $1 and position = 2`, [org]);
    expect(await flawOf(org)).toEqual({ position: 2, what: "row without hash" });
  });
});

describe("rows that went, came and moved", () => {
  const remove = (org: OrgId, from: number, to: number) =>
    intruder.query("delete from event_log where org_id = $1 and position between $2 and $3", [org, from, to]);
  const rehash = (org: OrgId, position: number) =>
    intruder.query(
      "update event_log set hash = event_hash(previous_hash, event_log) where org_id = $1 and position = $2",
      [org, position],
    );
  /** All links and hashes from a row on made to fit. */
  const rechain = async (org: OrgId, from: number, to: number) => {
    for (let position = from; position <= to; position++) {
      await intruder.query(
        `update event_log set previous_hash = coalesce(
           (select hash from event_log as last where last.org_id = $1 and last.position = $2 - 1), previous_hash)
         where org_id = $1 and position = $2`,
        [org, position],
      );
      await rehash(org, position);
    }
  };

  test("the first, some in the middle, and the last", async () => {
    for (const [from, to] of [
      [1, 1],
      [3, 4],
      [6, 6],
      [1, 6],
    ] as const) {
      const org = await newLog(6);
      await remove(org, from, to);
      expect(await flawOf(org)).toEqual({ position: from, what: "missing row" });
    }
  });

  test("the last ones, and writers that went on", async () => {
    const org = await newLog(6);
    await remove(org, 5, 6);
    await append(org, 2);
    expect(await flawOf(org)).toEqual({ position: 5, what: "missing row" });
  });

  test("the last ones, and a head that was set back to hide it", async () => {
    const org = await newLog(6);
    const noted = await headOf(org);
    await remove(org, 5, 6);
    await intruder.query("update org_log set position = 4 where org_id = $1", [org]);
    expect(await flawOf(org)).toEqual({ position: 4, what: "head differs" });
    await intruder.query(
      "update org_log set head_hash = (select hash from event_log where org_id = $1 and position = 4) where org_id = $1",
      [org],
    );
    expect(await flawOf(org)).toBeNull(); // a shorter log is a good log: only who noted its head knows better
    expect(await flawOf(org, [noted])).toEqual({ position: 5, what: "missing row" });
    await append(org, 2);
    expect(await flawOf(org, [noted])).toEqual({ position: 6, what: "noted head differs" });
  });

  test("a head that was raised, lowered, emptied or lost", async () => {
    for (const [change, flaw] of [
      ["position = 8", { position: 7, what: "missing row" }],
      ["position = 4", { position: 5, what: "row beyond the head" }],
      ["head_hash = sha256('')", { position: 6, what: "head differs" }],
      ["head_hash = null", { position: 6, what: "head differs" }],
    ] as const) {
      const org = await newLog(6);
      await intruder.query(`update org_log set ${change} where org_id = $1`, [org]);
      expect(await flawOf(org)).toEqual(flaw);
    }
    const org = await newLog(2);
    await intruder.query("delete from org_log where org_id = $1", [org]);
    expect(await flawOf(org)).toEqual({ position: 1, what: "row beyond the head" });
  });

  test("an event that was put behind the last", async () => {
    const org = await newLog(2);
    await intruder.query(
      `insert into event_log (org_id, position, at, actor_id, credential_id, impersonated_id, request_id,
         source_address, action, subject_type, subject_id, touches, touched_kinds)
       values ($1, 3, now(), '', '', '', '', '', '', '', '', '[]', '{}')`,
      [org],
    );
    expect(await flawOf(org)).toEqual({ position: 3, what: "row beyond the head" });
  });

  test("two that changed places, also those of two organisations", async () => {
    const org = await newLog(5);
    for (const [from, to] of [
      [2, 100],
      [3, 2],
      [100, 3],
    ]) {
      await intruder.query("update event_log set position = $3 where org_id = $1 and position = $2", [
        org,
        from,
        to,
      ]);
    }
    expect(await flawOf(org)).toEqual({ position: 2, what: "changed row" });
    const [one, other] = [await newLog(3), await newLog(3)];
    await remove(one, 2, 2);
    await intruder.query("update event_log set org_id = $1 where org_id = $2 and position = 2", [one, other]);
    expect(await flawOf(one)).toEqual({ position: 2, what: "changed row" });
    expect(await flawOf(other)).toEqual({ position: 2, what: "missing row" });
  });

  test("one that was changed and hashed anew breaks the link behind it, or the head", async () => {
    const org = await newLog(5);
    await intruder.query("update event_log set actor_id = 'x' where org_id = $1 and position = 3", [org]);
    await rehash(org, 3);
    expect(await flawOf(org)).toEqual({ position: 4, what: "wrong link" });
    const last = await newLog(5);
    await intruder.query("update event_log set actor_id = 'x' where org_id = $1 and position = 5", [last]);
    await rehash(last, 5);
    expect(await flawOf(last)).toEqual({ position: 5, what: "head differs" });
  });

  test("a history written anew from a row on, head and all, is found by whoever noted a head", async () => {
    const org = await newLog(5);
    const noted = await headOf(org);
    await append(org, 2);
    await intruder.query("update event_log set actor_id = 'x' where org_id = $1 and position = 3", [org]);
    await rechain(org, 3, 7);
    expect(await flawOf(org)).toEqual({ position: 7, what: "head differs" });
    await intruder.query(
      "update org_log set head_hash = (select hash from event_log where org_id = $1 and position = 7) where org_id = $1",
      [org],
    );
    expect(await flawOf(org)).toBeNull();
    expect(await flawOf(org, [noted])).toEqual({ position: 5, what: "noted head differs" });
  });

  test("an organisation of which everything went", async () => {
    const org = await newLog(3);
    const noted = await headOf(org);
    await remove(org, 1, 3);
    await intruder.query("delete from org_log where org_id = $1", [org]);
    const verdicts = await allVerdicts({ noted: [noted] });
    expect(verdicts.find((verdict) => verdict.org === org)?.flaw).toMatchObject({
      position: 1,
      what: "missing row",
    });
  });
});

describe("a log that was begun before there were hashes", () => {
  const aged = async () => {
    const org = await newLog(3);
    await intruder.query("update event_log set hash = null, previous_hash = null where org_id = $1", [org]);
    await intruder.query("update org_log set chained_from = 4, head_hash = null where org_id = $1", [org]);
    return org;
  };

  test("is whole, and its chain begins where it says", async () => {
    const org = await aged();
    expect(await verdictOn(org)).toMatchObject({ chainedFrom: 4, head: null, flaw: null });
    await append(org, 2);
    expect(await verdictOn(org)).toMatchObject({ chainedFrom: 4, head: { position: 5 }, flaw: null });
  });

  test("can't have its beginning moved", async () => {
    const org = await aged();
    await append(org, 2);
    await intruder.query("update org_log set chained_from = 2 where org_id = $1", [org]);
    expect(await flawOf(org)).toEqual({ position: 2, what: "row without hash" });
    await intruder.query("update org_log set chained_from = 5 where org_id = $1", [org]);
    expect(await flawOf(org)).toEqual({ position: 4, what: "row before the start" });
    await intruder.query("delete from event_log where org_id = $1 and position = 2", [org]);
    expect(await flawOf(org)).toEqual({ position: 2, what: "missing row" });
  });
});

test("all organisations are judged, one flaw hides no other, and what is looked at is counted", async () => {
  const [good, bad] = [await newLog(2), await newLog(2)];
  await intruder.query("update event_log set action = '' where org_id = $1 and position = 1", [bad]);
  const counts: number[] = [];
  const verdicts = await allVerdicts({ onProgress: (events) => counts.push(events) });
  const of = (org: OrgId) => verdicts.filter((verdict) => verdict.org === org).map(({ flaw }) => flaw?.what);
  expect(of(good)).toEqual([undefined]);
  expect(of(bad)).toEqual(["changed row"]);
  const { rows } = await intruder.query<{ orgs: string }>(
    "select count(distinct org_id) as orgs from (select org_id from org_log union select org_id from event_log) as known",
  );
  expect(verdicts).toHaveLength(Number(rows[0]?.orgs));
  expect(counts.at(-1)).toBeGreaterThan(1200);
});

test("the hash is what the README says", async () => {
  const org = await newLog(1);
  const { rows } = await intruder.query<{ hash: Buffer } & Record<string, string>>(
    `select hash, actor_id, credential_id, subject_id, after::text, touches::text,
       to_char(extract(epoch from at) * 1000, 'FM999999999999999') as at from event_log where org_id = $1`,
    [org],
  );
  const row = rows[0];
  const framed = [
    org,
    "1",
    row?.["at"],
    row?.["actor_id"],
    row?.["credential_id"],
    "",
    "request 0",
    "192.0.2.1",
    "group_updated",
    "group",
    row?.["subject_id"],
    null,
    row?.["after"],
    row?.["touches"],
    "[]",
  ].map((part) => {
    const bytes = Buffer.from(part ?? "");
    const length = Buffer.alloc(4);
    length.writeInt32BE(part === null ? -1 : bytes.length);
    return Buffer.concat([length, bytes]);
  });
  const wanted = createHash("sha256").update(Buffer.alloc(32)).update(Buffer.concat(framed)).digest("hex");
  expect(row?.hash.toString("hex")).toBe(wanted);
});
