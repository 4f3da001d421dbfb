import { randomUUID } from "node:crypto";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Facade, startFacade } from "./facade.ts";

// An organisation of 20,000 beside one of 80,000, put into the databases directly: its lists are right to the last page,
// and are read by index.

const size = 20_000;
/** More than fit into one request between services. */
const inTeam = 12_000;

let facade: Facade;
let team: string;
beforeAll(async () => {
  facade = await startFacade();
  const { owner, org, stranger } = facade;
  team = (await owner.rest.ok<{ id: string }>("POST", "/v1/group", { name: "Everybody in the team" })).id;
  const crowd = await makeCrowd(org.orgId, size, "here.example");
  await makeCrowd(stranger.orgId, 4 * size, "elsewhere.example");
  await query(
    "groups",
    "insert into group_principal (org_id, group_id, principal_id) select $1, $2, unnest($3::uuid[])",
    [org.orgId, team, crowd.slice(0, inTeam)],
  );
  await query("identity", "vacuum analyze listed_member, membership, principal", []);
  await query("groups", "vacuum analyze group_principal", []);
}, 240_000);
afterAll(() => facade?.[Symbol.asyncDispose]());

async function query<Row extends pg.QueryResultRow>(
  service: "identity" | "groups",
  text: string,
  values: unknown[],
): Promise<Row[]> {
  const client = new pg.Client({ connectionString: facade.system.databaseUrl(service) });
  await client.connect();
  try {
    return (await client.query<Row>(text, values)).rows;
  } finally {
    await client.end();
  }
}

/** Their ids, by their numbers. Every third is called Ada, and no address holds that name: a search reads both. */
async function makeCrowd(orgId: string, count: number, domain: string): Promise<string[]> {
  const rows = await query<{ id: string }>(
    "identity",
    `with made as (
       insert into principal (id, kind, email, email_key, given_name, family_name, created)
       select gen_random_uuid(), 'user', address, address,
         case when number % 3 = 0 then 'Ada' else 'Bob' end, lpad(number::text, 6, '0'), now()
       from (select number, number || $2 as address from generate_series(1, $3::int) as number) as crowd
       returning id, family_name
     ), joined as (
       insert into membership (org_id, principal_id, joined) select $1::uuid, id, now() from made
     )
     select id from made order by family_name`,
    [orgId, `@${domain}`, count],
  );
  return rows.map(({ id }) => id);
}

interface Named {
  readonly id: string;
  readonly name: string | null;
}

async function walk(path: string, parameters: Readonly<Record<string, string>>): Promise<Named[]> {
  const all: Named[] = [];
  for (let cursor: string | null = ""; cursor !== null; ) {
    const text = new URLSearchParams({ ...parameters, cursor });
    const page: { members: Named[]; cursor: string | null } = await facade.owner.rest.ok(
      "GET",
      `${path}?${text}`,
    );
    all.push(...page.members);
    ({ cursor } = page);
  }
  return all;
}

test("all members come by name, each once, and a part of a name finds its own", {
  timeout: 120_000,
}, async () => {
  const path = "/v1/access/members";
  const all = await walk(path, { q: "@", limit: "1000", kind: "user" });
  expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
  const crowd = all.filter(({ name }) => name !== null);
  expect(crowd).toHaveLength(size);
  const names = crowd.map(({ name }) => name ?? "");
  expect(names).toEqual(names.toSorted());
  const found = await facade.owner.rest.ok<{ total: number; members: Named[] }>("GET", `${path}?q=ADA%20019`);
  expect(found.total).toBe(333);
  expect(found.members[0]?.name).toBe("Ada 019002");
});

test("all members of a large group come by name, each once, and no others", {
  timeout: 120_000,
}, async () => {
  const path = `/v1/access/groups/${team}/members`;
  const ada = await walk(path, { q: "ada", limit: "900" });
  const names = ada.map(({ name }) => name ?? "");
  expect(names).toHaveLength(inTeam / 3);
  expect(names).toEqual([...new Set(names)].toSorted());
  expect(names.at(-1)).toBe("Ada 012000");
  expect(await walk(path, { limit: "1000" })).toHaveLength(inTeam);
  expect(await walk(path, { q: "015000", limit: "10" })).toEqual([]);
  const { groups } = await facade.owner.rest.ok<{ groups: { member_count: number }[] }>(
    "GET",
    "/v1/access/groups?q=everybody",
  );
  expect(groups).toMatchObject([{ member_count: inTeam }]);
});

test("a review of what a large group may goes on from page to page", { timeout: 120_000 }, async () => {
  const { rest } = facade.owner;
  const project = await rest.ok<{ id: string }>("POST", "/v1/project", { name: randomUUID() });
  await rest.ok("POST", "/v1/acl", {
    object_type: "project",
    object_id: project.id,
    group_id: team,
    permission: "read",
  });
  const seen: string[] = [];
  let cursor: string | null = null;
  for (let page = 0; page < 3; page++) {
    const told: { entries: { principal: { id: string } }[]; cursor: string | null } = await rest.ok(
      "POST",
      "/v1/access/review",
      {
        object: { type: "project", id: project.id },
        limit: 500,
        ...(cursor !== null && { cursor }),
      },
    );
    seen.push(...told.entries.map(({ principal }) => principal.id));
    ({ cursor } = told);
    expect(cursor).not.toBeNull();
  }
  expect(new Set(seen).size).toBeGreaterThan(1000);
  expect(seen).toEqual(seen.toSorted());
});

test("no list reads the members of others", { timeout: 120_000 }, async () => {
  const before = await scans();
  for (const path of ["members", "members?q=ada", "members?q=nobody", "directory?q=019999"]) {
    await facade.owner.rest.ok("GET", `/v1/access/${path}`);
  }
  const after = await scans();
  expect(after.byName).toBeGreaterThanOrEqual(before.byName + 4);
  expect(after.sequential).toBe(before.sequential);
});

/** Of the members, by all connections there have been. Postgres counts what one has read at the latest when it ends. */
async function scans(): Promise<{ sequential: number; byName: number }> {
  const others = "from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()";
  const ended = await query<{ pid: number }>(
    "identity",
    `select pid, pg_terminate_backend(pid) ${others}`,
    [],
  );
  const pids = ended.map(({ pid }) => pid);
  await expect.poll(() => query("identity", `select pid ${others} and pid = any($1)`, [pids])).toEqual([]);
  const [row] = await query<{ sequential: number; by_name: number }>(
    "identity",
    `select (select seq_scan::int from pg_stat_user_tables where relname = 'listed_member') as sequential,
       (select idx_scan::int from pg_stat_user_indexes where indexrelname = 'listed_member_by_name') as by_name`,
    [],
  );
  return { sequential: row?.sequential ?? -1, byName: row?.by_name ?? -1 };
}
