import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import {
  context,
  email,
  newUser,
  Organization,
  type RunningIdentity,
  runIdentity,
} from "./running-identity.ts";

let running: RunningIdentity;
beforeAll(async () => {
  running = await runIdentity({ databaseUrl: inject("databaseUrl"), redisUrl: inject("redisUrl") });
});
afterAll(() => running[Symbol.asyncDispose]());

const nameTaken = { kind: "refused", message: "the name is taken by another organization" };

describe("EnsureUser", () => {
  test("makes a user once, whatever the case of the address, and leaves its names", async () => {
    const address = email();
    const first = await running.identity.ensureUser({ user: newUser(address, "Ada", "Lovelace") });
    expect(first.user).toMatchObject({
      kind: "user",
      email: address,
      givenName: "Ada",
      familyName: "Lovelace",
    });
    const again = await running.identity.ensureUser({ user: newUser(address.toUpperCase(), "Eve") });
    expect(again).toEqual(first);
  });

  test("many at once make one user", async () => {
    const address = email();
    const made = await Promise.all(
      Array.from({ length: 8 }, () => running.identity.ensureUser({ user: newUser(address) })),
    );
    expect(new Set(made.map(({ user }) => user?.id)).size).toBe(1);
  });

  test.each([
    "",
    "ada",
    "ada@",
    "@example.com",
    "a b@example.com",
    `${"a".repeat(250)}@example.com`,
    "ä@example.com",
  ])("refuses `%s` as an address", async (address) => {
    await expect(running.identity.ensureUser({ user: newUser(address) })).rejects.toMatchObject({
      kind: "invalid",
      field: "user.email",
    });
  });
});

describe("FindUser", () => {
  test("finds a user whatever the case of the address, and makes nobody", async () => {
    const address = email();
    const absent = { kind: "absent", message: "no such user" };
    await expect(running.identity.findUser({ email: address })).rejects.toMatchObject(absent);
    await expect(running.identity.findUser({ email: address })).rejects.toMatchObject(absent);
    const made = await running.identity.ensureUser({ user: newUser(address) });
    expect(await running.identity.findUser({ email: address.toUpperCase() })).toEqual(made);
  });

  test.each(["", "ada", "ä@example.com"])("refuses `%s` as an address", async (address) => {
    await expect(running.identity.findUser({ email: address })).rejects.toMatchObject({
      kind: "invalid",
      field: "email",
    });
  });
});

describe("CreateOrganization", () => {
  async function wanted(name: string = randomUUID()) {
    const owner = newUser();
    const { user } = await running.identity.ensureUser({ user: owner });
    return { context, id: randomUUID(), name, ownerId: user?.id ?? "", owner };
  }

  test("makes the organization with its first member as one event, and repeating it changes nothing", async () => {
    const request = await wanted();
    const made = await running.identity.createOrganization(request);
    expect(made).toMatchObject({
      organization: { id: request.id, name: request.name, settingsJson: "{}" },
      owner: { id: request.ownerId, email: request.owner.email },
      revision: { orgId: request.id, owner: "identity", position: 1 },
    });
    expect(await running.identity.createOrganization(request)).toEqual(made);
    const { events } = await running.facts.readLog({ orgId: request.id, after: 0, limit: 0 });
    expect(events.map(({ action }) => action)).toEqual(["organization_created"]);
    expect(events[0]?.touches).toEqual([
      { orgId: request.id, kind: { $case: "member", value: request.ownerId } },
    ]);
  });

  test("the same one many times at once is made once", async () => {
    const request = await wanted();
    await Promise.all(Array.from({ length: 6 }, () => running.identity.createOrganization(request)));
    expect((await running.facts.heads({ orgIds: [request.id] })).positions).toEqual([1]);
  });

  test("one of two of one name is refused, one after the other and at once", async () => {
    const first = await wanted();
    await running.identity.createOrganization(first);
    const second = await wanted(first.name);
    await expect(running.identity.createOrganization(second)).rejects.toMatchObject(nameTaken);
    expect((await running.facts.heads({ orgIds: [second.id] })).positions).toEqual([0]);
    await running.identity.createOrganization(await wanted(first.name.toUpperCase()));

    const [third, fourth] = [await wanted("Together"), await wanted("Together")];
    const outcomes = await Promise.allSettled([
      running.identity.createOrganization(third),
      running.identity.createOrganization(fourth),
    ]);
    expect(outcomes.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
  });

  test("refuses an id that is in use, and an owner whose address and id are not one user's", async () => {
    const request = await wanted();
    await running.identity.createOrganization(request);
    const refused = { kind: "refused" };
    const create = (more: object) => running.identity.createOrganization({ ...request, ...more });
    await expect(create({ name: randomUUID() })).rejects.toMatchObject(refused);
    const other = await wanted();
    await expect(create({ ownerId: other.ownerId, owner: other.owner })).rejects.toMatchObject(refused);
    await expect(create({ id: randomUUID(), name: "x", ownerId: other.ownerId })).rejects.toMatchObject(
      refused,
    );
    await expect(create({ id: randomUUID(), name: "x", owner: newUser() })).rejects.toMatchObject(refused);
    expect((await running.facts.heads({ orgIds: [request.id] })).positions).toEqual([1]);
  });

  test.each([
    ["no context", { context: undefined }, "context"],
    ["no request id", { context: { ...context, requestId: "" } }, "context.request_id"],
    ["a malformed id", { id: "acme" }, "id"],
    ["an empty name", { name: "" }, "name"],
    ["a name that is too long", { name: "x".repeat(256) }, "name"],
    ["a malformed owner", { ownerId: "ada" }, "owner_id"],
    ["no owner", { owner: undefined }, "owner"],
    ["a bad address", { owner: newUser("ada") }, "owner.email"],
    ["a given name that is too long", { owner: newUser(email(), "x".repeat(256)) }, "owner.given_name"],
    ["a bad family name", { owner: newUser(email(), "Ada", "a\u0000") }, "owner.family_name"],
  ])("refuses %s", async (_, wrong, field) => {
    const request = await wanted();
    await expect(running.identity.createOrganization({ ...request, ...wrong })).rejects.toMatchObject({
      kind: "invalid",
      field,
    });
    await expect(running.identity.findOrganization({ name: request.name })).rejects.toMatchObject({
      kind: "absent",
    });
  });
});

describe("GetOrganization, FindOrganization", () => {
  test("find by id and by the exact name", async () => {
    const org = await Organization.made(running, `Found ${randomUUID()}`);
    const byId = await running.identity.getOrganization({ id: org.id });
    expect(await running.identity.findOrganization({ name: org.name })).toEqual(byId);
    const absent = { kind: "absent", message: "no such organization" };
    await expect(running.identity.findOrganization({ name: org.name.toLowerCase() })).rejects.toMatchObject(
      absent,
    );
    await expect(running.identity.getOrganization({ id: randomUUID() })).rejects.toMatchObject(absent);
    await expect(running.identity.getOrganization({ id: "acme" })).rejects.toMatchObject({ field: "id" });
    await expect(running.identity.findOrganization({ name: "" })).rejects.toMatchObject({ field: "name" });
  });
});

describe("UpdateOrganization", () => {
  function update(org: Organization, edit: { name?: string; settings?: object | string }) {
    const { settings } = edit;
    return running.identity.updateOrganization({
      context,
      id: org.id,
      name: edit.name,
      settingsJson: typeof settings === "object" ? JSON.stringify(settings) : settings,
    });
  }

  test("replaces the settings that are given, keeps the others, and records what changed", async () => {
    const org = await Organization.made(running);
    await update(org, { settings: { api_url: "https://a.example", is_universal_api: true } });
    const { organization, revision } = await update(org, {
      name: `${org.name} 2`,
      settings: { api_url: null },
    });
    expect(organization?.name).toBe(`${org.name} 2`);
    expect(JSON.parse(organization?.settingsJson ?? "")).toEqual({ api_url: null, is_universal_api: true });
    expect(revision?.position).toBe(3);
    const event = await org.lastEvent();
    expect(event).toMatchObject({ action: "organization_updated", touches: [] });
    expect(JSON.parse(event?.beforeJson ?? "")).toMatchObject({ name: org.name });
    expect(await running.identity.getOrganization({ id: org.id })).toEqual({ organization });
  });

  test("records nothing when nothing changes", async () => {
    const org = await Organization.made(running);
    await update(org, { settings: { a: { b: [1] } } });
    const head = await org.head();
    for (const edit of [{}, { name: org.name }, { settings: { a: { b: [1] } } }, { settings: "" }]) {
      expect((await update(org, edit)).revision?.position).toBe(head);
    }
    expect(await org.head()).toBe(head);
  });

  test("refuses a name that another has, one after the other and at once", async () => {
    const [one, two] = [await Organization.made(running), await Organization.made(running)];
    await expect(update(one, { name: two.name })).rejects.toMatchObject(nameTaken);
    const name = randomUUID();
    const outcomes = await Promise.allSettled([update(one, { name }), update(two, { name })]);
    expect(outcomes.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    expect((await one.head()) + (await two.head())).toBe(3);
  });

  test("refuses bad input, and changes nothing", async () => {
    const org = await Organization.made(running);
    const wrong: [() => Promise<unknown>, string][] = [
      [() => update(org, { name: "" }), "name"],
      [() => update(org, { name: "x".repeat(256) }), "name"],
      [() => update(org, { settings: "[]" }), "settings_json"],
      [() => update(org, { settings: "{" }), "settings_json"],
      [() => update(org, { settings: { big: "x".repeat(65_536) } }), "settings_json"],
      [() => running.identity.updateOrganization({ context: undefined, id: org.id }), "context"],
      [() => running.identity.updateOrganization({ context, id: "acme" }), "id"],
    ];
    for (const [call, field] of wrong) await expect(call()).rejects.toMatchObject({ kind: "invalid", field });
    await expect(running.identity.updateOrganization({ context, id: randomUUID() })).rejects.toMatchObject({
      kind: "absent",
    });
    expect(await org.head()).toBe(1);
    await update(org, { settings: { one: "x".repeat(40_000) } });
    await expect(update(org, { settings: { two: "x".repeat(40_000) } })).rejects.toMatchObject({
      field: "settings_json",
    });
    expect(await org.head()).toBe(2);
  });
});
