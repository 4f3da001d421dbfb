import { randomUUID } from "node:crypto";
import { Fault } from "@portcullis/chassis/fault";
import type { InviteMembersRequest } from "@portcullis/proto/identity/v1/identity";
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from "vitest";
import {
  context,
  email,
  everybody,
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
  running.others.departures.length = 0;
});

describe("InviteMembers", () => {
  test("makes members of known users, addresses and service accounts, in this order, as one event", async () => {
    const known = await (await Organization.made(running)).user();
    const address = email();
    const { members, revision } = await org.invite({
      userIds: [known],
      users: [newUser(address, "Ada", "Lovelace")],
      serviceAccounts: [{ name: "deploy" }],
    });
    expect(members.map(({ added }) => added)).toEqual([true, true, true]);
    expect(members.map(({ principal }) => principal)).toMatchObject([
      { id: known, kind: "user" },
      { kind: "user", email: address, givenName: "Ada", familyName: "Lovelace" },
      { kind: "service_account", givenName: "deploy" },
    ]);
    expect(revision).toMatchObject({ position: 2, orgId: org.id });
    const ids = members.map(({ principal }) => principal?.id ?? "");
    const event = await org.lastEvent();
    expect(event).toMatchObject({ action: "members_invited", subject: { type: "organization", id: org.id } });
    expect(event?.touches.map(({ kind }) => kind?.$case === "member" && kind.value).sort()).toEqual(
      [...ids].sort(),
    );
    expect((await org.members()).sort()).toEqual([org.owner, ...ids].sort());
    expect(await org.fact(ids[2] ?? "")).toMatchObject({
      lo: 2,
      hi: 2,
      value: { $case: "member", value: { kind: "service_account" } },
    });
  });

  test("who is a member stays one, by whatever name it is called, and nothing is recorded", async () => {
    const address = email();
    const user = await org.user(address);
    const account = await org.serviceAccount("deploy");
    const head = await org.head();
    const { members, revision } = await org.invite({
      userIds: [user],
      users: [newUser(address.toUpperCase(), "Other")],
      serviceAccounts: [{ name: "deploy" }],
    });
    expect(members.map(({ principal, added }) => [principal?.id, added])).toEqual([
      [user, false],
      [user, false],
      [account, false],
    ]);
    expect(revision?.position).toBe(head);
    expect(await org.head()).toBe(head);
  });

  test("one named twice is one", async () => {
    const address = email();
    const { members } = await org.invite({
      users: [newUser(address), newUser(address.toUpperCase())],
      serviceAccounts: [{ name: "deploy" }, { name: "deploy" }, { name: "Deploy" }],
    });
    const ids = members.map(({ principal }) => principal?.id);
    expect(new Set(ids).size).toBe(3);
    expect(await org.members()).toHaveLength(4);
  });

  test("an address is one user in all organizations, also when many invite it at once", async () => {
    const addresses = Array.from({ length: 5 }, email);
    const others = await Promise.all([1, 2, 3, 4].map(() => Organization.made(running)));
    const invited = await Promise.all(
      others.map((other, index) =>
        other.invite({
          users: (index % 2 ? addresses : addresses.toReversed()).map((each) => newUser(each)),
        }),
      ),
    );
    const ids = invited.flatMap(({ members }) => members.map(({ principal }) => principal?.id));
    expect(new Set(ids).size).toBe(addresses.length);
  });

  test("takes some thousand at once", async () => {
    const users = Array.from({ length: 3001 }, () => newUser());
    const { members } = await org.invite({ users });
    expect(members.map(({ principal }) => principal?.email)).toEqual(users.map((each) => each.email));
    expect((await org.lastEvent())?.touchedKinds).toEqual(["member"]);
    expect(await org.fact(members[0]?.principal?.id ?? "")).toMatchObject({ lo: 2 });
  });

  const many = Array.from({ length: 10_001 }, () => randomUUID());
  test.each<[string, Partial<InviteMembersRequest>, string]>([
    ["no context", { context: undefined }, "context"],
    ["no request id", { context: { ...context, requestId: "" } }, "context.request_id"],
    ["a malformed organization", { orgId: "acme" }, "org_id"],
    ["a malformed user", { userIds: ["ada"] }, "user_ids[0]"],
    ["too many users", { userIds: many }, "user_ids"],
    ["an unknown user", { userIds: [randomUUID()] }, "user_ids[0]"],
    ["a bad address", { users: [newUser(), newUser("ada")] }, "users[1].email"],
    ["a given name that is too long", { users: [newUser(email(), "x".repeat(256))] }, "users[0].given_name"],
    ["a bad family name", { users: [newUser(email(), "", "\u0007")] }, "users[0].family_name"],
    ["a service account without a name", { serviceAccounts: [{ name: "" }] }, "service_accounts[0].name"],
    ["a name that is too long", { serviceAccounts: [{ name: "x".repeat(256) }] }, "service_accounts[0].name"],
  ])("refuses %s, and then invites nobody", async (_, wrong, field) => {
    const address = email();
    const request = { users: [newUser(address)], serviceAccounts: [{ name: "fine" }], ...wrong };
    await expect(org.invite(request)).rejects.toMatchObject({ kind: "invalid", field });
    expect(await org.members()).toEqual([org.owner]);
    expect(await org.head()).toBe(1);
  });

  test("a service account is nobody's user, in its own organization and in others", async () => {
    const other = await Organization.made(running);
    const account = await other.serviceAccount();
    const refused = { kind: "invalid", field: "user_ids[0]", message: "user_ids[0]: no such user" };
    await expect(org.invite({ userIds: [account] })).rejects.toMatchObject(refused);
    await expect(other.invite({ userIds: [account] })).rejects.toMatchObject(refused);
  });

  test("an organization that nobody made is absent", async () => {
    await expect(org.invite({ orgId: randomUUID(), users: [newUser()] })).rejects.toMatchObject({
      kind: "absent",
    });
  });
});

describe("RemoveMembers", () => {
  test("ends memberships by id and by address from the commit on, as one event", async () => {
    const address = email();
    const [ada, eve, account] = [await org.user(address), await org.user(), await org.serviceAccount()];
    const { removed, revision } = await org.remove(
      [eve, account, randomUUID()],
      [address.toUpperCase(), email()],
    );
    expect(removed.map(({ id }) => id).sort()).toEqual([ada, eve, account].sort());
    expect(await org.members()).toEqual([org.owner]);
    expect(await org.fact(ada)).toMatchObject({ lo: revision?.position, value: undefined });
    const event = await org.lastEvent();
    expect(event).toMatchObject({ action: "members_removed", position: revision?.position, afterJson: "" });
    const { members } = JSON.parse(event?.beforeJson ?? "") as { members: { id: string }[] };
    expect(members.map(({ id }) => id).sort()).toEqual([ada, eve, account].sort());
    expect(running.others.departures).toEqual([expect.arrayContaining([ada, eve, account])]);
  });

  test("who is no member is passed over, and nothing is recorded or asked", async () => {
    const foreign = await (await Organization.made(running)).user();
    const ada = await org.user();
    await org.remove([ada]);
    running.others.departures.length = 0;
    const head = await org.head();
    expect(await org.remove([foreign, ada, randomUUID()], ["nobody", email()])).toMatchObject({
      removed: [],
      revision: { position: head },
    });
    expect(running.others.departures).toEqual([]);
  });

  test("is refused whole when groups refuses, and when groups can't be asked", async () => {
    const ada = await org.user();
    const head = await org.head();
    running.others.onDeparture = () => Promise.reject(new Error("groups is broken"));
    try {
      await expect(org.remove([ada])).rejects.toThrow();
    } finally {
      running.others.onDeparture = async () => undefined;
    }
    expect(await org.head()).toBe(head);
    expect(await org.members()).toContain(ada);
    await org.remove([ada]);
  });

  /** Lets no event of this request be written, so that the write fails at its very end. */
  async function breakWrites(requestId: string): Promise<void> {
    const name = `break_${requestId.replaceAll("-", "_")}`;
    await running.database.query(
      `create function ${name}() returns trigger language plpgsql as $$
         begin raise exception 'broken'; end $$;
       create trigger ${name} before insert on event_log for each row
         when (new.request_id = '${requestId}') execute function ${name}()`,
    );
  }

  test("takes its reservation back at once when it fails, for all who stay", async () => {
    const [ada, eve] = [await org.user(), await org.user()];
    running.others.releases.length = 0;
    const requestId = randomUUID();
    await breakWrites(requestId);
    const removal = {
      context: { ...context, requestId },
      orgId: org.id,
      principalIds: [ada, eve],
      emails: [],
    };
    await expect(running.identity.removeMembers(removal)).rejects.toThrow();
    const [release, ...more] = running.others.releases;
    expect(more).toEqual([]);
    expect(release?.reservationId).toBe(running.others.reservations.at(-1));
    expect(release?.principalIds.toSorted()).toEqual([ada, eve].toSorted());
    expect(await org.members()).toEqual(expect.arrayContaining([ada, eve]));
    await org.remove([ada, eve]);
    expect(running.others.releases).toHaveLength(1);
  });

  test("takes nothing back when it is refused, or from whom another removal has removed", async () => {
    const ada = await org.user();
    running.others.releases.length = 0;
    running.others.onDeparture = () => Promise.reject(new Fault("refused", "the last Owner"));
    await expect(org.remove([ada])).rejects.toMatchObject({ kind: "refused" });
    expect(running.others.releases).toEqual([]);
    // Another removal waits for the lock while the first one fails: whichever comes next, its own reservation stands.
    const requestId = randomUUID();
    await breakWrites(requestId);
    running.others.reservations.length = 0;
    const others: Promise<unknown>[] = [];
    running.others.onDeparture = async () => {
      if (others.length === 0) others.push(org.remove([ada]));
    };
    const removal = { context: { ...context, requestId }, orgId: org.id, principalIds: [ada], emails: [] };
    await expect(running.identity.removeMembers(removal)).rejects.toThrow();
    await Promise.all(others);
    running.others.onDeparture = async () => undefined;
    expect(await org.members()).not.toContain(ada);
    const [first, second, ...more] = running.others.reservations;
    expect(more).toEqual([]);
    expect(second).not.toBe(first);
    expect(running.others.releases.map(({ reservationId }) => reservationId)).not.toContain(second);
  });

  test("two at once remove everybody once", async () => {
    const users = await Promise.all(Array.from({ length: 4 }, () => org.user()));
    const outcomes = await Promise.all([org.remove(users), org.remove(users), org.remove(users)]);
    expect(outcomes.map(({ removed }) => removed.length).sort((a, b) => a - b)).toEqual([0, 0, 4]);
  });

  test.each<[string, object, string]>([
    ["no context", { context: undefined }, "context"],
    ["a malformed organization", { orgId: "acme" }, "org_id"],
    ["a malformed principal", { principalIds: ["ada"] }, "principal_ids[0]"],
    ["too many principals", { principalIds: Array(10_001).fill(randomUUID()) }, "principal_ids"],
    ["an address that is too long", { emails: ["x".repeat(256)] }, "emails[0]"],
  ])("refuses %s", async (_, wrong, field) => {
    const request = { context, orgId: org.id, principalIds: [org.owner], emails: [], ...wrong };
    await expect(running.identity.removeMembers(request)).rejects.toMatchObject({ kind: "invalid", field });
    expect(await org.members()).toEqual([org.owner]);
  });
});

describe("coming back", () => {
  test.each(["group", "grant", "api_key", "service_token"] as const)(
    "waits until nothing is left of the earlier membership: a %s",
    async (what) => {
      const ada = await org.user();
      await org.remove([ada]);
      running.others.left.set(ada, what);
      let asked = 0;
      running.others.onQuestion = async () => {
        asked += 1;
        expect(await org.members()).toEqual([org.owner]);
        if (asked === 3) running.others.left.delete(ada);
      };
      try {
        expect((await org.invite({ userIds: [ada] })).members).toMatchObject([{ added: true }]);
      } finally {
        running.others.onQuestion = async () => undefined;
      }
      expect(asked).toBeGreaterThanOrEqual(3);
      expect((await org.members()).sort()).toEqual([org.owner, ada].sort());
    },
  );

  test("is put off when that does not end, for all who were invited together", async () => {
    const ada = await org.user();
    await org.remove([ada]);
    const head = await org.head();
    running.others.left.set(ada, "grant");
    await expect(org.invite({ userIds: [ada], users: [newUser()] })).rejects.toMatchObject({
      kind: "unavailable",
      retryAfterMs: 1000,
    });
    expect(await org.head()).toBe(head);
    expect(await org.members()).toEqual([org.owner]);
    running.others.left.delete(ada);
    await org.invite({ userIds: [ada] });
  });

  test("is put off when nobody can say what is left", async () => {
    const ada = await org.user();
    await org.remove([ada]);
    running.others.onQuestion = () => Promise.reject(new Error("groups is broken"));
    try {
      await expect(org.invite({ userIds: [ada] })).rejects.toThrow();
    } finally {
      running.others.onQuestion = async () => undefined;
    }
    expect(await org.members()).toEqual([org.owner]);
  });

  test("a removed service account's name makes a new one", async () => {
    const first = await org.serviceAccount("deploy");
    await org.remove([first]);
    const second = await org.serviceAccount("deploy");
    expect(second).not.toBe(first);
    expect(await org.fact(first)).toMatchObject({ value: undefined });
  });
});

describe("FindMembers", () => {
  test("answers the ids of active members in order, page by page, and where the log stood", async () => {
    const ids = [await org.user(), await org.user(), await org.user()];
    const gone = await org.user();
    await org.remove([gone]);
    const all = (await org.members()).toSorted();
    expect(all).toEqual(expect.arrayContaining(ids));
    for (const limit of [1, 2, 1000]) {
      const found: string[] = [];
      for (;;) {
        const page = await running.identity.findMembers({ orgId: org.id, after: found.at(-1) ?? "", limit });
        expect(page.revision?.position).toBe((await org.lastEvent())?.position);
        found.push(...page.principalIds);
        if (!page.more) break;
        expect(page.principalIds).toHaveLength(limit);
      }
      expect(found).toEqual(all);
    }
  });

  test.each([
    ["org_id", { orgId: "Acme" }],
    ["after", { after: "Ada" }],
    ["limit", { limit: 0 }],
    ["limit", { limit: 1001 }],
  ])("names the field that is wrong: %s", async (field, wrong) => {
    const request = { orgId: org.id, after: "", limit: 10, ...wrong };
    await expect(running.identity.findMembers(request)).rejects.toMatchObject({ kind: "invalid", field });
  });
});

describe("FindMemberships", () => {
  test("answers where somebody is an active member", async () => {
    const user = await org.user();
    const [other, third] = [await Organization.made(running), await Organization.made(running)];
    for (const each of [other, third]) await each.invite({ userIds: [user] });
    await third.remove([user]);
    const orgs = [org.id, other.id].toSorted();
    const find = (principalId: string, limit = 10) =>
      running.identity.findMemberships({ principalId, limit });
    expect(await find(user)).toEqual({ orgIds: orgs, more: false });
    expect(await find(user, 1)).toEqual({ orgIds: orgs.slice(0, 1), more: true });
    expect(await find(randomUUID())).toEqual({ orgIds: [], more: false });
  });

  test.each([
    ["principal_id", { principalId: "Ada" }],
    ["limit", { limit: 0 }],
    ["limit", { limit: 1001 }],
  ])("names the field that is wrong: %s", async (field, wrong) => {
    const request = { principalId: randomUUID(), limit: 10, ...wrong };
    await expect(running.identity.findMemberships(request)).rejects.toMatchObject({ kind: "invalid", field });
  });
});

describe("GetMembers, ListMembers", () => {
  test("answer active members alone, filtered, paged both ways", async () => {
    const users = [];
    for (const [given, family] of [
      ["Ada", "Lovelace"],
      ["Alan", "Turing"],
      ["Ada", "Yonath"],
    ]) {
      const { members } = await org.invite({ users: [newUser(email(), given, family)] });
      users.push(members[0]?.principal);
    }
    const account = await org.serviceAccount();
    const gone = await org.user();
    await org.remove([gone]);
    const list = async (more: object) =>
      (await running.identity.listMembers({ ...everybody(org.id), ...more })).members.map(({ id }) => id);
    const ids = users.map((user) => user?.id ?? "");
    const everyone = await list({});
    expect(everyone).toEqual([account, ...ids.toReversed(), org.owner]);
    expect(await list({ givenNames: ["Ada"] })).toEqual([ids[2], ids[0]]);
    expect(await list({ givenNames: ["Ada", "Alan"], familyNames: ["Turing"] })).toEqual([ids[1]]);
    expect(await list({ givenNames: ["ada"] })).toEqual([]);
    expect(await list({ emails: [users[1]?.email?.toUpperCase()] })).toEqual([ids[1]]);
    expect(await list({ ids: [ids[0], gone, randomUUID()] })).toEqual([ids[0]]);
    expect(await list({ kind: "service_account" })).toEqual([account]);
    const page = (more: object) => list({ page: { limit: 2, startingAfter: "", endingBefore: "", ...more } });
    expect(await page({})).toEqual(everyone.slice(0, 2));
    expect(await page({ startingAfter: everyone[1] })).toEqual(everyone.slice(2, 4));
    expect(await page({ endingBefore: everyone[4] })).toEqual(everyone.slice(2, 4));
    expect(await page({ limit: 0 })).toEqual([]);
    const { members } = await running.identity.getMembers({
      orgId: org.id,
      principalIds: [...ids, gone, randomUUID()],
    });
    expect(members.map(({ id }) => id).sort()).toEqual([...ids].sort());
  });

  test("refuse bad filters and cursors", async () => {
    const foreign = await (await Organization.made(running)).user();
    const list = (more: object) => running.identity.listMembers({ ...everybody(org.id), ...more });
    const wrong: [() => Promise<unknown>, string][] = [
      [() => list({ orgId: "acme" }), "org_id"],
      [() => list({ kind: "robot" }), "kind"],
      [() => list({ ids: ["ada"] }), "ids[0]"],
      [() => list({ page: { limit: 10_001, startingAfter: "", endingBefore: "" } }), "page.limit"],
      [() => list({ page: { startingAfter: foreign, endingBefore: "" } }), "page.starting_after"],
      [() => list({ page: { startingAfter: "", endingBefore: randomUUID() } }), "page.ending_before"],
      [() => list({ page: { startingAfter: org.owner, endingBefore: org.owner } }), "page"],
      [() => running.identity.getMembers({ orgId: org.id, principalIds: ["ada"] }), "principal_ids[0]"],
      [() => running.identity.getMembers({ orgId: "", principalIds: [] }), "org_id"],
    ];
    for (const [call, field] of wrong) await expect(call()).rejects.toMatchObject({ kind: "invalid", field });
  });
});
