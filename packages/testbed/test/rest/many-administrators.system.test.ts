import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Facade, newEmail, type Objects, startFacade } from "./facade.ts";

// Two hundred administrators edit the same few things at once: nobody's edit is lost, no rule is broken, nothing fails but
// with a reason.

const administratorCount = 200;
/** Members who may read, and try all the same. */
const viewerCount = 10;
const sharedGroupCount = 6;
/** So many read, change and write back the same thing. */
const writersOfEach = 4;
const triesMax = 100;

interface Group {
  readonly id: string;
  readonly name: string;
  readonly description: string | null;
  readonly member_users: readonly string[];
  readonly member_groups: readonly string[];
}

interface Acl {
  readonly id: string;
  readonly user_id: string | null;
  readonly permission: string | null;
}

interface Administrator {
  readonly id: string;
  readonly number: number;
  readonly key: string;
}

interface Answer {
  readonly status: number;
  readonly etag: string;
  readonly body: unknown;
}

type Noun = "group" | "role";

let facade: Facade;
let administrators: readonly Administrator[];
let viewers: readonly Administrator[];
/** Who is in Owners when it begins. Each is removed by somebody, and one can't be. */
let ownerIds: readonly string[];
/** Everybody adds themself to it. */
let everybody: Group;
/** Everybody nests them. */
let shared: readonly Group[];
/** Each is read, changed and written back by some: who is in a group's list, who has signed a description. */
let listed: readonly Group[];
let signed: readonly (Group & { readonly noun: Noun })[];
let projectId: string;
/** What everybody makes, and what everybody wants to call something that is there. */
const sameName = randomUUID();
const takenName = randomUUID();

/** How often which status came. */
const statuses = new Map<number, number>();

beforeAll(async () => {
  facade = await startFacade();
  const { rest } = facade.owner;
  const make = (noun: string) =>
    rest.ok<Group>("POST", `/v1/${noun}`, { name: randomUUID(), description: "" });
  const several = (noun: Noun, count: number) =>
    Promise.all(Array.from({ length: count }, async () => ({ ...(await make(noun)), noun })));
  const rewritten = Math.floor(administratorCount / writersOfEach / 2);
  everybody = await make("group");
  shared = await several("group", sharedGroupCount);
  listed = await several("group", rewritten);
  signed = [...(await several("group", 12)), ...(await several("role", 13))];
  projectId = (await make("project")).id;
  const { id: administrating } = await rest.ok<Group>("POST", "/v1/group", {
    name: randomUUID(),
    member_users: [facade.owner.id],
  });
  const { objects } = await rest.ok<Objects<{ id: string }>>("GET", "/v1/role?role_name=Owner");
  await rest.ok("POST", "/v1/acl", {
    object_type: "organization",
    object_id: facade.org.orgId,
    group_id: administrating,
    role_id: objects[0]?.id,
  });
  const half = administratorCount / 2;
  const owners = await invite(half, [administrating, facade.builtIn.owners]);
  ownerIds = [facade.owner.id, ...owners.map(({ id }) => id)];
  administrators = [...owners, ...(await invite(half, [administrating]))].map((administrator, number) => ({
    ...administrator,
    number,
  }));
  viewers = await invite(viewerCount, [facade.builtIn.viewers]);
});
afterAll(() => facade?.[Symbol.asyncDispose]());

async function invite(count: number, groupIds: readonly string[]): Promise<Administrator[]> {
  const { system, owner, org } = facade;
  const emails = Array.from({ length: count }, newEmail);
  const { added_users: added } = await owner.rest.ok<{ added_users: { id: string }[] }>(
    "PATCH",
    "/v1/organization/members",
    { invite_users: { emails, group_ids: groupIds } },
  );
  return Promise.all(
    added.map(async ({ id }, number) => {
      const { secret } = await system.tokens.createCredential({
        context: { actor: undefined, requestId: "test", sourceAddress: "", unchangedSince: [] },
        orgId: org.orgId,
        kind: "api_key",
        principalId: id,
        name: "test",
        expiresAt: undefined,
        scope: undefined,
        replace: false,
      });
      return { id, number, key: secret };
    }),
  );
}

/** Sends a request as a careful client does: told to wait, it waits, and asks again. */
async function send(
  { key }: Pick<Administrator, "key">,
  method: string,
  path: string,
  body?: unknown,
  ifMatch?: string,
): Promise<Answer> {
  for (let tries = 0; tries < triesMax; tries++) {
    const response = await fetch(`${facade.system.adminUrl}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${key}`,
        ...(body !== undefined && { "content-type": "application/json" }),
        ...(ifMatch !== undefined && { "if-match": ifMatch }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const { status, headers } = response;
    const answer = (await response.json()) as unknown;
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
    if (status !== 503 && status !== 429) {
      return { status, etag: headers.get("etag") ?? "", body: answer };
    }
    const seconds = Number(headers.get("retry-after"));
    expect(seconds).toBeGreaterThan(0);
    await delay(seconds * 1000);
  }
  throw new Error(`${method} ${path} was put off ${triesMax} times`);
}

async function done(who: Administrator, method: string, path: string, body: unknown): Promise<void> {
  const answer = await send(who, method, path, body);
  expect([method, path, answer]).toMatchObject([method, path, { status: 200 }]);
}

/** Reads, changes and writes back, until nobody was faster. Null: what is wanted is there already. */
async function rewrite(
  who: Administrator,
  path: string,
  change: (seen: Group) => object | null,
): Promise<void> {
  for (let tries = 0; tries < triesMax; tries++) {
    const { etag, body } = await send(who, "GET", path);
    const changes = change(body as Group);
    // A write that was answered 503 may have been done.
    if (changes === null) return;
    const { status } = await send(who, "PATCH", path, changes, etag);
    if (status === 200) return;
    expect(status).toBe(409);
    await delay(Math.random() * 100 * tries);
  }
  throw new Error(`${path} was changed by others ${triesMax} times`);
}

/** The one of several that is that one's. */
function theirs<T>(several: readonly T[], number: number): T {
  const one = several[number % several.length];
  if (one === undefined) throw new Error("there is none");
  return one;
}

function signers({ description }: Pick<Group, "description">): readonly string[] {
  return (description ?? "").split(" ").filter((signer) => signer !== "");
}

/** An edit that the rules may refuse. */
async function attempt(who: Administrator, path: string, body: object): Promise<void> {
  const { status, body: answer } = await send(who, "PATCH", path, body);
  expect([path, status, answer]).toEqual([path, status === 400 ? 400 : 200, answer]);
}

/** Which ACLs on the project must be there in the end: what was acknowledged. */
const granted = new Set<string>();

async function grant(who: Administrator): Promise<void> {
  const acls = (...permissions: string[]) =>
    permissions.map((permission) => ({
      object_type: "project",
      object_id: projectId,
      user_id: who.id,
      permission,
    }));
  await done(who, "POST", "/v1/acl/batch_update", { add_acls: acls("read", "update", "delete") });
  const kept = who.number % 2 === 0 ? "read" : "delete";
  const lost = kept === "read" ? "delete" : "read";
  await done(who, "POST", "/v1/acl/batch-update", {
    add_acls: acls("create"),
    remove_acls: acls("update", lost),
  });
  granted.add(`${who.id} create`).add(`${who.id} ${kept}`);
}

async function work(who: Administrator): Promise<void> {
  const inner = theirs(shared, who.number);
  const outer = theirs(shared, who.number * 7 + 1);
  await done(who, "PATCH", `/v1/group/${everybody.id}`, { add_member_users: [who.id] });
  await attempt(who, `/v1/group/${outer.id}`, { add_member_groups: [inner.id] });
  if (who.number % 2 === 0) {
    await rewrite(who, `/v1/group/${theirs(listed, who.number / 2).id}`, ({ member_users: members }) =>
      members.includes(who.id) ? null : { member_users: [...members, who.id] },
    );
  } else {
    const { noun, id } = theirs(signed, (who.number - 1) / 2);
    await rewrite(who, `/v1/${noun}/${id}`, (seen) =>
      signers(seen).includes(who.id) ? null : { description: [...signers(seen), who.id].join(" ") },
    );
  }
  await grant(who);
  const owners = `/v1/group/${facade.builtIn.owners}`;
  await attempt(who, owners, { remove_member_users: [theirs(ownerIds, who.number)] });
  await done(who, "POST", "/v1/group", { name: sameName });
  await attempt(who, `/v1/group/${inner.id}`, { name: takenName });
  const { noun, id } = theirs(signed, who.number);
  if (noun === "role") await done(who, "PATCH", `/v1/role/${id}`, { add_member_permissions: ["read"] });
  await attempt(who, `/v1/group/${outer.id}`, {
    remove_member_groups: [inner.id],
    add_member_users: [who.id],
  });
}

/** All that a Viewer may not. */
async function trespass(who: Administrator): Promise<void> {
  const acl = { object_type: "project", object_id: projectId, user_id: who.id, permission: "update" };
  for (const [method, path, body] of [
    ["PATCH", `/v1/group/${everybody.id}`, { add_member_users: [who.id] }],
    ["PATCH", `/v1/group/${facade.builtIn.owners}`, { add_member_users: [who.id] }],
    ["DELETE", `/v1/group/${theirs(shared, who.number).id}`, undefined],
    ["POST", "/v1/acl/batch_update", { add_acls: [acl] }],
    ["POST", "/v1/group", { name: randomUUID() }],
  ] as const) {
    const { status } = await send(who, method, path, body);
    expect([method, path, status]).toEqual([method, path, 403]);
  }
}

describe("two hundred administrators at once", () => {
  test("are all answered, without a bug, and meet each other", { timeout: 300_000 }, async () => {
    const results = await Promise.allSettled([...administrators.map(work), ...viewers.map(trespass)]);
    expect(results.filter(({ status }) => status === "rejected")).toEqual([]);
    expect(statuses.get(500)).toBeUndefined();
    expect(statuses.get(409)).toBeGreaterThan(0);
  });

  const group = (id: string) => facade.owner.rest.ok<Group>("GET", `/v1/group/${id}`);
  const sorted = (ids: readonly string[]) => ids.toSorted();
  const idsOf = (several: readonly { readonly id: string }[]) => sorted(several.map(({ id }) => id));

  test("are all in the group that each joined", async () => {
    expect(sorted((await group(everybody.id)).member_users)).toEqual(idsOf(administrators));
  });

  test("are all in what each read, changed and wrote back", async () => {
    const writers = (several: readonly unknown[], index: number, odd: number) =>
      idsOf(
        administrators.filter(
          ({ number }) => number % 2 === odd && ((number - odd) / 2) % several.length === index,
        ),
      );
    for (const [index, { id }] of listed.entries()) {
      expect(sorted((await group(id)).member_users)).toEqual(writers(listed, index, 0));
    }
    for (const [index, { noun, id }] of signed.entries()) {
      const written = await facade.owner.rest.ok<Group>("GET", `/v1/${noun}/${id}`);
      expect(sorted(signers(written))).toEqual(writers(signed, index, 1));
    }
  });

  test("leave exactly the ACLs that they were told of", async () => {
    const { objects } = await facade.owner.rest.ok<Objects<Acl>>(
      "GET",
      `/v1/acl?object_type=project&object_id=${projectId}`,
    );
    const plain = objects.filter(({ permission }) => permission !== null);
    expect(sorted(plain.map(({ user_id, permission }) => `${user_id} ${permission}`))).toEqual(
      sorted([...granted]),
    );
  });

  test("leave one Owner, whom nobody could remove", async () => {
    expect((await group(facade.builtIn.owners)).member_users).toHaveLength(1);
  });

  test("leave no cycle of groups", async () => {
    const inside = new Map(
      (await Promise.all(shared.map(({ id }) => group(id)))).map((one) => [one.id, one]),
    );
    const reaches = (from: string, wanted: string, depth: number): boolean =>
      depth > 0 &&
      (inside.get(from)?.member_groups ?? []).some((id) => id === wanted || reaches(id, wanted, depth - 1));
    for (const { id } of shared) expect(reaches(id, id, shared.length)).toBe(false);
  });

  test("leave every name once", async () => {
    const { objects } = await facade.owner.rest.ok<Objects<Group>>("GET", "/v1/group");
    const names = objects.map(({ name }) => name);
    expect(names.filter((name) => name === sameName || name === takenName)).toHaveLength(2);
    expect(new Set(names).size).toBe(names.length);
  });
});
