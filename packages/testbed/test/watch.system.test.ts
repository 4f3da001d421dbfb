import { setTimeout as delay } from "node:timers/promises";
import { Client, credentials, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { Fault } from "@portcullis/chassis/fault";
import { decodeRevision, encodeRevision } from "@portcullis/facts/revision";
import { type Owner, owners } from "@portcullis/policy";
import { DecisionService, type WatchResponse } from "@portcullis/proto/decision/v1/decision";
import type { Event } from "@portcullis/proto/events/v1/events";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { type System, startSystem } from "../src/system.ts";
import { makeTeam, type Team } from "../src/team.ts";

// The change feed: all that was committed, each once, and nothing before what it came after, whoever is killed meanwhile.

const parts = new AsyncDisposableStack();
let system: System;
let team: Team;

beforeAll(async () => {
  system = parts.use(await startSystem({ databaseServerUrl: inject("databaseUrl") }));
  team = await makeTeam(system, 4);
}, 120_000);
afterAll(() => parts.disposeAsync());

const nameOf = ({ owner, position }: Event) => `${owner} ${position}`;

/** All that stands in the logs of the organisation. */
async function logged(after: Readonly<Partial<Record<Owner, number>>> = {}): Promise<Event[]> {
  const logs = await Promise.all(
    owners.map((owner) =>
      system.facts[owner].readLog({ orgId: team.orgId, after: after[owner] ?? 0, limit: 0 }),
    ),
  );
  return logs.flatMap(({ events }) => events);
}

/** Follows the feed until the messages satisfy, and answers them. */
async function follow(
  request: { revision?: string; who?: { $case: "principalId"; value: string } },
  isEnough: (messages: readonly WatchResponse[]) => boolean,
): Promise<WatchResponse[]> {
  const messages: WatchResponse[] = [];
  const feed = system.decision.watch({ orgId: team.orgId, revision: "", who: undefined, ...request });
  for await (const message of feed) {
    messages.push(message);
    if (isEnough(messages)) break;
  }
  return messages;
}

const eventsOf = (messages: readonly WatchResponse[]) => messages.flatMap(({ event }) => event ?? []);

/** A revision at which nothing had happened yet. */
function beginning(): string {
  return encodeRevision({ org: team.orgId as never, seen: [] });
}

async function refusal(request: Parameters<typeof follow>[0]): Promise<Fault> {
  const thrown = await follow(request, () => false).catch((error: unknown) => error);
  if (!(thrown instanceof Fault)) throw new Error(`no fault: ${String(thrown)}`);
  return thrown;
}

test("whoever comes back at the last revision, whichever process answers, has heard all, each once and in order", {
  timeout: 120_000,
}, async () => {
  const [first] = await follow({}, () => true);
  expect(first?.event).toBeUndefined();
  const from = Object.fromEntries(
    (decodeRevision(first?.revision ?? "")?.seen ?? []).map(({ owner, position }) => [owner, position]),
  );
  expect(Object.keys(from).toSorted()).toEqual([...owners].toSorted());

  let isWriting = true;
  const write = async (method: string, path: string, body?: object): Promise<string> => {
    for (;;) {
      const answer = await team.rest.request(method, path, body);
      if (answer.status === 200) return (answer.body as { id: string }).id;
      expect(answer.status).toBe(503);
      await delay(20);
    }
  };
  const writing = (async () => {
    const [ada = "", bob = ""] = team.people;
    const group = `/v1/group/${team.groupId}`;
    for (let round = 0; round < 15; round++) {
      await write("PATCH", group, { add_member_users: [ada] });
      const acl = { object_type: "project", object_id: team.projectId, user_id: bob, permission: "update" };
      await write("POST", "/v1/acl", acl);
      const key = await write("POST", "/v1/api_key", { name: `Key ${round}` });
      await write("PATCH", group, { remove_member_users: [ada] });
      await write("DELETE", "/v1/acl", acl);
      await write("DELETE", `/v1/api_key/${key}`);
      if (round % 8 === 3) {
        await system.stop("decision");
        await system.start("decision");
      }
    }
  })().finally(() => {
    isWriting = false;
  });
  writing.catch(() => undefined); // awaited below

  const told: Event[] = [];
  let revision = first?.revision ?? "";
  let visits = 0;
  const isAll = async () => !isWriting && told.length >= (await logged(from)).length;
  while (!(await isAll())) {
    visits++;
    const most = 1 + ((visits * 7) % 23);
    const feed = system.decision.watch({ orgId: team.orgId, revision, who: undefined });
    let count = 0;
    try {
      for await (const message of feed) {
        if (message.event !== undefined) told.push(message.event);
        revision = message.revision;
        // What has been told is never told again, so the client may leave after any message.
        if (++count >= most || (await isAll())) break;
      }
    } catch (thrown) {
      if (!(thrown instanceof Fault) || thrown.kind !== "unavailable") throw thrown;
      await delay(50);
    }
  }
  await writing;

  const all = await logged(from);
  expect(told.map(nameOf).toSorted()).toEqual(all.map(nameOf).toSorted());
  expect(all.length).toBeGreaterThan(80);
  expect(visits).toBeGreaterThan(10);
  const seen: Record<string, number> = { ...from };
  for (const { owner, position, dependsOn } of told) {
    expect(position).toBe((seen[owner] ?? 0) + 1);
    for (const { owner: other, position: before, incarnation } of dependsOn) {
      if (incarnation !== "") expect(seen[other]).toBeGreaterThanOrEqual(before);
    }
    seen[owner] = position;
  }
  // Each is told as it stands in the log.
  const one = told.find(({ action }) => action === "acls_updated");
  expect(one).toEqual(all.find((event) => one !== undefined && nameOf(event) === nameOf(one)));
});

test("a revision of a write is watched from there on, and one that has seen nothing from the first event on", async () => {
  const all = await logged();
  const told = eventsOf(
    await follow({ revision: beginning() }, (messages) => eventsOf(messages).length >= all.length),
  );
  expect(told.map(nameOf).toSorted()).toEqual(all.map(nameOf).toSorted());

  const [ada = ""] = team.people;
  const revision = await team.join(ada);
  const left = await team.leave(ada);
  const [seen] = decodeRevision(left)?.seen ?? [];
  const behind = eventsOf(
    await follow({ revision }, (messages) =>
      eventsOf(messages).some(({ owner, position }) => owner === "groups" && position === seen?.position),
    ),
  );
  expect(behind.filter(({ owner }) => owner === "groups")).toHaveLength(1);
});

test("a revision that is garbled, another's, ahead of the log or of a lost history is refused with what to do", async () => {
  const [first] = await follow({}, () => true);
  const now = decodeRevision(first?.revision ?? "");
  if (now === null) throw new Error("no revision");
  expect(await refusal({ revision: "v1.nonsense" })).toMatchObject({
    kind: "invalid",
    message: "revision: is no revision",
  });
  const other = await makeTeam(system, 1);
  const theirs = encodeRevision({ ...now, org: other.orgId as never });
  expect(await refusal({ revision: theirs })).toMatchObject({ kind: "invalid", field: "revision" });
  const ahead = now.seen.map((seen) => ({ ...seen, position: seen.position + 1 }));
  expect(await refusal({ revision: encodeRevision({ ...now, seen: ahead }) })).toMatchObject({
    kind: "refused",
    message: expect.stringMatching(/lies beyond the end of the log of identity.*without a revision/),
  });
  const lost = now.seen.map((seen) => ({ ...seen, history: "0123456789abcdef" }));
  expect(await refusal({ revision: encodeRevision({ ...now, seen: lost }) })).toMatchObject({
    kind: "refused",
    message: expect.stringMatching(/belongs to a history that has ended.*without a revision/),
  });
});

test("whoever loses the right is told nothing that came after, and why", async () => {
  const [, , auditor = "", other = ""] = team.people;
  const right = {
    object_type: "org_audit_logs",
    object_id: team.orgId,
    user_id: auditor,
    permission: "read",
  };
  expect(await refusal({ who: { $case: "principalId", value: auditor } })).toMatchObject({ kind: "denied" });
  await team.rest.ok("POST", "/v1/acl", right);
  const told: Event[] = [];
  const feed = system.decision.watch({
    orgId: team.orgId,
    revision: "",
    who: { $case: "principalId", value: auditor },
  });
  const ended = (async () => {
    let hasBegun = false;
    for await (const { event } of feed) {
      if (event !== undefined) told.push(event);
      if (!hasBegun) {
        hasBegun = true;
        await team.join(other);
        await team.rest.ok("DELETE", "/v1/acl", right);
        await team.leave(other);
      }
    }
  })();
  await expect(ended).rejects.toMatchObject({
    kind: "denied",
    message: expect.stringContaining("org_audit_logs"),
  });
  // That somebody left came after; that somebody joined may or may not have been told.
  expect(told.filter(({ owner }) => owner === "grants")).toEqual([]);
  expect(told.length).toBeLessThanOrEqual(1);
});

/** A client from outside, with a token of a service account. */
async function robot(groupNames: readonly string[]) {
  const { objects: groups } = await team.rest.ok<{ objects: { id: string; name: string }[] }>(
    "GET",
    "/v1/group",
  );
  const group_ids = groups.filter(({ name }) => groupNames.includes(name)).map(({ id }) => id);
  const made = await team.rest.ok<{ added_users: { id: string }[] }>("PATCH", "/v1/organization/members", {
    invite_users: { service_accounts: [{ name: `Robot ${Math.random()}` }], group_ids },
  });
  const account = made.added_users[0]?.id ?? "";
  const token = await team.rest.ok<{ id: string; key: string }>("POST", "/v1/service_token", {
    name: `Token of ${account}`,
    service_account_id: account,
  });
  return { account, token };
}

function watchAs(secret: string, client: Client) {
  const metadata = new Metadata();
  metadata.set("authorization", `Bearer ${secret}`);
  const { path, requestSerialize, responseDeserialize } = DecisionService.watch;
  const stream = client.makeServerStreamRequest(
    path,
    requestSerialize,
    responseDeserialize,
    { orgId: team.orgId, revision: "", who: undefined },
    metadata,
  );
  const { promise: code, resolve } = Promise.withResolvers<status>();
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
  stream.on("error", (error: ServiceError) => resolve(error.code));
  stream.once("readable", () => begin());
  return { stream, code, begun: Promise.race([begun, code]) };
}

/** The first event of this kind that comes. */
async function told({ stream }: ReturnType<typeof watchAs>, isIt: (event: Event) => boolean): Promise<Event> {
  for await (const { event } of stream.iterator({ destroyOnReturn: false }) as AsyncIterable<WatchResponse>) {
    if (event !== undefined && isIt(event)) return event;
  }
  throw new Error("it did not come");
}

test("a service account watches with its token, as long as that lives and it may read the audit log", async () => {
  using client = closing(new Client(system.decisionAddress, credentials.createInsecure()));
  const nobody = await robot(["Engineers"]);
  const refused = watchAs(nobody.token.key, client);
  refused.stream.resume();
  expect(await refused.code).toBe(status.PERMISSION_DENIED);

  const owner = await robot(["Owners"]);
  const watching = watchAs(owner.token.key, client);
  await watching.begun;
  const other = await robot([]);
  const made = await told(
    watching,
    ({ action, subject }) => action === "credential_created" && subject?.id === other.token.id,
  );
  // The digest of a secret is nobody's business, though it is no secret itself.
  expect(made.touches).toEqual([]);
  expect(made.touchedKinds).toEqual(["credential"]);
  await team.rest.ok("DELETE", "/v1/service_token", { id: owner.token.id });
  watching.stream.resume();
  expect(await watching.code).toBe(status.UNAUTHENTICATED);
});

test("no more watch than the limit says, and who goes away makes room", { timeout: 60_000 }, async () => {
  using client = closing(new Client(system.decisionAddress, credentials.createInsecure()));
  const { token } = await robot(["Owners"]);
  const open = Array.from({ length: 20 }, () => watchAs(token.key, client));
  await Promise.all(open.map(({ begun }) => begun));
  const full = await refusal({});
  expect(full).toMatchObject({
    kind: "exhausted",
    message: expect.stringContaining("20 watch this organization"),
  });
  expect(full.retryAfterMs).toBeGreaterThan(0);
  open[0]?.stream.cancel();
  for (;;) {
    const [first] = await follow({}, () => true).catch((error: unknown) => {
      expect(error).toMatchObject({ kind: "exhausted" });
      return [];
    });
    if (first !== undefined) break;
    await delay(20);
  }
  for (const { stream } of open) stream.cancel();
});

/** The feed over REST, as text. */
async function* lines(response: Response): AsyncGenerator<string, void, undefined> {
  let rest = "";
  for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    const blocks = `${rest}${chunk}`.split("\n\n");
    rest = blocks.pop() ?? "";
    yield* blocks;
  }
}

function getFeed(key: string, headers: Record<string, string> = {}, query = ""): Promise<Response> {
  return fetch(`${system.adminUrl}/v1/access/watch${query}`, {
    headers: { authorization: `Bearer ${key}`, ...headers },
  });
}

const fieldOf = (block: string, field: string) => new RegExp(`^${field}: (.*)$`, "m").exec(block)?.[1] ?? "";

test("over REST the feed goes on behind the last event id, in the words of the audit log", async () => {
  const { id, key } = await team.rest.ok<{ id: string; key: string }>("POST", "/v1/api_key", {
    name: "Feed",
  });
  const response = await getFeed(key);
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toContain("text/event-stream");
  const blocks = lines(response);
  const first = (await blocks.next()).value ?? "";
  expect(first).toMatch(/^id: v1\.\S+$/);
  const { id: role } = await team.rest.ok<{ id: string }>("POST", "/v1/role", { name: "Watched" });
  const told = (await blocks.next()).value ?? "";
  const { events } = await team.rest.ok<{ events: { hash: string }[] }>(
    "GET",
    `/v1/access/audit-log?object_type=role&object_id=${role}`,
  );
  const { hash: _, ...change } = events[0] ?? { hash: "" };
  expect(JSON.parse(fieldOf(told, "data"))).toEqual(change);
  await blocks.return();

  // The header says more than the address, which stays what it was when a client connects again.
  const resumed = lines(
    await getFeed(key, { "last-event-id": fieldOf(first, "id") }, `?revision=${fieldOf(told, "id")}`),
  );
  expect((await resumed.next()).value).toBe(`id: ${fieldOf(first, "id")}`);
  expect((await resumed.next()).value).toBe(told);

  await team.rest.ok("DELETE", `/v1/api_key/${id}`);
  const rest: string[] = [];
  for await (const block of resumed) rest.push(block);
  expect(fieldOf(rest.at(-1) ?? "", "event")).toBe("problem");
  expect(JSON.parse(fieldOf(rest.at(-1) ?? "", "data"))).toMatchObject({ code: "UNAUTHENTICATED" });
});

test("over REST what is wrong at once is refused like every request", async () => {
  const { key } = await team.rest.ok<{ key: string }>("POST", "/v1/api_key", { name: "Wrong" });
  const wrong = await getFeed(key, {}, "?revision=v1.nonsense");
  expect(wrong.status).toBe(400);
  expect(await wrong.json()).toMatchObject({ code: "INVALID_ARGUMENT", details: { field: "revision" } });
  const unknown = await getFeed(key, {}, "?since=yesterday");
  expect(unknown.status).toBe(400);
  const revision = encodeRevision({
    org: team.orgId as never,
    seen: [{ owner: "grants", history: "0123456789abcdef", position: 1 }],
  });
  const lost = await getFeed(key, { "last-event-id": revision });
  expect(lost.status).toBe(400);
  expect(await lost.json()).toMatchObject({ code: "FAILED_PRECONDITION", details: { field: "revision" } });
});

test("who watches over REST is told when the server stops, which does not wait for it", async () => {
  const { key } = await team.rest.ok<{ key: string }>("POST", "/v1/api_key", { name: "Last" });
  const blocks = lines(await getFeed(key));
  await blocks.next();
  await system.stop("admin", "SIGTERM");
  const rest: string[] = [];
  for await (const block of blocks) rest.push(block);
  expect(JSON.parse(fieldOf(rest.at(-1) ?? "", "data"))).toMatchObject({ code: "UNAVAILABLE" });
  expect(system.output("admin")).not.toContain(key);
  await system.start("admin");
});

function closing(client: Client): Client & Disposable {
  return Object.assign(client, { [Symbol.dispose]: () => client.close() });
}
