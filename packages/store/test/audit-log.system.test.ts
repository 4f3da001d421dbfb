import { randomUUID } from "node:crypto";
import { defineEntity, p } from "@mikro-orm/core";
import { openLog } from "@portcullis/chassis/log";
import type { FactKey, ObjectId, OrgId, PrincipalId } from "@portcullis/policy";
import type { AuditEvent, ListEventsRequest } from "@portcullis/proto/audit/v1/audit";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { type AuditFilter, auditQuery } from "../src/audit-log.ts";
import { auditHandlers } from "../src/audit-service.ts";
import { Database } from "../src/database.ts";
import type { Change } from "../src/event-log.ts";
import { otherLogs } from "../src/other-logs.ts";
import { freshDatabase } from "../src/testing.ts";

const NothingRow = defineEntity({ name: "Nothing", properties: { id: p.uuid().primary() } });

const parts = new AsyncDisposableStack();
let database: Database;
beforeAll(async () => {
  const { url } = parts.use(await freshDatabase(inject("databaseUrl")));
  const log = openLog("audit-test", "silent");
  database = parts.use(
    await Database.open({
      owner: "grants",
      url,
      entities: [NothingRow],
      migrations: [],
      otherLogs: otherLogs({}),
      log,
    }),
  );
});
afterAll(() => parts.disposeAsync());

const everything = {
  actorId: "",
  action: "",
  object: undefined,
  principalId: "",
  from: undefined,
  to: undefined,
  behind: undefined,
  limit: 0,
} satisfies Omit<ListEventsRequest, "orgId">;

async function list(org: OrgId, filter: Partial<ListEventsRequest> = {}) {
  return auditHandlers(database).listEvents({ ...everything, orgId: org, ...filter }, undefined as never);
}

async function positionsOf(org: OrgId, filter: Partial<ListEventsRequest> = {}): Promise<number[]> {
  return (await list(org, filter)).events.map((event) => event.position);
}

interface Noted extends Partial<Change> {
  readonly actor?: string;
}

async function note(org: OrgId, { actor = "", ...change }: Noted = {}): Promise<void> {
  await database.write(
    org,
    {
      actor: { principalId: actor, credentialId: "", impersonatedId: "" },
      requestId: "test",
      sourceAddress: "",
      unchangedSince: [],
    },
    async ({ record }) =>
      record({
        action: "noted",
        subject: { type: "group", id: randomUUID() },
        before: null,
        after: null,
        touches: [],
        ...change,
      }),
  );
}

const newOrg = () => randomUUID() as OrgId;
const newPrincipal = () => randomUUID() as PrincipalId;

test("an event is shown with all that administrators may know, and nothing else", async () => {
  const org = newOrg();
  const [principal, group] = [newPrincipal(), randomUUID()];
  await database.write(
    org,
    {
      actor: { principalId: "somebody", credentialId: "key", impersonatedId: "another" },
      requestId: "request",
      sourceAddress: "192.0.2.1",
      unchangedSince: [],
    },
    async ({ record }) =>
      record({
        action: "group_updated",
        subject: { type: "group", id: group },
        before: { name: "a" },
        after: { name: "b" },
        touches: [{ kind: "memberships", org, principal }],
      }),
  );
  expect(await list(org)).toEqual({
    events: [
      {
        owner: "grants",
        position: 1,
        at: expect.any(Date),
        context: {
          actor: { principalId: "somebody", credentialId: "key", impersonatedId: "another" },
          requestId: "request",
          sourceAddress: "192.0.2.1",
          unchangedSince: [],
        },
        action: "group_updated",
        subject: { type: "group", id: group },
        beforeJson: '{"name": "a"}',
        afterJson: '{"name": "b"}',
        hash: expect.stringMatching(/^[0-9a-f]{64}$/),
      },
    ],
    more: false,
  });
});

test("an id is mentioned wherever it stands alone between quotes", async () => {
  const [one, other] = [randomUUID(), randomUUID()];
  const found: readonly [unknown, readonly string[]][] = [
    [one, [one]],
    [{ a: [one, { [other]: null }] }, [one, other]],
    [
      [one, one, other],
      [one, one, other],
    ],
    [one.toUpperCase(), []],
    [`${one} `, []],
    [`"${one}"`, []],
    [`"${one}`, [one]],
    [`${one}"`, []],
    [`\\"${one}\\`, []],
    [one.replaceAll("-", "_"), []],
    [`ä${one.slice(1)}`, []],
    ["-".repeat(36), []],
    [{ one: 1, other: null }, []],
  ];
  for (const [value, ids] of found) {
    const { rows } = await database.pool.query<{ ids: string[]; by_expression: string[] }>(
      `select array(select ids_in($1::jsonb)) as ids, array(
         select found[1] from regexp_matches(
           $1::jsonb::text, '"([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"', 'g'
         ) as found
       ) as by_expression`,
      [JSON.stringify(value)],
    );
    expect([value, rows]).toEqual([value, [{ ids, by_expression: ids }]]);
  }
});

describe("filters", () => {
  test("who acted, what was done, and both", async () => {
    const org = newOrg();
    const [one, other] = [newPrincipal(), newPrincipal()];
    await note(org, { actor: one, action: "a" });
    await note(org, { actor: other, action: "a" });
    await note(org, { actor: one, action: "b" });
    await note(org);
    expect(await positionsOf(org)).toEqual([4, 3, 2, 1]);
    expect(await positionsOf(org, { actorId: one })).toEqual([3, 1]);
    expect(await positionsOf(org, { action: "a" })).toEqual([2, 1]);
    expect(await positionsOf(org, { actorId: one, action: "a" })).toEqual([1]);
    expect(await positionsOf(newOrg())).toEqual([]);
  });

  test("an object: as the subject, and as what an ACL was put on", async () => {
    const org = newOrg();
    const id = randomUUID() as ObjectId;
    const access = (type: "project" | "project_log" | "organization", of: string): FactKey => {
      return { kind: "access", org, object: { type, id: of as ObjectId } };
    };
    await note(org, { subject: { type: "project", id } });
    await note(org, { subject: { type: "acl", id: randomUUID() }, touches: [access("project", id)] });
    await note(org, { touches: [access("project_log", id)] });
    await note(org, { touches: [access("organization", org)], subject: { type: "role", id } });
    await note(org, { after: { id }, touches: [access("project", randomUUID())] });
    expect(await positionsOf(org, { object: { type: "project", id } })).toEqual([2, 1]);
    expect(await positionsOf(org, { object: { type: "project_log", id } })).toEqual([3]);
    expect(await positionsOf(org, { object: { type: "organization", id: org } })).toEqual([4]);
    expect(await positionsOf(org, { object: { type: "role", id } })).toEqual([4]);
    const many = Array.from({ length: 3001 }, () => access("project", randomUUID()));
    await note(org, { touches: many });
    expect(await positionsOf(org, { object: { type: "project", id } })).toEqual([6, 2, 1]);
  });

  test("a principal whom the change concerned", async () => {
    const org = newOrg();
    const [one, other] = [newPrincipal(), newPrincipal()];
    const group = (...principals: PrincipalId[]) => ({ name: "x", principals, memberGroups: [] });
    await note(org, { actor: one, before: group(other), after: group(other) });
    await note(org, { before: group(other), after: group(other, one) });
    await note(org, { before: group(one), after: group(one, other) });
    await note(org, { before: group(one), after: null });
    await note(org, {
      before: null,
      after: { acls: [{ content: { subject: { kind: "principal", id: one } } }] },
    });
    await note(org, { subject: { type: "member", id: one } });
    await note(org, { after: { text: `about ${one}` } });
    await note(org, { before: group(other), after: group() });
    expect(await positionsOf(org, { principalId: one })).toEqual([6, 5, 4, 2]);
    expect(await positionsOf(org, { principalId: other })).toEqual([8, 3]);
  });

  test("times, the first one included and the last one not", async () => {
    const org = newOrg();
    for (let index = 0; index < 4; index++) {
      await note(org);
      await database.pool.query("select pg_sleep(0.003)");
    }
    const at = (await list(org)).events.map((event) => event.at);
    expect(await positionsOf(org, { from: at[2] })).toEqual([4, 3, 2]);
    expect(await positionsOf(org, { to: at[2] })).toEqual([1]);
    expect(await positionsOf(org, { from: at[2], to: at[0] })).toEqual([3, 2]);
  });
});

test("page by page, each event comes once, though some were made at the same time and others come in", async () => {
  const org = newOrg();
  const insert = (from: number, to: number) =>
    database.pool.query(
      `insert into event_log (org_id, position, at, actor_id, credential_id, impersonated_id, request_id,
         source_address, action, subject_type, subject_id, before, after, touches, touched_kinds)
       select $1, place, timestamptz '2026-01-01' + (place / 3 * interval '1 millisecond'), '', '', '', '', '', 'x', 'y', 'z',
         null, null, '[]', '{}' from generate_series($2::int, $3::int) as place`,
      [org, from, to],
    );
  await insert(1, 50);
  for (const limit of [1, 2, 3, 7, 49, 50, 51]) {
    const seen: AuditEvent[] = [];
    let next: Partial<ListEventsRequest> = { limit };
    for (;;) {
      const { events, more } = await list(org, next);
      seen.push(...events);
      const last = events.at(-1);
      if (!more || last === undefined) break;
      expect(events).toHaveLength(limit);
      next = { limit, behind: { at: last.at, position: last.position } };
      if (limit === 7 && seen.length === 7) await insert(51, 53);
    }
    const highest = limit >= 49 ? 53 : 50;
    expect(seen.map((event) => event.position)).toEqual(
      Array.from({ length: highest }, (_, index) => highest - index).slice(0, highest),
    );
  }
});

test("large events make smaller pages, and never an empty one", async () => {
  const org = newOrg();
  for (let index = 0; index < 4; index++) await note(org, { after: { text: "x".repeat(600_000) } });
  await note(org, { after: { text: "x".repeat(2_000_000) } });
  expect(await positionsOf(org)).toEqual([5]);
  const { events, more } = await list(org, { behind: { at: (await list(org)).events[0]?.at, position: 5 } });
  expect({ positions: events.map((event) => event.position), more }).toEqual({ positions: [4], more: true });
});

test("what is wrong with a request is said with its field", async () => {
  const org = newOrg();
  const wrong: [Partial<ListEventsRequest>, string][] = [
    [{ orgId: "x" }, "org_id"],
    [{ actorId: "x" }, "actor_id"],
    [{ principalId: "x" }, "principal_id"],
    [{ object: { type: "", id: randomUUID() } }, "object.type"],
    [{ object: { type: "project", id: "x" } }, "object.id"],
    [{ action: "x".repeat(129) }, "action"],
    [{ action: "x\u0000" }, "action"],
    [{ from: new Date(Number.NaN) }, "from"],
    [{ from: new Date(-1) }, "from"],
    [{ to: new Date(Date.UTC(10_000, 0)) }, "to"],
    [{ behind: { at: undefined, position: 1 } }, "behind.at"],
    [{ limit: 1001 }, "limit"],
  ];
  for (const [filter, field] of wrong) {
    await expect(list(org, filter)).rejects.toMatchObject({ kind: "invalid", field });
  }
  expect(await positionsOf(org, { limit: 1000, behind: { at: new Date(), position: 2 ** 53 - 1 } })).toEqual(
    [],
  );
});

describe("every filter reads by an index", () => {
  const events = 8000;
  const org = newOrg();
  const [rare, common] = [newPrincipal(), newPrincipal()];
  beforeAll(async () => {
    await database.pool.query(
      `insert into event_log (org_id, position, at, actor_id, credential_id, impersonated_id, request_id,
         source_address, action, subject_type, subject_id, before, after, touches, touched_kinds)
       select $1, place, timestamptz '2026-01-01' + place * interval '1 second', case place % 1000 when 0 then $2 else $3 end,
         '', '', '', '', case place % 1000 when 0 then 'rare' else 'common' end, 'group', gen_random_uuid()::text, null,
         jsonb_build_object('id', case place % 1000 when 0 then $2 else $3 end), jsonb_build_array(md5(place::text)), '{}'
       from generate_series(1, $4::int) as place`,
      [org, rare, common, events],
    );
    await database.pool.query("vacuum analyze event_log");
  }, 120_000);

  const nothing: AuditFilter = {
    actor: null,
    action: null,
    object: null,
    principal: null,
    from: null,
    to: null,
    behind: null,
  };
  test.each<[string, Partial<AuditFilter>, RegExp]>([
    ["none", {}, /event_log_at/],
    ["actor", { actor: rare }, /event_log_actor/],
    ["action", { action: "rare" }, /event_log_action/],
    ["principal", { principal: rare }, /event_log_mentions/],
    ["object", { object: { type: "project", id: randomUUID() } }, /event_log_touches/],
    ["group", { object: { type: "group", id: randomUUID() } }, /event_log_subject/],
    [
      "time",
      { from: new Date("2026-01-01T01:00:00Z"), to: new Date("2026-01-01T01:00:10Z") },
      /event_log_at/,
    ],
    ["cursor", { behind: { at: new Date("2026-01-01T01:00:00Z"), position: 3600 } }, /event_log_at/],
  ])("%s", async (_name, filter, index) => {
    const { text, values } = auditQuery(org, { ...nothing, ...filter }, 100);
    const { rows } = await database.pool.query<{ "QUERY PLAN": string }>(`explain ${text}`, values);
    const plan = rows.map((row) => row["QUERY PLAN"]).join("\n");
    expect(plan).toMatch(index);
    expect(plan).not.toMatch(/Seq Scan/);
  });
});
