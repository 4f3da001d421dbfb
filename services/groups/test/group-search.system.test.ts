import { randomUUID } from "node:crypto";
import type { OrgId } from "@portcullis/policy";
import type { ListGroupPrincipalsRequest, SearchGroupsRequest } from "@portcullis/proto/groups/v1/groups";
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from "vitest";
import { countGroups, searchGroups } from "../src/store/group-search.ts";
import { context, Organization, type RunningGroups, runGroups } from "./running-groups.ts";

let running: RunningGroups;
let org: Organization;
beforeAll(async () => {
  running = await runGroups({ databaseUrl: inject("databaseUrl"), redisUrl: inject("redisUrl") });
});
afterAll(() => running[Symbol.asyncDispose]());
beforeEach(async () => {
  org = await Organization.provisioned(running);
});

async function named(
  name: string,
  principalIds: string[] = [],
  memberGroupIds: string[] = [],
): Promise<string> {
  const { id } = await org.group(principalIds, memberGroupIds);
  await org.update(id, { name });
  return id;
}

describe("SearchGroups", () => {
  const search = (more: Partial<SearchGroupsRequest> = {}) =>
    running.groups.searchGroups({
      orgId: org.id,
      text: "",
      after: "",
      limit: 100,
      count: true,
      contents: true,
      ...more,
    });
  const idsOf = async (more: Partial<SearchGroupsRequest> = {}) =>
    (await search(more)).groups.map(({ id }) => id);

  test("finds a text anywhere in the name, in either case, and lists by name, page by page", async () => {
    const [beta, alpha, uebung] = [await named("beta 10%"), await named("Alpha"), await named("\u00dcbung")];
    const { engineers, owners, viewers } = org.builtIn;
    const all = [alpha, beta, engineers, owners, viewers, uebung];
    expect(await idsOf()).toEqual(all);
    expect(await idsOf({ text: "ETA" })).toEqual([beta]);
    expect(await idsOf({ text: "\u00fcBUNG" })).toEqual([uebung]);
    expect(await idsOf({ text: "0%" })).toEqual([beta]);
    expect(await idsOf({ text: "b%t" })).toEqual([]);
    const pages: string[] = [];
    for (let more = true; more; ) {
      const page = await search({ after: pages.at(-1) ?? "", limit: 4 });
      expect(page.total).toBe(all.length);
      pages.push(...page.groups.map(({ id }) => id));
      more = page.more;
    }
    expect(pages).toEqual(all);
    expect((await search({ text: "eta" })).total).toBe(1);
    expect((await search({ count: false })).total).toBe(0);
  });

  test("tells how many are directly in each and what nests in it, and leaves out what was deleted", async () => {
    const inner = await named("inner", [org.user(), org.user()]);
    const outer = await named("outer", [org.user()], [inner]);
    expect((await search({ text: "er" })).groups.filter(({ builtIn }) => builtIn === "")).toMatchObject([
      { id: inner, principalCount: 2, memberGroupIds: [], builtIn: "" },
      { id: outer, name: "outer", principalCount: 1, memberGroupIds: [inner] },
    ]);
    expect((await search({ text: "owners" })).groups).toMatchObject([
      { builtIn: "owners", principalCount: 1 },
    ]);
    expect((await search({ text: "inner", contents: false })).groups).toMatchObject([{ principalCount: 0 }]);
    await running.groups.deleteGroup({ context, orgId: org.id, id: inner });
    expect(await idsOf({ text: "inner" })).toEqual([]);
    expect(await idsOf({ after: inner })).toContain(outer);
    const other = await Organization.provisioned(running);
    expect((await search({ orgId: other.id })).groups).toHaveLength(3);
    await expect(search({ orgId: other.id, after: outer })).rejects.toMatchObject({ field: "after" });
  });

  test.each([
    ["org_id", { orgId: "acme" }],
    ["text", { text: "x".repeat(256) }],
    ["after", { after: "x" }],
    ["after", { after: randomUUID() }],
    ["limit", { limit: 0 }],
    ["limit", { limit: 1001 }],
  ])("refuses a wrong %s", async (field, wrong) => {
    await expect(search(wrong)).rejects.toMatchObject({ kind: "invalid", field });
  });

  test("among very many groups it reads one index, whatever it looks for", async () => {
    const other = await Organization.provisioned(running);
    for (const [orgId, count] of [
      [org.id, 10_000],
      [other.id, 60_000],
    ] as const) {
      await running.database.query(
        `insert into permission_group (id, org_id, name, created)
         select gen_random_uuid(), $1, 'Team ' || number, now() from generate_series(1, $2::int) as number`,
        [orgId, count],
      );
    }
    await running.database.query("vacuum analyze permission_group");
    const client = await running.database.connect();
    try {
      const scans = async () => {
        await client.query("select pg_stat_force_next_flush()");
        const { rows } = await client.query<{ sequential: number; by_name: number }>(
          `select (select seq_scan::int from pg_stat_user_tables where relname = 'permission_group') as sequential,
             (select idx_scan::int from pg_stat_user_indexes where indexrelname = 'permission_group_by_name') as by_name`,
        );
        return { sequential: rows[0]?.sequential ?? -1, byName: rows[0]?.by_name ?? -1 };
      };
      for (const text of ["", "team", "9999", "nobody"]) {
        const before = await scans();
        const wanted = { text, after: null, limit: 25 };
        await searchGroups(client, org.id as OrgId, wanted);
        await countGroups(client, org.id as OrgId, wanted);
        const now = await scans();
        expect(now.sequential).toBe(before.sequential);
        expect(now.byName).toBeGreaterThan(before.byName);
      }
    } finally {
      client.release();
    }
  });
});

describe("ListGroupPrincipals", () => {
  const list = (groupId: string, more: Partial<ListGroupPrincipalsRequest> = {}) =>
    running.groups.listGroupPrincipals({
      orgId: org.id,
      groupId,
      among: undefined,
      after: "",
      limit: 100,
      ...more,
    });

  test("answers those directly in a group, in order, page by page, or which of some they are", async () => {
    const [ada = "", bob = "", eve = ""] = [org.user(), org.user(), org.user()].toSorted();
    const inner = await org.group([eve]);
    const { id } = await org.group([bob, ada], [inner.id]);
    expect(await list(id)).toEqual({ principalIds: [ada, bob], more: false });
    expect(await list(id, { limit: 1 })).toEqual({ principalIds: [ada], more: true });
    expect(await list(id, { limit: 1, after: ada })).toEqual({ principalIds: [bob], more: false });
    expect(await list(id, { among: { ids: [bob, eve] } })).toEqual({ principalIds: [bob], more: false });
    expect(await list(id, { among: { ids: [] } })).toEqual({ principalIds: [], more: false });
  });

  test("knows no group that was deleted, is another organisation's, or never was", async () => {
    const { id } = await org.group();
    await running.groups.deleteGroup({ context, orgId: org.id, id });
    const other = await Organization.provisioned(running);
    for (const group of [id, other.builtIn.owners, randomUUID()]) {
      await expect(list(group)).rejects.toMatchObject({ kind: "absent" });
    }
  });

  test.each([
    ["org_id", { orgId: "acme" }],
    ["group_id", { groupId: "x" }],
    ["among.ids[0]", { among: { ids: ["x"] } }],
    ["after", { after: "x" }],
    ["limit", { limit: 0 }],
    ["limit", { limit: 10_001 }],
  ])("refuses a wrong %s", async (field, wrong) => {
    await expect(list(randomUUID(), wrong)).rejects.toMatchObject({ kind: "invalid", field });
  });
});

describe("ListMemberships", () => {
  test("answers the live groups that name each directly, and since when, where that is known", async () => {
    const [ada = "", bob = ""] = [org.user(), org.user()].toSorted();
    const before = new Date();
    const inner = await org.group([ada]);
    await org.group([], [inner.id]);
    const gone = await org.group([ada]);
    const old = await org.group([bob]);
    await running.groups.deleteGroup({ context, orgId: org.id, id: gone.id });
    await running.database.query("update group_principal set added = null where group_id = $1", [old.id]);
    const { memberships } = await running.groups.listMemberships({
      orgId: org.id,
      principalIds: [ada, bob, randomUUID()],
    });
    expect(memberships).toEqual([
      { principalId: ada, groupId: inner.id, added: expect.any(Date) as Date },
      { principalId: bob, groupId: old.id, added: undefined },
    ]);
    expect(memberships[0]?.added?.getTime()).toBeGreaterThanOrEqual(before.getTime() - 1);
    const other = await Organization.provisioned(running);
    const foreign = await running.groups.listMemberships({ orgId: other.id, principalIds: [ada] });
    expect(foreign.memberships).toEqual([]);
  });

  test("refuses bad ids, and too many", async () => {
    const list = (more: object) =>
      running.groups.listMemberships({ orgId: org.id, principalIds: [], ...more });
    await expect(list({ orgId: "x" })).rejects.toMatchObject({ field: "org_id" });
    await expect(list({ principalIds: ["x"] })).rejects.toMatchObject({ field: "principal_ids[0]" });
    const many = Array.from({ length: 1001 }, () => randomUUID());
    await expect(list({ principalIds: many })).rejects.toMatchObject({ field: "principal_ids" });
  });
});

describe("FindEmptyGroups", () => {
  test("finds those that hold nobody, over nested groups too, and none that does not live", async () => {
    const [empty, full] = [await org.group(), await org.group([org.user()])];
    const around = await org.group([], [empty.id]);
    const aroundBoth = await org.group([], [around.id, full.id]);
    const gone = await org.group();
    await running.groups.deleteGroup({ context, orgId: org.id, id: gone.id });
    const other = await Organization.provisioned(running);
    const asked = [empty, full, around, aroundBoth, gone].map(({ id }) => id);
    const { groupIds, revision } = await running.groups.findEmptyGroups({
      orgId: org.id,
      groupIds: [...asked, other.builtIn.viewers, randomUUID()],
    });
    expect(groupIds).toEqual([empty.id, around.id].toSorted());
    expect(revision?.position).toBe(await org.head());
  });

  test("refuses bad ids, and too many", async () => {
    const find = (more: object) => running.groups.findEmptyGroups({ orgId: org.id, groupIds: [], ...more });
    await expect(find({ orgId: "x" })).rejects.toMatchObject({ field: "org_id" });
    await expect(find({ groupIds: ["x"] })).rejects.toMatchObject({ field: "group_ids[0]" });
    const many = Array.from({ length: 10_001 }, () => randomUUID());
    await expect(find({ groupIds: many })).rejects.toMatchObject({ field: "group_ids" });
  });
});
