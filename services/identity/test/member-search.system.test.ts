import { randomUUID } from "node:crypto";
import type { OrgId } from "@portcullis/policy";
import type { SearchMembersRequest } from "@portcullis/proto/identity/v1/identity";
import type { PoolClient } from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from "vitest";
import { countMembers, searchMembers } from "../src/store/member-search.ts";
import { email, newUser, Organization, type RunningIdentity, runIdentity } from "./running-identity.ts";

let running: RunningIdentity;
let org: Organization;
beforeAll(async () => {
  running = await runIdentity({ databaseUrl: inject("databaseUrl"), redisUrl: inject("redisUrl") });
});
afterAll(() => running[Symbol.asyncDispose]());
beforeEach(async () => {
  org = await Organization.made(running);
});

function search(more: Partial<SearchMembersRequest> = {}) {
  const everybody = { text: "", kind: "", among: undefined, after: "", limit: 100, count: true };
  return running.identity.searchMembers({ orgId: org.id, ...everybody, ...more });
}

async function idsOf(more: Partial<SearchMembersRequest> = {}): Promise<(string | undefined)[]> {
  return (await search(more)).members.map(({ principal }) => principal?.id);
}

async function named(given: string, family?: string, address = email()): Promise<string> {
  const { members } = await org.invite({ users: [newUser(address, given, family)] });
  return members[0]?.principal?.id ?? "";
}

describe("SearchMembers", () => {
  test("finds a text anywhere in the name or the address, in either case, also beyond ASCII", async () => {
    const ada = await named("Ada", "Lovelace", `first-${randomUUID()}@analytical.example`);
    const oezgue = await named("\u00d6zg\u00fc", "\u0130nce");
    const robot = await org.serviceAccount("100%_sure");
    expect(await idsOf({ text: "a lOVE" })).toEqual([ada]);
    expect(await idsOf({ text: "@ANALYTICAL" })).toEqual([ada]);
    expect(await idsOf({ text: "\u00f6ZG\u00dc" })).toEqual([oezgue]);
    expect(await idsOf({ text: "lovelacefirst" })).toEqual([]);
    for (const text of ["%_", "0%", "_S"]) expect(await idsOf({ text })).toEqual([robot]);
    for (const text of ["a_a", "a%l", "\\"]) expect(await idsOf({ text })).toEqual([]);
  });

  test("answers active members alone, of this organisation, with when they joined", async () => {
    const other = await Organization.made(running);
    const address = email();
    const gone = await org.user(address);
    await other.user(address);
    const before = new Date();
    const ada = await named("Ada");
    await org.remove([gone]);
    expect(await idsOf({ text: address })).toEqual([]);
    const { members } = await search({ text: "ada" });
    expect(members).toMatchObject([{ principal: { id: ada, kind: "user", givenName: "Ada" } }]);
    expect(members[0]?.joined?.getTime()).toBeGreaterThanOrEqual(before.getTime() - 1);
    expect((await search({ text: "ada" })).total).toBe(1);
    await org.invite({ userIds: [gone] });
    expect(await idsOf({ text: address })).toEqual([gone]);
  });

  test("lists by name and then by id, the nameless by address, page by page, and says how many there are", async () => {
    const ids = [
      await named("\u00c5sa", undefined),
      await named("zoe"),
      await named("Bob"),
      await named("bob"),
      await named("", "", `a-${randomUUID()}@example.com`),
      await org.serviceAccount("Ci"),
    ];
    const [asa, zoe, bob = "", otherBob = "", nameless, robot] = ids;
    const all = [nameless, ...[bob, otherBob].toSorted(), robot, zoe, asa];
    const among = { ids: ids.map((id) => id ?? "") };
    expect(await idsOf({ among })).toEqual(all);
    const pages: (string | undefined)[] = [];
    for (let after = "", more = true; more; after = pages.at(-1) ?? "") {
      const page = await search({ among, after, limit: 2 });
      expect(page.total).toBe(all.length);
      pages.push(...page.members.map(({ principal }) => principal?.id));
      more = page.more;
    }
    expect(pages).toEqual(all);
    expect(await idsOf({ kind: "service_account" })).toEqual([robot]);
    expect(await idsOf({ kind: "user", among })).toEqual(all.filter((id) => id !== robot));
    expect((await search({ kind: "service_account" })).total).toBe(1);
    expect((await search({ count: false })).total).toBe(0);
    expect(await idsOf({ among: { ids: [] } })).toEqual([]);
  });

  test("goes on behind somebody who has left meanwhile", async () => {
    const [ada, bob, eve] = [await named("Ada"), await named("Bob"), await named("Eve")];
    await org.remove([bob]);
    const among = { ids: [ada, bob, eve] };
    expect(await idsOf({ among, after: bob })).toEqual([eve]);
  });

  test("finds whoever was renamed by the new name", async () => {
    const ada = await named("Ada", "Byron");
    await running.database.query("update principal set family_name = 'King' where id = $1", [ada]);
    expect(await idsOf({ text: "ada king" })).toEqual([ada]);
    expect(await idsOf({ text: "byron" })).toEqual([]);
  });

  test("holds the longest names there are", async () => {
    const wide = "\u4e16".repeat(255);
    const id = await named(wide, wide, `${"a".repeat(60)}@${"b".repeat(60)}.${"c".repeat(60)}.example`);
    expect(await idsOf({ text: "\u4e16".repeat(200) })).toEqual([id]);
  });

  test.each([
    ["org_id", { orgId: "acme" }],
    ["text", { text: "x".repeat(256) }],
    ["text", { text: "\u0000" }],
    ["kind", { kind: "robot" }],
    ["among.ids[0]", { among: { ids: ["ada"] } }],
    ["among.ids", { among: { ids: Array.from({ length: 10_001 }, () => randomUUID()) } }],
    ["after", { after: "ada" }],
    ["after", { after: randomUUID() }],
    ["limit", { limit: 0 }],
    ["limit", { limit: 10_001 }],
  ])("refuses a wrong %s", async (field, wrong) => {
    await expect(search(wrong)).rejects.toMatchObject({ kind: "invalid", field });
  });

  test("among very many members it reads one index, whatever it looks for", async () => {
    await crowd(org, 10_000);
    await crowd(await Organization.made(running), 60_000);
    await running.database.query("vacuum analyze listed_member, membership, principal");
    const client = await running.database.connect();
    try {
      const wanted = { kind: null, among: null, after: null, limit: 25 } as const;
      const found = await searchMembers(client, org.id as OrgId, { ...wanted, text: "" });
      const after = found.at(-1)?.principal.id ?? null;
      for (const more of [{}, { text: "person" }, { text: "9999@" }, { text: "nobody" }, { after }]) {
        const before = await scansOf(client);
        await searchMembers(client, org.id as OrgId, { ...wanted, text: "", ...more });
        await countMembers(client, org.id as OrgId, { ...wanted, text: "", ...more });
        const now = await scansOf(client);
        expect(now.sequential).toBe(before.sequential);
        expect(now.byName).toBeGreaterThan(before.byName);
      }
      expect((await search({ text: "PERSON 999" })).total).toBe(11);
    } finally {
      client.release();
    }
  });
});

async function crowd(of: Organization, count: number): Promise<void> {
  await running.database.query(
    `with made as (
       insert into principal (id, kind, email, email_key, given_name, family_name, created)
       select gen_random_uuid(), 'user', address, address, 'Person', number::text, now()
       from (select number, number || $2 as address from generate_series(1, $3::int) as number) as crowd
       returning id
     )
     insert into membership (org_id, principal_id, joined) select $1::uuid, id, now() from made`,
    [of.id, `@${randomUUID()}.example`, count],
  );
}

/** How often tables were read as a whole, and the index of names, by this connection and all others. */
async function scansOf(client: PoolClient): Promise<{ sequential: number; byName: number }> {
  await client.query("select pg_stat_force_next_flush()");
  const { rows } = await client.query<{ sequential: number; by_name: number }>(
    `select (select sum(seq_scan)::int from pg_stat_user_tables where relname in ('listed_member', 'membership', 'principal')) as sequential,
       (select idx_scan::int from pg_stat_user_indexes where indexrelname = 'listed_member_by_name') as by_name`,
  );
  return { sequential: rows[0]?.sequential ?? -1, byName: rows[0]?.by_name ?? -1 };
}
