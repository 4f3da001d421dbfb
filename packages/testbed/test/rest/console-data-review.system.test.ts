import { randomUUID } from "node:crypto";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Facade, type Person, startFacade } from "./facade.ts";

// Reviews: who has what, by which ACL, since when, and what of it is stale.

interface Entry {
  readonly principal: { id: string; kind: string | null; name: string | null; email: string | null };
  readonly permissions: readonly string[];
  readonly below: readonly { object_type: string; permissions: string[] }[];
  readonly paths: readonly { acl: { id: string }; groups: { id: string }[]; objects: { type: string }[] }[];
  readonly acl_id: string | null;
  readonly since: string | null;
  readonly expires_at: string | null;
  readonly last_used_at: string | null;
  readonly marks: readonly string[];
}

interface Review {
  readonly entries: readonly Entry[];
  readonly cursor: string | null;
  readonly everybody: readonly string[];
  readonly revision: string;
}

let facade: Facade;
let owner: Person;
beforeAll(async () => {
  facade = await startFacade();
  ({ owner } = facade);
});
afterAll(() => facade?.[Symbol.asyncDispose]());

async function create(noun: string, body: object = {}): Promise<string> {
  const named = noun === "acl" ? body : { name: randomUUID(), ...body };
  return (await owner.rest.ok<{ id: string }>("POST", `/v1/${noun}`, named)).id;
}

function grant(project: string, more: object): Promise<string> {
  return create("acl", { object_type: "project", object_id: project, ...more });
}

function review(body: object, { rest } = owner): Promise<Review> {
  return rest.ok("POST", "/v1/access/review", body);
}

/** Every page of this size. */
async function wholeReview(body: object, limit = 1000): Promise<Entry[]> {
  const all: Entry[] = [];
  for (let cursor: string | null = null; ; ) {
    const page: Review = await review({ ...body, limit, ...(cursor !== null && { cursor }) });
    all.push(...page.entries);
    ({ cursor } = page);
    if (cursor === null) return all;
  }
}

const onProject = (id: string) => ({ object: { type: "project", id } });
const byAcl = (entries: readonly Entry[], acl: string) => entries.filter((entry) => entry.acl_id === acl);

/** Puts into a database what no request would. */
async function put(service: "grants" | "groups", text: string, values: unknown[]): Promise<void> {
  const client = new pg.Client({ connectionString: facade.system.databaseUrl(service) });
  await client.connect();
  try {
    await client.query(text, values);
  } finally {
    await client.end();
  }
}

async function aclShown(id: string): Promise<{ created: string }> {
  return owner.rest.ok("GET", `/v1/acl/${id}`);
}

describe("of an object", () => {
  test("it says who has what by which ACL and way, and since when", async () => {
    const [ada, bob] = [await facade.member(), await facade.member()];
    const project = await create("project");
    const inner = await create("group", { member_users: [bob.id] });
    const outer = await create("group", { member_groups: [inner] });
    const direct = await grant(project, {
      user_id: ada.id,
      permission: "update",
      expires_at: "2999-01-01T00:00:00Z",
    });
    const byGroup = await grant(project, {
      group_id: outer,
      permission: "read",
      restrict_object_type: "dataset",
    });
    const entries = await wholeReview(onProject(project));

    const [own] = byAcl(entries, direct);
    expect(own).toMatchObject({
      principal: { id: ada.id, kind: "user", name: null, email: expect.stringMatching("@") },
      permissions: ["update"],
      paths: [{ acl: { id: direct }, groups: [], objects: [{ type: "project" }] }],
      since: (await aclShown(direct)).created,
      expires_at: "2999-01-01T00:00:00.000Z",
    });
    expect(own?.below).toContainEqual({ object_type: "experiment", permissions: ["update"] });
    const [through] = byAcl(entries, byGroup);
    expect(through).toMatchObject({
      principal: { id: bob.id },
      permissions: [],
      below: [{ object_type: "dataset", permissions: ["read"] }],
      paths: [{ groups: [{ id: inner }, { id: outer }] }],
      since: (await aclShown(byGroup)).created,
      expires_at: null,
    });
    // Whoever has it from above is there, too.
    const viewer = entries.find(({ principal }) => principal.id === facade.viewer.id);
    expect(viewer).toMatchObject({
      permissions: ["read"],
      paths: [{ objects: [{ type: "project" }, { type: "org_project" }] }],
    });

    await owner.rest.ok("PATCH", `/v1/group/${outer}`, { add_member_users: [ada.id] });
    const joined = byAcl(await wholeReview(onProject(project)), byGroup).find(
      ({ principal }) => principal.id === ada.id,
    );
    expect((joined?.since ?? "") > (through?.since ?? "")).toBe(true);
    await put("groups", "update group_principal set added = null where group_id = $1", [outer]);
    const unknown = byAcl(await wholeReview(onProject(project)), byGroup).find(
      ({ principal }) => principal.id === ada.id,
    );
    expect(unknown?.since).toBeNull();
  });

  test("it is what list-principals says, for every permission", async () => {
    const project = await create("project");
    const [ada, bob] = [await facade.member(), await facade.member([facade.builtIn.engineers])];
    await grant(project, { user_id: ada.id, permission: "read" });
    await grant(project, { user_id: bob.id, permission: "read_acls" });
    const entries = await wholeReview(onProject(project));
    for (const permission of ["read", "update", "delete", "read_acls"]) {
      const { principals } = await owner.rest.ok<{ principals: { principal: { id: string } }[] }>(
        "POST",
        "/v1/access/list-principals",
        { ...onProject(project), permission, limit: 1000, consistency: { fully_consistent: {} } },
      );
      const held = entries.filter((entry) => entry.permissions.includes(permission));
      expect([...new Set(held.map(({ principal }) => principal.id))].toSorted()).toEqual(
        principals.map(({ principal }) => principal.id),
      );
    }
  });

  test("it comes in pages of any size, each thing once", async () => {
    const project = await create("project");
    const people = await Promise.all([1, 2, 3].map(() => facade.member()));
    for (const { id } of people) await grant(project, { user_id: id, permission: "read" });
    for (let count = 0; count < 3; count++)
      await grant(project, { group_id: await create("group"), permission: "read" });
    const whole = await wholeReview(onProject(project));
    for (const limit of [1, 2, 5]) expect(await wholeReview(onProject(project), limit)).toEqual(whole);
    const keys = whole.map(({ principal, acl_id: acl }) => `${principal.id} ${acl}`);
    expect(new Set(keys).size).toBe(keys.length);
    const { cursor } = await review({ ...onProject(project), limit: 1 });
    const other = onProject(await create("project"));
    const refused = await owner.rest.request("POST", "/v1/access/review", { ...other, cursor });
    expect(refused).toMatchObject({ status: 400, body: { error: expect.stringMatching(/^cursor: /) } });
  });

  test("what is stale is marked", async () => {
    const project = await create("project");
    const [ada, bob] = [await facade.member(), await facade.member()];
    const [empty, around] = [await create("group"), await create("group")];
    await owner.rest.ok("PATCH", `/v1/group/${around}`, { add_member_groups: [empty] });
    const team = await create("group", { member_users: [ada.id] });
    const emptyAcl = await grant(project, { group_id: around, permission: "read" });
    const [read, role] = [
      await grant(project, { user_id: ada.id, permission: "read" }),
      await grant(project, { group_id: team, permission: "read" }),
    ];
    const more = await grant(project, { user_id: ada.id, permission: "update" });
    const expired = await grant(project, {
      user_id: bob.id,
      permission: "read",
      expires_at: "2999-01-01T00:00:00Z",
    });
    await put("grants", "update acl set expires_at = now() - interval '1 second' where id = $1", [expired]);
    // What was changed beside the log is known with the next event that touches the object.
    await grant(project, { user_id: owner.id, permission: "read" });

    const entries = await wholeReview(onProject(project));
    const marksOf = (acl: string) =>
      byAcl(entries, acl).map(({ marks }) => marks.filter((one) => one !== "never_used"));
    expect(byAcl(entries, emptyAcl)).toMatchObject([
      { principal: { id: around, kind: "group" }, marks: ["empty_group"], permissions: ["read"], paths: [] },
    ]);
    expect(marksOf(read)).toEqual([["duplicate"]]);
    expect(marksOf(role)).toEqual([["duplicate"]]);
    expect(marksOf(more)).toEqual([[]]);
    expect(byAcl(entries, expired)).toMatchObject([
      { principal: { id: bob.id }, marks: ["expired", "never_used"], expires_at: expect.any(String) },
    ]);
  });

  test("who never used a credential is marked, and who did is shown with when", async () => {
    const project = await create("project");
    const [idle, busy] = [await facade.member(), await facade.member()];
    for (const { id } of [idle, busy]) await grant(project, { user_id: id, permission: "read" });
    await busy.rest.ok("GET", "/v1/organization");
    const of = async ({ id }: Person) =>
      (await wholeReview(onProject(project))).find(({ principal }) => principal.id === id);
    await expect
      .poll(async () => (await of(busy))?.last_used_at, { timeout: 20_000 })
      .toEqual(expect.any(String));
    expect((await of(busy))?.marks).toEqual([]);
    expect(await of(idle)).toMatchObject({ last_used_at: null, marks: ["never_used"] });
  });

  test("what is public is everybody's, and a grant of no more than that is marked", async () => {
    const project = await create("project");
    const experiment = await create("experiment", { project_id: project, public: true });
    const ada = await facade.member();
    const on = { object_type: "experiment", object_id: experiment, user_id: ada.id };
    const read = await create("acl", { ...on, permission: "read" });
    const update = await create("acl", { ...on, permission: "update" });
    const told = await review({ object: { type: "experiment", id: experiment }, limit: 1000 });
    expect(told.everybody).toEqual(["read"]);
    expect(byAcl(told.entries, read)[0]?.marks).toContain("everybody");
    expect(byAcl(told.entries, update)[0]?.marks).not.toContain("everybody");
    expect((await review(onProject(project))).everybody).toEqual([]);
  });

  test("it is for whoever may read the ACLs on it", async () => {
    const project = await create("project");
    const person = await facade.member();
    const asked = () => person.rest.request("POST", "/v1/access/review", onProject(project));
    expect((await asked()).status).toBe(404);
    await grant(project, { user_id: person.id, permission: "read" });
    expect((await asked()).status).toBe(403);
    await grant(project, { user_id: person.id, permission: "read_acls" });
    expect((await asked()).status).toBe(200);
    const group = { group_id: facade.builtIn.viewers };
    expect((await person.rest.request("POST", "/v1/access/review", group)).status).toBe(403);
  });
});

describe("of a group", () => {
  test("it says what the group has by its ACLs, and who is in it and since when", async () => {
    const [ada, bob] = [await facade.member(), await facade.member()];
    const project = await create("project", { name: "Search" });
    const team = await create("group", { member_users: [ada.id, bob.id] });
    const whole = await create("group", { member_groups: [team] });
    const read = await grant(project, { group_id: team, permission: "read" });
    const update = await grant(project, { group_id: team, permission: "update" });
    await grant(project, { group_id: whole, permission: "read" });
    const entries = await wholeReview({ group_id: team });
    const [first, second, ...people] = entries;
    const has = [first, second].toSorted((one, other) =>
      (one?.acl_id ?? "") < (other?.acl_id ?? "") ? -1 : 1,
    );
    expect(has).toEqual([first, second]);
    expect(byAcl(entries, read)).toMatchObject([
      {
        principal: { id: team, kind: "group", name: expect.any(String), email: null },
        permissions: ["read"],
        paths: [{ groups: [{ id: team }], objects: [{ type: "project", id: project, name: "Search" }] }],
        since: (await aclShown(read)).created,
        last_used_at: null,
        marks: ["duplicate"],
      },
    ]);
    expect(byAcl(entries, update)).toMatchObject([{ permissions: ["update"], marks: [] }]);
    expect(people.map(({ principal }) => principal.id)).toEqual([ada.id, bob.id].toSorted());
    expect(people[0]).toMatchObject({
      permissions: [],
      paths: [],
      acl_id: null,
      since: expect.any(String),
      marks: ["never_used"],
    });
    for (const limit of [1, 3]) expect(await wholeReview({ group_id: team }, limit)).toEqual(entries);
  });

  test("one that holds nobody is marked, and one that is not there is not found", async () => {
    const project = await create("project");
    const empty = await create("group");
    const read = await grant(project, { group_id: empty, permission: "read" });
    expect(await wholeReview({ group_id: empty })).toMatchObject([{ acl_id: read, marks: ["empty_group"] }]);
    for (const [asker, id] of [
      [owner, randomUUID()],
      [facade.stranger, empty],
    ] as const) {
      const answer = await asker.rest.request("POST", "/v1/access/review", { group_id: id });
      expect(answer.status).toBe(404);
    }
  });
});
