import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Rest, restClient } from "../../src/rest.ts";
import { type Facade, type Person, startFacade } from "./facade.ts";

// What the console shows as lists: whoever may see members and groups finds them by name, page by page.

let facade: Facade;
let owner: Person;
/** In all names that a test makes, so that it finds its own. */
let mark: string;
beforeAll(async () => {
  facade = await startFacade();
  ({ owner } = facade);
});
beforeEach(() => {
  mark = randomUUID().slice(0, 13);
});
afterAll(() => facade?.[Symbol.asyncDispose]());

interface Entry {
  readonly kind: string;
  readonly id: string;
  readonly name: string | null;
  readonly email: string | null;
}

interface Page<Key extends string, Item> {
  readonly items: readonly Item[];
  readonly cursor: string | null;
  readonly total: number;
  readonly body: Readonly<Record<Key, readonly Item[]>>;
}

type Query = Record<string, string> | string[][];

async function list<Key extends string, Item>(
  rest: Rest,
  path: string,
  key: Key,
  query: Query = {},
): Promise<Page<Key, Item>> {
  const text = new URLSearchParams(query);
  const body = await rest.ok<Record<Key, Item[]> & { cursor: string | null; total: number }>(
    "GET",
    `/v1/access/${path}?${text}`,
  );
  return { items: body[key], cursor: body.cursor, total: body.total, body };
}

const directory = (query: Query = {}, { rest } = owner) =>
  list<"entries", Entry & { description: string | null; built_in: boolean }>(
    rest,
    "directory",
    "entries",
    query,
  );
const members = (query: Query = {}, { rest } = owner) =>
  list<"members", Entry & { joined: string; last_used_at: string | null; group_ids: string[] }>(
    rest,
    "members",
    "members",
    query,
  );
const groups = (query: Query = {}, { rest } = owner) =>
  list<"groups", { id: string; name: string; member_count: number; member_group_ids: string[] }>(
    rest,
    "groups",
    "groups",
    query,
  );
const inGroup = (group: string, query: Query = {}, { rest } = owner) =>
  list<"members", Entry>(rest, `groups/${group}/members`, "members", query);

/** All pages of this size, one after the other. */
async function allOf<Item>(
  page: (
    query: Readonly<Record<string, string>>,
  ) => Promise<{ items: readonly Item[]; cursor: string | null }>,
  query: Readonly<Record<string, string>>,
): Promise<Item[]> {
  const all: Item[] = [];
  for (let cursor: string | null = ""; cursor !== null; ) {
    const found: { items: readonly Item[]; cursor: string | null } = await page({ ...query, cursor });
    expect(found.items.length).toBeLessThanOrEqual(Number(query["limit"]));
    all.push(...found.items);
    ({ cursor } = found);
  }
  return all;
}

async function invite(...names: string[]): Promise<string[]> {
  const invited = names.map((name) => `${name}-${mark}@example.com`);
  const { added_users: added } = await owner.rest.ok<{ added_users: { id: string; email: string }[] }>(
    "PATCH",
    "/v1/organization/members",
    { invite_users: { emails: invited } },
  );
  return invited.map((email) => added.find((one) => one.email === email)?.id ?? "");
}

async function serviceAccount(name: string): Promise<string> {
  const { added_users: added } = await owner.rest.ok<{ added_users: { id: string }[] }>(
    "PATCH",
    "/v1/organization/members",
    { invite_users: { service_accounts: [{ name }] } },
  );
  return added[0]?.id ?? "";
}

async function group(name: string, more: object = {}): Promise<string> {
  return (await owner.rest.ok<{ id: string }>("POST", "/v1/group", { name, ...more })).id;
}

const idsOf = (entries: readonly { id: string }[]) => entries.map(({ id }) => id);

describe("the directory", () => {
  test("finds people, service accounts and groups by a part of their name, as one list in order", async () => {
    const [bob = "", eve = ""] = await invite("bob", "eve");
    const robot = await serviceAccount(`Carl ${mark}`);
    const team = await group(`Delta ${mark}`, { description: "they look" });
    const { items, cursor } = await directory({ q: mark.toUpperCase() });
    expect(items).toEqual([
      {
        kind: "user",
        id: bob,
        name: `bob-${mark}@example.com`,
        email: `bob-${mark}@example.com`,
        description: null,
        built_in: false,
      },
      {
        kind: "service_account",
        id: robot,
        name: `Carl ${mark}`,
        email: null,
        description: null,
        built_in: false,
      },
      {
        kind: "group",
        id: team,
        name: `Delta ${mark}`,
        email: null,
        description: "they look",
        built_in: false,
      },
      expect.objectContaining({ kind: "user", id: eve }),
    ]);
    expect(cursor).toBeNull();
    expect((await directory({ q: "owners" })).items).toMatchObject([{ kind: "group", built_in: true }]);
    for (const limit of ["1", "2", "3", "4"]) {
      const all = await allOf((query) => directory(query), { q: mark, limit });
      expect(idsOf(all)).toEqual([bob, robot, team, eve]);
    }
  });

  test("takes several kinds", async () => {
    await invite("ada");
    await serviceAccount(`Bot ${mark}`);
    await group(`Club ${mark}`);
    const kindsFor = async (...kinds: string[]) =>
      (await directory([["q", mark], ...kinds.map((kind) => ["kind", kind])])).items.map(({ kind }) => kind);
    expect(await kindsFor("group")).toEqual(["group"]);
    expect(await kindsFor("service_account")).toEqual(["service_account"]);
    expect(await kindsFor("user", "group")).toEqual(["user", "group"]);
    expect(await kindsFor("service_account", "user")).toEqual(["user", "service_account"]);
  });

  test("shows no more than oneself to whoever has no grant", async () => {
    await group(`Secret ${mark}`);
    const { newcomer } = facade;
    expect(idsOf((await directory({}, newcomer)).items)).toEqual([newcomer.id]);
    expect((await directory({ q: mark }, newcomer)).items).toEqual([]);
  });

  test("shows a narrowed key what that lets it see", async () => {
    const { key } = await owner.rest.ok<{ key: string }>("POST", "/v1/api_key", {
      name: mark,
      scope: { permissions: ["read"], object_types: ["group"] },
    });
    const rest = restClient(facade.system.adminUrl, key);
    const found = await directory({ q: "e" }, { ...owner, rest });
    expect(new Set(found.items.filter(({ id }) => id !== owner.id).map(({ kind }) => kind))).toEqual(
      new Set(["group"]),
    );
    expect(idsOf((await members({}, { ...owner, rest })).items)).toEqual([owner.id]);
    const answer = await rest.request("GET", `/v1/access/groups/${facade.builtIn.owners}/members`);
    expect(answer.status).toBe(404);
  });
});

describe("members", () => {
  test("are listed by name with their groups, when they joined, and how many there are", async () => {
    const before = new Date(Date.now() - 1).toISOString();
    const [ada = "", bob = ""] = await invite("ada", "bob");
    const robot = await serviceAccount(`Carl ${mark}`);
    const inner = await group(`inner ${mark}`, { member_users: [bob, ada] });
    await group(`outer ${mark}`, { member_groups: [inner], member_users: [bob] });
    const { items, total } = await members({ q: mark });
    expect(total).toBe(3);
    expect(items).toMatchObject([
      { id: ada, kind: "user", name: null, email: `ada-${mark}@example.com`, group_ids: [inner] },
      { id: bob, group_ids: { length: 2 } },
      { id: robot, kind: "service_account", name: `Carl ${mark}`, email: null, group_ids: [] },
    ]);
    for (const { joined } of items) expect(joined >= before).toBe(true);
    expect(idsOf((await members({ q: mark, kind: "service_account" })).items)).toEqual([robot]);
    expect((await members({ q: mark, kind: "user" })).total).toBe(2);
    const paged = await allOf((query) => members(query), { q: mark, limit: "2" });
    expect(idsOf(paged)).toEqual([ada, bob, robot]);
  });

  test("a cursor is good for its own list and question alone", async () => {
    await invite("ada", "bob");
    const { cursor } = await members({ q: mark, limit: "1" });
    for (const query of [{ q: "other" }, { q: mark, kind: "user" }]) {
      const text = new URLSearchParams({ ...query, cursor: cursor ?? "" });
      const answer = await owner.rest.request("GET", `/v1/access/members?${text}`);
      expect(answer).toMatchObject({ status: 400, body: { error: "cursor: is of another question" } });
    }
    const elsewhere = await facade.stranger.rest.request(
      "GET",
      `/v1/access/members?${new URLSearchParams({ q: mark, cursor: cursor ?? "" })}`,
    );
    expect(elsewhere.status).toBe(400);
  });

  test("who was active when is told to whoever may ask what everybody may do, and to oneself", async () => {
    const person = await facade.member([facade.builtIn.viewers]);
    await person.rest.ok("GET", "/v1/organization");
    const lastUse = async (who: Person, of: Person) => {
      const { items } = await allOfMembers(who);
      return items.find(({ id }) => id === of.id)?.last_used_at;
    };
    await expect.poll(() => lastUse(owner, person), { timeout: 20_000 }).toEqual(expect.any(String));
    expect(await lastUse(person, person)).toEqual(expect.any(String));
    expect(await lastUse(facade.viewer, person)).toBeNull();
  });
});

function allOfMembers(who: Person) {
  return members({ limit: "1000" }, who);
}

describe("groups", () => {
  test("are listed by name with how many are in each and what nests in it", async () => {
    const [ada = "", bob = ""] = await invite("ada", "bob");
    const inner = await group(`b ${mark}`, { member_users: [ada, bob] });
    const outer = await group(`A ${mark}`, { member_groups: [inner], description: "all" });
    const { items, total } = await groups({ q: mark });
    expect(total).toBe(2);
    expect(items).toMatchObject([
      { id: outer, description: "all", built_in: false, member_count: 0, member_group_ids: [inner] },
      { id: inner, description: null, member_count: 2, member_group_ids: [] },
    ]);
    expect(idsOf(await allOf((query) => groups(query), { q: mark, limit: "1" }))).toEqual([outer, inner]);
    expect((await groups({ q: "viewers" })).items).toMatchObject([{ built_in: true }]);
    expect(await groups({}, facade.newcomer)).toMatchObject({ items: [], total: 0, cursor: null });
  });

  test("tell who is directly in them, by name", async () => {
    const [carl = "", ada = "", bob = ""] = await invite("carl", "ada", "bob");
    const inner = await group(`inner ${mark}`, { member_users: [bob] });
    const team = await group(`team ${mark}`, { member_users: [carl, ada], member_groups: [inner] });
    expect((await inGroup(team)).items).toEqual([
      { id: ada, kind: "user", name: null, email: `ada-${mark}@example.com` },
      { id: carl, kind: "user", name: null, email: `carl-${mark}@example.com` },
    ]);
    expect(idsOf((await inGroup(team, { q: "CARL" })).items)).toEqual([carl]);
    expect((await inGroup(team, { q: "bob" })).items).toEqual([]);
    expect(idsOf(await allOf((query) => inGroup(team, query), { limit: "1" }))).toEqual([ada, carl]);
    expect((await inGroup(await group(`empty ${mark}`))).items).toEqual([]);
    for (const id of [randomUUID(), team]) {
      const asker = id === team ? facade.stranger : owner;
      expect((await asker.rest.request("GET", `/v1/access/groups/${id}/members`)).status).toBe(404);
    }
    const seen = await facade.newcomer.rest.request("GET", `/v1/access/groups/${team}/members`);
    expect(seen.status).toBe(404);
  });
});
