import { randomUUID } from "node:crypto";
import type {
  FindProvisionedUsersRequest,
  ProvisionedRecord,
  PutProvisionedUserRequest,
} from "@portcullis/proto/identity/v1/identity";
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from "vitest";
import {
  context,
  email,
  newUser,
  Organization,
  type RunningIdentity,
  runIdentity,
} from "./running-identity.ts";

let running: RunningIdentity;
let org: Organization;
beforeAll(async () => {
  running = await runIdentity({ databaseUrl: inject("databaseUrl"), redisUrl: inject("redisUrl") });
});
afterAll(() => running[Symbol.asyncDispose]());
beforeEach(async () => {
  org = await Organization.made(running);
});

function record(more: Partial<ProvisionedRecord> = {}): ProvisionedRecord {
  return {
    userName: randomUUID(),
    externalId: undefined,
    attributesJson: "{}",
    emails: [],
    created: undefined,
    updated: undefined,
    ...more,
  };
}

function put(principalId: string, said: ProvisionedRecord, more: Partial<PutProvisionedUserRequest> = {}) {
  return running.identity.putProvisionedUser({
    context,
    orgId: org.id,
    principalId,
    record: said,
    mustBeNew: false,
    ...more,
  });
}

function forget(principalId: string) {
  return running.identity.deleteProvisionedUser({ context, orgId: org.id, principalId });
}

async function find(more: Partial<FindProvisionedUsersRequest> = {}) {
  const { users, total } = await running.identity.findProvisionedUsers({
    orgId: org.id,
    ids: [],
    after: "",
    skip: 0,
    limit: 1000,
    ...more,
  });
  return { total, users, ids: users.map(({ principal }) => principal?.id ?? "") };
}

describe("PutProvisionedUser", () => {
  test("keeps what is said, as one event, and nobody becomes or stops being a member", async () => {
    const ada = await org.user();
    const said = record({
      userName: "Ada",
      externalId: "00u1",
      attributesJson: `{"title":"Countess"}`,
      emails: ["Ada@X.example", "ada@x.example"],
    });
    const members = await org.members();
    const { user, revision } = await put(ada, said);
    expect(user).toMatchObject({
      principal: { id: ada },
      active: true,
      record: { ...said, emails: ["ada@x.example"], created: expect.any(Date), updated: expect.any(Date) },
    });
    expect(await org.lastEvent()).toMatchObject({
      action: "user_provisioned",
      subject: { type: "member", id: ada },
      touches: [],
    });
    expect(revision?.position).toBe(await org.head());
    expect(await org.members()).toEqual(members);
    expect((await find({ ids: [ada] })).users).toEqual([user]);
  });

  test("what says the same again is no event", async () => {
    const ada = await org.user();
    const said = record({ attributesJson: `{"a":1,"b":[{"c":true}]}`, emails: ["a@x"] });
    await put(ada, said);
    const head = await org.head();
    await put(ada, { ...said, attributesJson: `{"b":[{"c":true}],"a":1}` });
    expect(await org.head()).toBe(head);
  });

  test("a record goes on when the member leaves, and may be made of somebody who is none", async () => {
    const ada = await org.user();
    await put(ada, record());
    await org.remove([ada]);
    expect((await find({ ids: [ada] })).users).toMatchObject([{ active: false }]);
    const { user } = await running.identity.ensureUser({ user: newUser() });
    const bob = user?.id ?? "";
    expect((await put(bob, record())).user).toMatchObject({ active: false });
    expect(await org.members()).toEqual([org.owner]);
  });

  test("names are unique in their organization without regard to case, those of members without a record too", async () => {
    const address = email();
    const [ada, bob] = [await org.user(), await org.user(address)];
    await put(ada, record({ userName: "Ada" }));
    const taken = { kind: "refused", field: "user_name" };
    await expect(put(bob, record({ userName: "aDA" }))).rejects.toMatchObject(taken);
    await expect(put(ada, record({ userName: address.toUpperCase() }))).rejects.toMatchObject(taken);
    await put(ada, record({ userName: "ada" }));
    await put(bob, record({ userName: address }));
    await put(bob, record({ userName: "bob" }));
    await put(ada, record({ userName: address }));
    const other = await Organization.made(running);
    await put(bob, record({ userName: address }), { orgId: other.id });
  });

  test("of two that say the name at once, one gets it", async () => {
    const users = await Promise.all([1, 2, 3, 4].map(() => org.user()));
    const outcomes = await Promise.allSettled(users.map((each) => put(each, record({ userName: "one" }))));
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  });

  test("where it must be new, a record that stands is left alone", async () => {
    const ada = await org.user();
    await put(ada, record({ userName: "ada" }), { mustBeNew: true });
    await expect(put(ada, record({ userName: "eve" }), { mustBeNew: true })).rejects.toMatchObject({
      kind: "refused",
      field: "principal_id",
    });
    expect((await find({ ids: [ada] })).users).toMatchObject([{ record: { userName: "ada" } }]);
  });

  test.each<[string, Partial<ProvisionedRecord>, string]>([
    ["no name", { userName: "" }, "record.user_name"],
    ["a name that is too long", { userName: "x".repeat(256) }, "record.user_name"],
    ["an empty external id", { externalId: "" }, "record.external_id"],
    ["attributes that are no JSON", { attributesJson: "{" }, "record.attributes_json"],
    ["attributes that are a list", { attributesJson: "[]" }, "record.attributes_json"],
    [
      "attributes that are too large",
      { attributesJson: `{"a":"${"x".repeat(33_000)}"}` },
      "record.attributes_json",
    ],
    ["too many addresses", { emails: Array.from({ length: 101 }, email) }, "record.emails"],
    ["an empty address", { emails: ["a", ""] }, "record.emails[1]"],
  ])("refuses %s", async (_, wrong, field) => {
    const ada = await org.user();
    const head = await org.head();
    await expect(put(ada, record(wrong))).rejects.toMatchObject({ kind: "invalid", field });
    expect(await org.head()).toBe(head);
  });

  test("the unknown, service accounts and organizations that nobody made are absent", async () => {
    const absent = { kind: "absent" };
    await expect(put(randomUUID(), record())).rejects.toMatchObject(absent);
    await expect(put(await org.serviceAccount(), record())).rejects.toMatchObject(absent);
    await expect(put(org.owner, record(), { orgId: randomUUID() })).rejects.toMatchObject(absent);
    await expect(put("ada", record())).rejects.toMatchObject({ kind: "invalid", field: "principal_id" });
  });
});

describe("DeleteProvisionedUser", () => {
  test("forgets the record, as one event; where there is none, nothing happens", async () => {
    const ada = await org.user();
    await put(ada, record());
    await forget(ada);
    expect(await org.lastEvent()).toMatchObject({
      action: "user_deprovisioned",
      subject: { type: "member", id: ada },
    });
    expect((await find({ ids: [ada] })).users).toMatchObject([{ active: true, record: undefined }]);
    const head = await org.head();
    await forget(ada);
    await forget(randomUUID());
    expect(await org.head()).toBe(head);
  });

  test("a former member without a record is found no more", async () => {
    const ada = await org.user();
    await put(ada, record());
    await org.remove([ada]);
    await forget(ada);
    expect(await find({ ids: [ada] })).toMatchObject({ total: 0, users: [] });
  });
});

describe("FindProvisionedUsers", () => {
  test("finds active users and those with a record, in the order of ids, page by page", async () => {
    const users = await Promise.all([1, 2, 3, 4, 5].map(() => org.user()));
    const [gone = "", kept = ""] = users;
    await put(kept, record());
    await org.serviceAccount();
    await org.remove([gone, kept]);
    const expected = [org.owner, ...users.slice(1)].sort();
    expect(await find()).toMatchObject({ total: 5, ids: expected });
    expect(await find({ skip: 1, limit: 2 })).toMatchObject({ total: 5, ids: expected.slice(1, 3) });
    expect(await find({ after: expected[1] ?? "", skip: 1 })).toMatchObject({ ids: expected.slice(3) });
    expect(await find({ limit: 0 })).toMatchObject({ total: 5, ids: [] });
    expect(await find({ skip: 1000 })).toMatchObject({ total: 5, ids: [] });
  });

  test("by name, external id and address; every filter must fit", async () => {
    const address = email();
    const [ada, bob] = [await org.user(address), await org.user()];
    expect((await find({ userName: address.toUpperCase() })).ids).toEqual([ada]);
    await put(ada, record({ userName: "Ada", externalId: "X1", emails: ["Second@x.example"] }));
    await put(bob, record({ userName: "Bob", externalId: "x1" }));
    expect((await find({ userName: address })).ids).toEqual([]);
    expect((await find({ userName: "aDa" })).ids).toEqual([ada]);
    expect((await find({ externalId: "X1" })).ids).toEqual([ada]);
    expect((await find({ email: address.toUpperCase() })).ids).toEqual([ada]);
    expect((await find({ email: "second@X.example" })).ids).toEqual([ada]);
    expect((await find({ userName: "ada", externalId: "x1" })).ids).toEqual([]);
    expect((await find({ ids: [bob], userName: "ada" })).ids).toEqual([]);
    expect((await find({ userName: "" })).ids).toEqual([]);
  });

  test("another organization's records and users are its own", async () => {
    const other = await Organization.made(running);
    const address = email();
    const foreign = await other.user(address);
    await put(foreign, record({ userName: "eve", externalId: "E", emails: ["e@x"] }), { orgId: other.id });
    for (const filter of [
      { ids: [foreign] },
      { userName: "eve" },
      { userName: address },
      { externalId: "E" },
      { email: "e@x" },
      { email: address },
    ]) {
      expect(await find(filter)).toMatchObject({ total: 0, ids: [] });
    }
    const both = await org.user(address);
    expect(both).toBe(foreign);
    expect((await find({ ids: [both] })).users).toMatchObject([{ active: true, record: undefined }]);
  });

  test("refuses what can't be", async () => {
    const refused = (field: string) => ({ kind: "invalid", field });
    await expect(find({ limit: 1001 })).rejects.toMatchObject(refused("limit"));
    await expect(find({ after: "x" })).rejects.toMatchObject(refused("after"));
    await expect(find({ ids: ["x"] })).rejects.toMatchObject(refused("ids[0]"));
    await expect(find({ userName: "\u0000" })).rejects.toMatchObject(refused("user_name"));
    await expect(find({ email: "x".repeat(1001) })).rejects.toMatchObject(refused("email"));
  });
});
