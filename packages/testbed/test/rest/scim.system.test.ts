import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RestAnswer } from "../../src/rest.ts";
import { type Facade, newEmail, type Objects, type Person, positions, startFacade } from "./facade.ts";

// Identity providers keep members and groups as they have them, in the ways that they are known to ask.

const core = "urn:ietf:params:scim:schemas:core:2.0";
const messages = "urn:ietf:params:scim:api:messages:2.0";
const enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

let facade: Facade;
beforeAll(async () => {
  facade = await startFacade();
});
afterAll(() => facade?.[Symbol.asyncDispose]());

interface Resource extends Record<string, unknown> {
  readonly id: string;
}

interface List {
  readonly totalResults: number;
  readonly itemsPerPage: number;
  readonly startIndex: number;
  readonly Resources: readonly Resource[];
}

function send(
  method: string,
  path: string,
  body?: unknown,
  person: Person = facade.owner,
): Promise<RestAnswer> {
  return person.rest.request(method, `/scim/v2${path}`, body);
}

async function done(method: string, path: string, body?: unknown): Promise<Resource> {
  const answer = await send(method, path, body);
  expect({ status: answer.status, body: answer.body }).toMatchObject({
    status: method === "POST" ? 201 : 200,
  });
  return answer.body as Resource;
}

/** Answers why; nothing was written for it. */
async function expectRefused(method: string, path: string, body: unknown, status: number, scimType?: string) {
  const requestId = `refused-${randomUUID()}`;
  const response = await fetch(`${facade.system.adminUrl}/scim/v2${path}`, {
    method,
    headers: {
      authorization: `Bearer ${facade.owner.key}`,
      "x-request-id": requestId,
      ...(body !== undefined && { "content-type": "application/scim+json" }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const answer = (await response.json()) as { detail: string };
  expect({ status: response.status, answer }).toMatchObject({
    status,
    answer: {
      schemas: [`${messages}:Error`],
      status: String(status),
      ...(scimType !== undefined && { scimType }),
    },
  });
  // Others may write meanwhile: what follows from an earlier change bears that one's id.
  const { events } = await facade.owner.rest.ok<{ events: { request_id: string }[] }>(
    "GET",
    "/v1/access/audit-log?limit=20",
  );
  expect(events.filter((event) => event.request_id === requestId)).toEqual([]);
  return answer.detail;
}

async function find(kind: "Users" | "Groups", query: Record<string, string>, person?: Person): Promise<List> {
  const { status, body } = await send("GET", `/${kind}?${new URLSearchParams(query)}`, undefined, person);
  expect({ status, body }).toMatchObject({ status: 200 });
  return body as List;
}

function newUser(more: object = {}) {
  const address = newEmail();
  return {
    schemas: [`${core}:User`],
    userName: address,
    name: { givenName: "Ada", familyName: "Lovelace" },
    emails: [{ primary: true, value: address, type: "work" }],
    ...more,
  };
}

const makeUser = (more: object = {}) => done("POST", "/Users", newUser(more));
const makeGroup = (more: object = {}) =>
  done("POST", "/Groups", { schemas: [`${core}:Group`], displayName: randomUUID(), ...more });
const getUser = (id: string) => done("GET", `/Users/${id}`);
const patch = (...operations: object[]) => ({ schemas: [`${messages}:PatchOp`], Operations: operations });

/** Whether somebody is in a group, by the group's own word over REST. */
async function restMembers(groupId: string): Promise<{ member_users: string[]; member_groups: string[] }> {
  return facade.owner.rest.ok("GET", `/v1/group/${groupId}`);
}

async function isMember(id: string): Promise<boolean> {
  const { objects } = await facade.owner.rest.ok<Objects<{ id: string }>>("GET", `/v1/user?ids=${id}`);
  return objects.length === 1;
}

async function keyOf(userId: string): Promise<string> {
  const { secret } = await facade.system.tokens.createCredential({
    context: { actor: undefined, requestId: "test", sourceAddress: "", unchangedSince: [] },
    orgId: facade.org.orgId,
    kind: "api_key",
    principalId: userId,
    name: "test",
    expiresAt: undefined,
    scope: undefined,
    replace: false,
  });
  return secret;
}

/** As of now, of the principal itself. */
async function mayRead(principalId: string): Promise<boolean> {
  const { allowed } = await facade.system.decision.check({
    orgId: facade.org.orgId,
    who: { $case: "principalId", value: principalId },
    permission: "read",
    what: { $case: "object", value: { type: "org_project", id: facade.org.orgId } },
    consistency: { kind: { $case: "fullyConsistent", value: {} } },
  });
  return allowed;
}

describe("what the service says of itself", () => {
  test("is what it supports, its resource types and their schemas", async () => {
    expect(await done("GET", "/ServiceProviderConfig")).toMatchObject({
      schemas: [`${core}:ServiceProviderConfig`],
      patch: { supported: true },
      bulk: { supported: false },
      sort: { supported: false },
    });
    const types = (await done("GET", "/ResourceTypes")) as unknown as List;
    expect(types.Resources.map(({ id }) => id)).toEqual(["User", "Group"]);
    const { Resources: schemas } = (await done("GET", "/Schemas")) as unknown as List;
    expect(schemas.map(({ id }) => id)).toEqual([`${core}:User`, enterprise, `${core}:Group`]);
    expect(await done("GET", `/Schemas/${enterprise}`)).toEqual(schemas[1]);
    expect(await done("GET", "/ResourceTypes/Group")).toEqual(types.Resources[1]);
    await expectRefused("GET", "/Schemas/urn:unknown", undefined, 404);
    await expectRefused("GET", "/Devices", undefined, 404);
  });
});

describe("as Okta asks", () => {
  test("a user is looked for, made, read, changed, sent away and taken back", async () => {
    const body = newUser({
      externalId: "00u1",
      active: true,
      displayName: "Ada Lovelace",
      password: "secret-1",
    });
    const probe = { filter: `userName eq "${body.userName}"`, startIndex: "1", count: "100" };
    expect(await find("Users", probe)).toEqual({
      schemas: [`${messages}:ListResponse`],
      totalResults: 0,
      startIndex: 1,
      itemsPerPage: 0,
      Resources: [],
    });

    const made = await send("POST", "/Users", body);
    expect(made.status).toBe(201);
    expect(made.headers.get("content-type")).toBe("application/scim+json; charset=utf-8");
    expect(made.headers.get("x-portcullis-revision")).not.toBeNull();
    const user = made.body as Resource;
    expect(made.headers.get("location")).toBe(`${facade.system.adminUrl}/scim/v2/Users/${user.id}`);
    expect(user).toMatchObject({
      schemas: [`${core}:User`],
      userName: body.userName,
      externalId: "00u1",
      active: true,
      name: body.name,
      emails: body.emails,
      displayName: "Ada Lovelace",
      meta: { resourceType: "User", location: made.headers.get("location") },
    });
    expect(JSON.stringify(user)).not.toContain("secret-1");
    expect(await find("Users", probe)).toMatchObject({ totalResults: 1, Resources: [user] });
    expect(await facade.owner.rest.ok("GET", `/v1/user/${user.id}`)).toMatchObject({
      email: body.userName,
      given_name: "Ada",
      family_name: "Lovelace",
    });

    const whole = { ...user, name: { givenName: "Augusta", familyName: "King" }, groups: [] };
    expect(await done("PUT", `/Users/${user.id}`, whole)).toMatchObject({ name: whole.name, active: true });

    // The whole user again, with active=false.
    const key = await keyOf(user.id);
    await done("PUT", `/Users/${user.id}`, { ...whole, active: false });
    expect(await getUser(user.id)).toMatchObject({ active: false, name: whole.name });
    expect(await isMember(user.id)).toBe(false);
    const { status } = await fetch(`${facade.system.adminUrl}/v1/organization`, {
      headers: { authorization: `Bearer ${key}` },
    });
    expect(status).toBe(401);
    expect(await find("Users", probe)).toMatchObject({ totalResults: 1, Resources: [{ active: false }] });

    expect(await done("PUT", `/Users/${user.id}`, { ...whole, active: true })).toMatchObject({
      active: true,
    });
    expect(await isMember(user.id)).toBe(true);
  });

  test("active=false closes all access by the time of the answer, and groups don't come back with the user", async () => {
    const user = await makeUser();
    const viewers = await done("PATCH", `/Groups/${facade.builtIn.viewers}`, {
      ...patch({ op: "add", path: "members", value: [{ value: user.id, display: "Ada" }] }),
    });
    expect(viewers["members"]).toContainEqual(expect.objectContaining({ value: user.id, type: "User" }));
    expect(await mayRead(user.id)).toBe(true);
    await done("PATCH", `/Users/${user.id}`, patch({ op: "replace", value: { active: false } }));
    expect(await mayRead(user.id)).toBe(false);
    await done("PATCH", `/Users/${user.id}`, patch({ op: "replace", value: { active: true } }));
    expect(await isMember(user.id)).toBe(true);
    expect(await mayRead(user.id)).toBe(false);
    expect((await restMembers(facade.builtIn.viewers)).member_users).not.toContain(user.id);
  });

  test("a group is pushed, renamed without a path, given members and taken them, and deleted", async () => {
    const [ada, bob] = [await makeUser(), await makeUser()];
    const name = randomUUID();
    const group = await makeGroup({ displayName: name, members: [{ value: ada.id, display: "Ada" }] });
    expect(await find("Groups", { filter: `displayName eq "${name}"` })).toMatchObject({
      totalResults: 1,
      Resources: [{ id: group.id }],
    });
    const renamed = { id: group.id, displayName: `${name} 2` };
    expect(
      await done("PATCH", `/Groups/${group.id}`, patch({ op: "replace", value: renamed })),
    ).toMatchObject(renamed);
    await done(
      "PATCH",
      `/Groups/${group.id}`,
      patch(
        { op: "remove", path: `members[value eq "${ada.id}"]` },
        { op: "add", path: "members", value: [{ value: bob.id, display: "Bob" }] },
      ),
    );
    expect((await restMembers(group.id)).member_users).toEqual([bob.id]);
    const deleted = await send("DELETE", `/Groups/${group.id}`);
    expect({ status: deleted.status, body: deleted.body }).toEqual({ status: 204, body: "" });
    await expectRefused("GET", `/Groups/${group.id}`, undefined, 404);
  });

  test("members who were there before are taken over by their address", async () => {
    const { id } = await facade.member([facade.builtIn.viewers]);
    const { email } = await facade.owner.rest.ok<{ email: string }>("GET", `/v1/user/${id}`);
    expect(await find("Users", { filter: `userName eq "${email.toUpperCase()}"` })).toMatchObject({
      Resources: [{ id, userName: email, active: true, emails: [{ value: email }] }],
    });
    const emails = [{ value: email.toUpperCase(), type: "work" }];
    const body = newUser({ userName: `ada-${randomUUID()}`, emails });
    expect(await done("POST", "/Users", body)).toMatchObject({ id, userName: body.userName, active: true });
    expect((await restMembers(facade.builtIn.viewers)).member_users).toContain(id);
    await expectRefused("POST", "/Users", body, 409, "uniqueness");
    await expectRefused("POST", "/Users", { ...body, userName: randomUUID() }, 409, "uniqueness");
    await expectRefused(
      "POST",
      "/Users",
      newUser({ userName: body.userName.toUpperCase() }),
      409,
      "uniqueness",
    );
  });
});

describe("as Entra ID asks", () => {
  test("its first question is of a user whom nobody has", async () => {
    expect(await find("Users", { filter: `userName eq "${randomUUID()}"` })).toMatchObject({
      totalResults: 0,
      Resources: [],
    });
    expect(
      await find("Groups", { excludedAttributes: "members", filter: `displayName eq "${randomUUID()}"` }),
    ).toMatchObject({ totalResults: 0 });
  });

  test("a user is made with the enterprise extension, and changed in Entra's ways", async () => {
    const user = await makeUser({
      schemas: [`${core}:User`, enterprise],
      active: true,
      externalId: "ada",
      meta: { resourceType: "User" },
      title: "Countess",
      [enterprise]: { department: "Engines", manager: "26118915" },
    });
    expect(user).toMatchObject({
      schemas: [`${core}:User`, enterprise],
      [enterprise]: { department: "Engines", manager: { value: "26118915" } },
    });
    const changed = await done(
      "PATCH",
      `/Users/${user.id}`,
      patch(
        { op: "Add", path: `${enterprise}:department`, value: "Analysis" },
        { op: "Replace", path: 'emails[type eq "work"].value', value: "ada@new.example" },
        { op: "Add", path: 'phoneNumbers[type eq "mobile"].value', value: "+44 1" },
        { op: "Replace", value: { "name.givenName": "Augusta", displayName: "A. King", colour: "red" } },
        { op: "Replace", path: "title", value: [{ value: "Analyst" }] },
        { op: "Remove", path: `${enterprise.toUpperCase()}:manager` },
      ),
    );
    expect(changed).toMatchObject({
      emails: [{ value: "ada@new.example", type: "work", primary: true }],
      phoneNumbers: [{ type: "mobile", value: "+44 1" }],
      name: { givenName: "Augusta", familyName: "Lovelace" },
      displayName: "A. King",
      title: "Analyst",
      [enterprise]: { department: "Analysis" },
    });
    expect(changed[enterprise]).toEqual({ department: "Analysis" });
    expect(await getUser(user.id)).toEqual(changed);
    // The address by which other organizations know the user stays.
    expect(await facade.owner.rest.ok("GET", `/v1/user/${user.id}`)).toMatchObject({
      email: user["userName"],
      given_name: "Ada",
    });
    expect(
      await find("Users", { filter: 'emails[type eq "work"].value eq "ADA@new.example"' }),
    ).toMatchObject({
      Resources: [{ id: user.id }],
    });
  });

  test.each(["False", "false", false, [{ value: "False" }]])("a user is disabled by %j", async (value) => {
    const user = await makeUser();
    expect(
      await done("PATCH", `/Users/${user.id}`, patch({ op: "Replace", path: "active", value })),
    ).toMatchObject({ active: false });
    expect(await isMember(user.id)).toBe(false);
    expect(
      await done("PATCH", `/Users/${user.id}`, patch({ op: "Replace", path: "active", value: "True" })),
    ).toMatchObject({ active: true });
  });

  test("a user is deleted for good, and may be made again as the same person", async () => {
    const body = newUser();
    const { id } = await done("POST", "/Users", body);
    expect((await send("DELETE", `/Users/${id}`)).status).toBe(204);
    expect(await isMember(id)).toBe(false);
    await expectRefused("GET", `/Users/${id}`, undefined, 404);
    await expectRefused("DELETE", `/Users/${id}`, undefined, 404);
    await expectRefused("PATCH", `/Users/${id}`, patch({ op: "replace", path: "active", value: false }), 404);
    expect(await find("Users", { filter: `id eq "${id}"` })).toMatchObject({ totalResults: 0 });
    expect(await done("POST", "/Users", body)).toMatchObject({ id, active: true });
  });

  test("a disabled user is still there under the name", async () => {
    const body = newUser();
    const { id } = await done("POST", "/Users", body);
    await done("PATCH", `/Users/${id}`, patch({ op: "Replace", path: "active", value: "False" }));
    await expectRefused("POST", "/Users", body, 409, "uniqueness");
    expect((await send("DELETE", `/Users/${id}`)).status).toBe(204);
    await expectRefused("GET", `/Users/${id}`, undefined, 404);
  });

  test("members are removed by a list of values, and one named twice is one", async () => {
    const users = [await makeUser(), await makeUser(), await makeUser()];
    const [ada, bob, eve] = users.map(({ id }) => ({ value: id }));
    const group = await makeGroup({ members: [ada, ada, bob] });
    await done(
      "PATCH",
      `/Groups/${group.id}`,
      patch(
        { op: "Add", path: "members", value: [eve, eve, ada] },
        { op: "Remove", path: "members", value: [ada, { value: bob?.value.toUpperCase() }] },
      ),
    );
    expect((await restMembers(group.id)).member_users).toEqual([eve?.value]);
    expect(
      await find("Groups", { filter: `id eq "${group.id}" and members eq "${eve?.value}"` }),
    ).toMatchObject({
      totalResults: 1,
    });
    expect(await find("Groups", { filter: `members[value eq "${ada?.value}"]` })).toMatchObject({
      totalResults: 0,
    });
    await done("PATCH", `/Groups/${group.id}`, patch({ op: "Remove", path: "members" }));
    expect((await restMembers(group.id)).member_users).toEqual([]);
  });
});

describe("users", () => {
  test("a name or an address that is no e-mail address takes one from elsewhere, or is refused", async () => {
    const address = newEmail();
    const emails = [
      { value: newEmail(), type: "home" },
      { value: address, type: "WORK" },
    ];
    const { id } = await makeUser({ userName: randomUUID(), emails });
    expect(await facade.owner.rest.ok("GET", `/v1/user/${id}`)).toMatchObject({ email: address });
    const { id: other } = await makeUser({ emails: undefined });
    expect((await getUser(other))["emails"]).toBeUndefined();
    const body = newUser({ userName: "ada", emails: [{ type: "work" }] });
    expect(await expectRefused("POST", "/Users", body, 400, "invalidValue")).toMatch(/^emails: /);
    const wrong = { userName: "ada", emails: [{ value: "x", primary: true }] };
    expect(await expectRefused("POST", "/Users", newUser(wrong), 400, "invalidValue")).toMatch(
      /^emails: must be an e-mail address/,
    );
  });

  test("nobody becomes somebody else by an address of their own choice", async () => {
    const victim = await facade.member([facade.builtIn.engineers]);
    const { email } = await facade.owner.rest.ok<{ email: string }>("GET", `/v1/user/${victim.id}`);
    const user = await makeUser({ emails: [{ value: email, primary: true }] });
    expect(user.id).not.toBe(victim.id);
    await expectRefused("POST", "/Users", newUser({ userName: "ada", emails: [{ value: email }] }), 400);
  });

  test("a name that is taken is refused before anybody comes or goes", async () => {
    const other = await makeUser();
    const gone = await makeUser({ active: false });
    const here = await makeUser();
    for (const [user, active] of [
      [gone, true],
      [here, false],
    ] as const) {
      const body = newUser({ userName: other["userName"], active });
      await expectRefused("PUT", `/Users/${user.id}`, body, 409, "uniqueness");
      const change = patch({ op: "replace", value: { active, userName: other["userName"] } });
      await expectRefused("PATCH", `/Users/${user.id}`, change, 409, "uniqueness");
    }
    expect([await isMember(gone.id), await isMember(here.id)]).toEqual([false, true]);
  });

  test("what is kept nowhere is passed over, and the rest of the request is done", async () => {
    const user = await makeUser();
    const custom = "urn:ietf:params:scim:schemas:extension:custom:2.0:User:costCenter";
    const sent = patch(
      { op: "add", path: custom, value: "7" },
      { op: "replace", path: "password", value: "secret" },
      { op: "add", path: "name.nickName", value: "A" },
      { op: "replace", path: "active", value: "False" },
    );
    expect(await done("PATCH", `/Users/${user.id}`, sent)).toMatchObject({ active: false });
    expect(await isMember(user.id)).toBe(false);
  });

  test("a number for a text is taken as its text", async () => {
    const enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
    const user = await makeUser({ [enterprise]: { employeeNumber: 701_984 } });
    expect(user[enterprise]).toEqual({ employeeNumber: "701984" });
  });

  test("a member who is invited under the name of somebody remembered is not found by it", async () => {
    const gone = await makeUser({ active: false, emails: undefined });
    const address = newEmail();
    await done("PATCH", `/Users/${gone.id}`, patch({ op: "replace", path: "userName", value: address }));
    await facade.owner.rest.ok("PATCH", "/v1/organization/members", { invite_users: { emails: [address] } });
    const { Resources } = await find("Users", { filter: `userName eq "${address}"` });
    expect(Resources.map(({ id }) => id)).toEqual([gone.id]);
  });

  test("one who is made inactive is remembered, and is no member until made active", async () => {
    const user = await makeUser({ active: false });
    expect(user).toMatchObject({ active: false });
    expect(await isMember(user.id)).toBe(false);
    await done("PATCH", `/Users/${user.id}`, patch({ op: "replace", path: "active", value: true }));
    expect(await isMember(user.id)).toBe(true);
  });

  test("the last Owner is neither disabled nor deleted, and stays as it was", async () => {
    const { id } = facade.owner;
    const before = await getUser(id);
    await expectRefused("PATCH", `/Users/${id}`, patch({ op: "replace", path: "active", value: false }), 400);
    await expectRefused("PUT", `/Users/${id}`, { ...before, active: false }, 400);
    await expectRefused("DELETE", `/Users/${id}`, undefined, 400);
    expect(await getUser(id)).toEqual(before);
  });

  test("are found by filters, page by page, with the attributes that are asked for", async () => {
    const title = randomUUID();
    const made = [await makeUser({ title }), await makeUser({ title }), await makeUser({ title })];
    const ids = made.map(({ id }) => id).toSorted();
    const filter = `title eq "${title.toUpperCase()}" and active eq true`;
    const all = await find("Users", { filter });
    expect(all.Resources.map(({ id }) => id)).toEqual(ids);
    const second = await find("Users", {
      filter,
      startIndex: "2",
      count: "1",
      attributes: "userName, name.givenName",
    });
    expect(second).toEqual({
      schemas: [`${messages}:ListResponse`],
      totalResults: 3,
      startIndex: 2,
      itemsPerPage: 1,
      Resources: [
        {
          schemas: [`${core}:User`],
          id: ids[1],
          userName: expect.any(String),
          name: { givenName: "Ada" },
        },
      ],
    });
    expect(await find("Users", { filter, count: "0" })).toMatchObject({ totalResults: 3, Resources: [] });
    expect(await find("Users", { filter, startIndex: "-5", count: "-5" })).toMatchObject({
      startIndex: 1,
      itemsPerPage: 0,
    });
    const { totalResults } = await find("Users", { count: "0" });
    const everybody = await find("Users", { count: "2", startIndex: String(totalResults) });
    expect(everybody).toMatchObject({ totalResults, itemsPerPage: 1 });
    const without = await find("Users", { filter, excludedAttributes: "name,emails.primary,meta,id" });
    for (const user of without.Resources) {
      expect(user).toMatchObject({ id: expect.any(String), emails: [{ type: "work" }] });
      expect(user).not.toHaveProperty("name");
      expect(user).not.toHaveProperty("emails[0].primary");
    }
    const searched = await send("POST", "/Users/.search", { filter, count: 2, attributes: ["id"] });
    expect(searched).toMatchObject({ status: 200, body: { totalResults: 3, itemsPerPage: 2 } });
    const { userName } = made[0] as unknown as { userName: string };
    expect(await find("Users", { filter: `userName eq "${userName}" and title eq "x"` })).toMatchObject({
      totalResults: 0,
    });
    expect(await find("Users", { filter: `userName eq "${userName}" or title eq "${title}"` })).toMatchObject(
      {
        totalResults: 3,
      },
    );
  });

  test("a name that another user has is refused, and nothing else of the change is done", async () => {
    const [ada, bob] = [await makeUser(), await makeUser()];
    const { userName } = bob as unknown as { userName: string };
    const wanted = patch({ op: "replace", value: { userName: userName.toUpperCase() } });
    await expectRefused("PATCH", `/Users/${ada.id}`, wanted, 409, "uniqueness");
    const newName = randomUUID();
    await done("PATCH", `/Users/${bob.id}`, patch({ op: "replace", path: "userName", value: newName }));
    expect(await done("PATCH", `/Users/${ada.id}`, wanted)).toMatchObject({
      userName: userName.toUpperCase(),
    });
  });

  test("who is sent the same twice has it once", async () => {
    const user = await makeUser();
    const before = await positions(facade.system, facade.org.orgId);
    await done("PUT", `/Users/${user.id}`, user);
    await done("PATCH", `/Users/${user.id}`, patch({ op: "add", path: "emails", value: user["emails"] }));
    expect(await positions(facade.system, facade.org.orgId)).toEqual(before);
  });

  test.each<[string, object, string]>([
    ["no name", { userName: null }, "invalidValue"],
    ["a name that is a list", { userName: ["a", "b"] }, "invalidValue"],
    ["a name that is too long", { userName: "x".repeat(256) }, "invalidValue"],
    ["a name with control characters", { userName: "a\u0000" }, "invalidValue"],
    ["a given name that is too long", { name: { givenName: "x".repeat(256) } }, "invalidValue"],
    ["an external id that is too long", { externalId: "x".repeat(256) }, "invalidValue"],
    ["an active that is a word", { active: "perhaps" }, "invalidValue"],
    [
      "two primary addresses",
      {
        emails: [
          { value: "a@x.y", primary: true },
          { value: "b@x.y", primary: true },
        ],
      },
      "invalidValue",
    ],
    [
      "too many addresses",
      { emails: Array.from({ length: 101 }, (_, n) => ({ value: `${n}@x.y` })) },
      "invalidValue",
    ],
    ["an address that is too long", { emails: [{ value: "x".repeat(321) }] }, "invalidValue"],
    ["a name given twice", { USERNAME: "x" }, "invalidSyntax"],
    [
      "too much",
      { roles: Array.from({ length: 50 }, () => ({ value: randomUUID(), display: "x".repeat(900) })) },
      "invalidValue",
    ],
  ])("is refused with %s, and nothing is done", async (_, wrong, scimType) => {
    await expectRefused("POST", "/Users", newUser(wrong), 400, scimType);
    const user = await makeUser();
    await expectRefused("PUT", `/Users/${user.id}`, { ...user, active: false, ...wrong }, 400, scimType);
  });
});

describe("groups", () => {
  test("hold users and groups, and service accounts that providers don't see and don't take out", async () => {
    const { added_users: added } = await facade.owner.rest.ok<{ added_users: { id: string }[] }>(
      "PATCH",
      "/v1/organization/members",
      { invite_users: { service_accounts: [{ name: randomUUID() }] } },
    );
    const robot = added[0]?.id ?? "";
    const [ada, inner] = [await makeUser(), await makeGroup()];
    const group = await makeGroup({ externalId: "g1", members: [{ value: ada.id }, { value: inner.id }] });
    expect(group).toMatchObject({
      externalId: "g1",
      members: [
        { value: ada.id, type: "User", $ref: `${facade.system.adminUrl}/scim/v2/Users/${ada.id}` },
        { value: inner.id, type: "Group", $ref: `${facade.system.adminUrl}/scim/v2/Groups/${inner.id}` },
      ],
    });
    expect(await find("Groups", { filter: `externalId eq "g1"` })).toMatchObject({ Resources: [group] });
    expect(await find("Groups", { filter: `members.value eq "${inner.id}"` })).toMatchObject({
      Resources: [group],
    });
    await facade.owner.rest.ok("PATCH", `/v1/group/${group.id}`, { add_member_users: [robot] });
    expect(await done("GET", `/Groups/${group.id}`)).toEqual(group);
    await done("PUT", `/Groups/${group.id}`, { displayName: group["displayName"] });
    expect(await restMembers(group.id)).toMatchObject({ member_users: [robot], member_groups: [] });
    expect(await done("GET", `/Groups/${group.id}`)).not.toHaveProperty("externalId");
    const wanted = patch({ op: "add", path: "members", value: { value: robot } });
    expect(await expectRefused("PATCH", `/Groups/${group.id}`, wanted, 400, "invalidValue")).toContain(robot);
  });

  test("a change of many members and the name is one event, or nothing when one of them is nobody", async () => {
    const [ada, bob] = [await makeUser(), await makeUser()];
    const group = await makeGroup({ members: [{ value: ada.id }] });
    const nobody = randomUUID();
    const operations = (id: string) =>
      patch(
        { op: "replace", path: "displayName", value: randomUUID() },
        { op: "remove", path: `members[value eq "${ada.id}"]` },
        { op: "add", path: "members", value: [{ value: bob.id }, { value: id }] },
      );
    expect(
      await expectRefused("PATCH", `/Groups/${group.id}`, operations(nobody), 400, "invalidValue"),
    ).toContain(nobody);
    const { id: gone } = await makeUser();
    await done("PATCH", `/Users/${gone}`, patch({ op: "replace", path: "active", value: false }));
    await expectRefused("PATCH", `/Groups/${group.id}`, operations(gone), 400, "invalidValue");
    await expectRefused("PATCH", `/Groups/${group.id}`, operations(facade.stranger.id), 400, "invalidValue");
    const { positions: before } = await facade.system.facts.groups.heads({ orgIds: [facade.org.orgId] });
    await done("PATCH", `/Groups/${group.id}`, operations(bob.id));
    const { positions: after } = await facade.system.facts.groups.heads({ orgIds: [facade.org.orgId] });
    expect(after).toEqual(before.map((position) => position + 1));
    expect((await restMembers(group.id)).member_users).toEqual([bob.id]);
  });

  test("a name that is taken is refused, and so is a circle", async () => {
    const [one, other] = [await makeGroup(), await makeGroup()];
    const body = { displayName: one["displayName"] };
    await expectRefused("POST", "/Groups", body, 409, "uniqueness");
    await expectRefused("PUT", `/Groups/${other.id}`, body, 409, "uniqueness");
    await expectRefused(
      "PATCH",
      `/Groups/${other.id}`,
      patch({ op: "replace", value: body }),
      409,
      "uniqueness",
    );
    await done("PATCH", `/Groups/${one.id}`, patch({ op: "add", value: { members: [{ value: other.id }] } }));
    await expectRefused(
      "PATCH",
      `/Groups/${other.id}`,
      patch({ op: "add", path: "members", value: [{ value: one.id }] }),
      400,
    );
  });

  test("built-in ones keep their names and stay, and Owners keeps an Owner", async () => {
    const { owners } = facade.builtIn;
    const group = await done("GET", `/Groups/${owners}`);
    expect(group).toMatchObject({ displayName: "Owners" });
    await expectRefused(
      "PATCH",
      `/Groups/${owners}`,
      patch({ op: "replace", value: { displayName: "x" } }),
      400,
      "mutability",
    );
    await expectRefused("DELETE", `/Groups/${owners}`, undefined, 400);
    await expectRefused("PUT", `/Groups/${owners}`, { displayName: "Owners", members: [] }, 400);
    await expectRefused("PATCH", `/Groups/${owners}`, patch({ op: "remove", path: "members" }), 400);
    const filter = `members[value eq "${facade.owner.id}"]`;
    await expectRefused("PATCH", `/Groups/${owners}`, patch({ op: "remove", path: filter }), 400);
    const user = await makeUser();
    await done("PUT", `/Groups/${owners}`, {
      ...group,
      members: [{ value: facade.owner.id }, { value: user.id }],
    });
    await done(
      "PATCH",
      `/Groups/${owners}`,
      patch({ op: "remove", path: "members", value: [{ value: user.id }] }),
    );
    expect(await done("GET", `/Groups/${owners}`)).toEqual(group);
  });

  test("are listed without members where those are not wanted", async () => {
    const group = await makeGroup({ members: [{ value: facade.viewer.id }] });
    const filter = `id eq "${group.id}"`;
    expect((await find("Groups", { filter, excludedAttributes: "members" })).Resources[0]).not.toHaveProperty(
      "members",
    );
    expect(await find("Groups", { filter: `displayName co "wner" and members pr` })).toMatchObject({
      Resources: [{ id: facade.builtIn.owners }],
    });
    expect((await send("POST", "/Groups/.search", { filter })).body).toMatchObject({ Resources: [group] });
    const { totalResults } = await find("Groups", { count: "0" });
    expect(await find("Groups", { startIndex: String(totalResults) })).toMatchObject({
      totalResults,
      itemsPerPage: 1,
    });
  });

  test.each<[string, object, string]>([
    ["no name", { displayName: "" }, "invalidValue"],
    ["a name that is too long", { displayName: "x".repeat(256) }, "invalidValue"],
    ["members that are words", { members: ["x"] }, "invalidValue"],
    ["a member without a value", { members: [{ type: "User" }] }, "invalidValue"],
    ["a member who is nobody", { members: [{ value: randomUUID() }] }, "invalidValue"],
  ])("is refused with %s, and nothing is done", async (_, wrong, scimType) => {
    await expectRefused("POST", "/Groups", { displayName: randomUUID(), ...wrong }, 400, scimType);
    const group = await makeGroup();
    await expectRefused("PUT", `/Groups/${group.id}`, { ...group, ...wrong }, 400, scimType);
  });
});

describe("what is wrong in itself", () => {
  test.each<[string, string, unknown, string]>([
    ["a filter that is none", "?filter=userName", undefined, "invalidFilter"],
    ["a filter that is too long", `?filter=${"x".repeat(1001)}`, undefined, "invalidFilter"],
    ["a page that is no number", "?startIndex=one", undefined, "invalidValue"],
    ["a count that is none", "?count=1.5", undefined, "invalidValue"],
  ])("%s is refused", async (_, query, body, scimType) => {
    await expectRefused("GET", `/Users${query}`, body, 400, scimType);
  });

  test.each<[string, unknown, string]>([
    ["a PATCH without operations", {}, "invalidSyntax"],
    ["an operation that is unknown", patch({ op: "move", path: "title" }), "invalidSyntax"],
    ["a path that can be none", patch({ op: "add", path: "colour of", value: "red" }), "invalidPath"],
    ["a path that is none", patch({ op: "add", path: "emails[", value: "x" }), "invalidPath"],
    ["a removal of nothing", patch({ op: "remove" }), "noTarget"],
    ["the id", patch({ op: "replace", path: "id", value: "x" }), "mutability"],
    ["a removal of the name", patch({ op: "remove", path: "userName" }), "mutability"],
    ["a list", [], "invalidSyntax"],
    ["no body", undefined, "invalidSyntax"],
  ])("%s is refused, and nothing before it is done", async (_, body, scimType) => {
    const user = await makeUser();
    await expectRefused("PATCH", `/Users/${user.id}`, body, 400, scimType);
  });

  test("bodies may be said to be JSON or SCIM's, and those of REST only JSON", async () => {
    const post = (path: string, type: string, body: string) =>
      fetch(`${facade.system.adminUrl}${path}`, {
        method: "POST",
        headers: { authorization: `Bearer ${facade.owner.key}`, "content-type": type },
        body,
      });
    const scim = "application/scim+json; charset=utf-8";
    expect((await post("/scim/v2/Users", scim, JSON.stringify(newUser()))).status).toBe(201);
    const rest = await post("/v1/group", scim, JSON.stringify({ name: randomUUID() }));
    expect({ status: rest.status, body: await rest.json() }).toMatchObject({
      status: 400,
      body: { error: "content-type: must be application/json" },
    });
    const text = await post("/scim/v2/Users", "text/plain", "x");
    expect({ status: text.status, body: await text.json() }).toMatchObject({
      status: 400,
      body: { schemas: [`${messages}:Error`] },
    });
    const broken = await post("/scim/v2/Users", scim, "{");
    expect({ status: broken.status, body: await broken.json() }).toMatchObject({
      status: 400,
      body: { scimType: "invalidSyntax" },
    });
  });
});

describe("another organization", () => {
  test("sees and changes none of its users, though they are the same people", async () => {
    const user = await makeUser({ externalId: randomUUID() });
    const { stranger } = facade;
    for (const filter of [
      `id eq "${user.id}"`,
      `userName eq "${user["userName"] as string}"`,
      `externalId eq "${user["externalId"] as string}"`,
      `emails.value eq "${user["userName"] as string}"`,
    ]) {
      expect(await find("Users", { filter }, stranger)).toMatchObject({ totalResults: 0 });
    }
    const before = await positions(facade.system, facade.org.orgId);
    const off = patch({ op: "replace", path: "active", value: false });
    for (const [method, body] of [["GET"], ["PUT", user], ["PATCH", off], ["DELETE"]] as const) {
      const { status } = await send(method, `/Users/${user.id}`, body, stranger);
      expect([method, status]).toEqual([method, 404]);
    }
    const { schemas, userName, emails } = user;
    const theirs = await send("POST", "/Users", { schemas, userName, emails, title: "Spy" }, stranger);
    expect(theirs).toMatchObject({ status: 201, body: { id: user.id } });
    expect((await send("DELETE", `/Users/${user.id}`, undefined, stranger)).status).toBe(204);
    expect(await getUser(user.id)).toEqual(user);
    expect(await positions(facade.system, facade.org.orgId)).toEqual(before);
  });
});
