import { randomUUID } from "node:crypto";
import type { Fault } from "@portcullis/chassis/fault";
import { openLog } from "@portcullis/chassis/log";
import { type Handlers, implement, serve } from "@portcullis/chassis/rpc/server";
import { connectAsListed } from "@portcullis/chassis/testing";
import { newCredential, parseCredential } from "@portcullis/credential";
import { factKeyFromWire, factKeyToWire, factToWire } from "@portcullis/facts/wire";
import type { OrgId, PrincipalId, PrincipalKind } from "@portcullis/policy";
import { factsCallers, tokensCallers } from "@portcullis/proto/callers";
import type { Event } from "@portcullis/proto/events/v1/events";
import { FactsService } from "@portcullis/proto/facts/v1/facts";
import type { Scope } from "@portcullis/proto/scope/v1/scope";
import {
  type CreateCredentialRequest,
  type RotateCredentialRequest,
  TokensService,
} from "@portcullis/proto/tokens/v1/tokens";
import { type Doorbell, followerQueue, queuePrefix } from "@portcullis/store/doorbell";
import { freshDatabase } from "@portcullis/store/testing";
import { Queue } from "bullmq";
import pg from "pg";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { start } from "../src/start.ts";

// Who is a member is identity's to say; a server of its facts contract stands in for it here, so that these tests are
// about tokens alone. The two meet for real in the testbed.
const members = new Map<string, PrincipalKind>();
const identityLog: Event[] = [];
const identityFacts: Handlers<typeof FactsService> = {
  load: ({ keys }) => ({
    incarnation: "identity",
    facts: keys.map((wire, index) => {
      const key = factKeyFromWire(wire, `keys[${index}]`);
      const kind = key.kind === "member" ? members.get(`${key.org} ${key.principal}`) : undefined;
      return factToWire(key, 0, 0, kind === undefined ? null : { kind });
    }),
  }),
  loadStream: () => Promise.resolve(),
  heads: ({ orgIds }) => ({ positions: orgIds.map((org) => eventsOf(org).length), incarnation: "identity" }),
  readLog: ({ orgId, after }) => ({
    events: eventsOf(orgId).slice(after),
    head: eventsOf(orgId).length,
    incarnation: "identity",
  }),
};

function eventsOf(org: string): Event[] {
  return identityLog.filter((event) => event.orgId === org);
}

const parts = new AsyncDisposableStack();
const serviceCredential = "s".repeat(40);
const log = openLog("tokens-test", "silent");
let tokens: ReturnType<typeof stubs>["tokens"];
let facts: ReturnType<typeof stubs>["facts"];
let database: pg.Pool;
let config: Parameters<typeof start>[0];

function stubs(address: string) {
  const connection = parts.use(connectAsListed({ peer: "tokens", address, serviceCredential }));
  return {
    tokens: connection.stub(TokensService, tokensCallers),
    facts: connection.stub(FactsService, factsCallers),
  };
}

beforeAll(async () => {
  const { url } = parts.use(await freshDatabase(inject("databaseUrl")));
  const identity = parts.use(
    await serve({ listen: "127.0.0.1:0", serviceCredential, descriptor: await descriptorOf(), log }, [
      implement(FactsService, factsCallers, identityFacts),
    ]),
  );
  config = {
    PORTCULLIS_LISTEN: "127.0.0.1:0",
    PORTCULLIS_SERVICE_CREDENTIAL: serviceCredential,
    PORTCULLIS_LOG_LEVEL: "silent",
    DATABASE_URL: url,
    REDIS_URL: inject("redisUrl"),
    PORTCULLIS_IDENTITY_ADDRESS: identity.address,
    PORTCULLIS_GROUPS_ADDRESS: identity.address,
    PORTCULLIS_GRANTS_ADDRESS: identity.address,
  };
  // Two at once: both migrate the same empty database.
  const [service] = await Promise.all([
    start(config, log),
    start(config, log).then((second) => parts.use(second)),
  ]);
  parts.use(service);
  ({ tokens, facts } = stubs(service.address));
  database = new pg.Pool({ connectionString: url });
  parts.defer(() => database.end());
});
afterAll(() => parts.disposeAsync());

async function descriptorOf(): Promise<Buffer> {
  const { descriptor } = await import("@portcullis/chassis/descriptor");
  return descriptor();
}

interface Someone {
  readonly org: OrgId;
  readonly principal: PrincipalId;
}

function someone(kind: PrincipalKind = "user", org: string = randomUUID()): Someone {
  const principal = randomUUID();
  members.set(`${org} ${principal}`, kind);
  return { org: org as OrgId, principal: principal as PrincipalId };
}

function apiKey(
  { org, principal }: Someone,
  more: Partial<CreateCredentialRequest> = {},
): CreateCredentialRequest {
  return {
    context: { actor: undefined, requestId: "test", sourceAddress: "", unchangedSince: [] },
    orgId: org,
    kind: "api_key",
    principalId: principal,
    name: "laptop",
    expiresAt: undefined,
    replace: false,
    scope: undefined,
    ...more,
  };
}

async function head(org: OrgId): Promise<number> {
  return (await facts.heads({ orgIds: [org] })).positions[0] ?? -1;
}

async function factOf(org: OrgId, secret: string) {
  const digest = parseCredential(secret)?.digest;
  if (digest === undefined) throw new Error("not a credential");
  const { facts: found } = await facts.load({ keys: [factKeyToWire({ kind: "credential", org, digest })] });
  return found[0];
}

test("a created key is a fact at its position, and gone as a fact once revoked", async () => {
  const alice = someone();
  const { credential, secret, revision } = await tokens.createCredential(apiKey(alice));
  expect(parseCredential(secret)).toMatchObject({ kind: "api_key", org: alice.org });
  expect(revision).toMatchObject({ orgId: alice.org, owner: "tokens", position: 1 });
  expect(await factOf(alice.org, secret)).toMatchObject({
    lo: 1,
    hi: 1,
    value: {
      $case: "credential",
      value: { principalId: alice.principal, kind: "api_key", id: credential?.id },
    },
  });
  const revoked = await tokens.revokeCredential({
    context: apiKey(alice).context,
    orgId: alice.org,
    id: credential?.id ?? "",
    kind: "api_key",
  });
  expect(revoked.revision?.position).toBe(2);
  expect(await factOf(alice.org, secret)).toMatchObject({ lo: 2, hi: 2, value: undefined });
});

test("an unknown credential is an absent fact that never changed", async () => {
  const org = randomUUID() as OrgId;
  expect(await factOf(org, newCredential("api_key", org).secret)).toMatchObject({
    lo: 0,
    hi: 0,
    value: undefined,
  });
});

test("neither the database nor the log holds the secret, and the log not even its digest", async () => {
  const alice = someone();
  const { secret } = await tokens.createCredential(apiKey(alice));
  const rows = await database.query("select to_jsonb(credential) as row from credential where org_id = $1", [
    alice.org,
  ]);
  const events = await database.query(
    "select to_jsonb(event_log) - 'touches' as row from event_log where org_id = $1",
    [alice.org],
  );
  expect(JSON.stringify(rows.rows)).not.toContain(secret.slice(-12));
  expect(JSON.stringify(events.rows)).not.toContain(secret.slice(-12));
  expect(JSON.stringify(events.rows)).not.toContain(parseCredential(secret)?.digest);
});

test("replacing revokes all of the same name in the same moment", async () => {
  const alice = someone();
  const first = await tokens.createCredential(apiKey(alice));
  const second = await tokens.createCredential(apiKey(alice));
  const { replaced, secret, revision } = await tokens.createCredential(apiKey(alice, { replace: true }));
  expect(replaced).toBe(true);
  expect(revision?.position).toBe(3);
  for (const old of [first, second])
    expect(await factOf(alice.org, old.secret)).toMatchObject({ value: undefined });
  expect((await factOf(alice.org, secret))?.value).toBeDefined();
});

test("lists are the organisation's own, newest first, in pages", async () => {
  const alice = someone();
  const bob = someone("user", alice.org);
  const made: string[] = [];
  for (const [index, who] of [alice, alice, bob].entries()) {
    made.unshift((await tokens.createCredential(apiKey(who, { name: `key ${index}` }))).credential?.id ?? "");
  }
  await tokens.createCredential(apiKey(someone()));
  const list = async (more: object) =>
    (
      await tokens.listCredentials({
        orgId: alice.org,
        kind: "api_key",
        principalId: "",
        ids: [],
        names: [],
        page: undefined,
        ...more,
      })
    ).credentials.map(({ id }) => id);
  const page = { limit: 1, startingAfter: "", endingBefore: "" };
  expect(await list({})).toEqual(made);
  expect(await list({ principalId: alice.principal })).toEqual(made.slice(1));
  expect(await list({ names: ["key 2"] })).toEqual(made.slice(0, 1));
  await expect(list({ names: ["key 2", "\u0000"] })).rejects.toMatchObject({
    kind: "invalid",
    field: "names[1]",
  });
  expect(await list({ page: { ...page, startingAfter: made[0] } })).toEqual([made[1]]);
  expect(await list({ page: { ...page, endingBefore: made[2] } })).toEqual([made[1]]);
  expect(await list({ page: { ...page, limit: 0 } })).toEqual([]);
  await expect(list({ page: { ...page, startingAfter: randomUUID() } })).rejects.toMatchObject({
    field: "page.starting_after",
  });
});

const alice = someone();
const robot = someone("service_account", alice.org);
const elsewhere = someone();
const wrong: readonly [string, Partial<CreateCredentialRequest>, string][] = [
  ["no context", { context: undefined }, "context"],
  [
    "no request id",
    { context: { actor: undefined, requestId: "", sourceAddress: "", unchangedSince: [] } },
    "context.request_id",
  ],
  ["no organisation", { orgId: "" }, "org_id"],
  ["an organisation in capitals", { orgId: alice.org.toUpperCase().replace("0", "A") }, "org_id"],
  ["an unknown kind", { kind: "password" }, "kind"],
  ["no kind", { kind: "" }, "kind"],
  ["a malformed principal", { principalId: "alice" }, "principal_id"],
  ["an unknown principal", { principalId: randomUUID() }, "principal_id"],
  ["a principal of another organisation", { principalId: elsewhere.principal }, "principal_id"],
  ["a service token for a user", { kind: "service_token" }, "principal_id"],
  ["no name", { name: "" }, "name"],
  ["an over-long name", { name: "x".repeat(256) }, "name"],
  ["a control character in the name", { name: "a\u0000b" }, "name"],
  ["an expiry in the past", { expiresAt: new Date(Date.now() - 1) }, "expires_at"],
];

test.each(wrong)("%s is refused, names the field, and writes nothing", async (_, change, field) => {
  const before = await head(alice.org);
  await expect(tokens.createCredential(apiKey(alice, change))).rejects.toMatchObject({
    kind: "invalid",
    field,
  });
  expect(await head(alice.org)).toBe(before);
});

test("a service account may hold a service token", async () => {
  const { secret } = await tokens.createCredential(apiKey(robot, { kind: "service_token" }));
  expect(secret).toMatch(/^bt-st-/);
});

test("what a key is narrowed to is kept, shown, told in the log, and part of the fact", async () => {
  const scope = {
    permissions: { words: ["read"] },
    objectTypes: undefined,
    objects: { objects: [{ type: "project", id: randomUUID() }] },
  };
  const { credential, secret } = await tokens.createCredential(apiKey(alice, { scope }));
  expect(credential?.scope).toEqual(scope);
  const { org } = alice;
  const got = await tokens.getCredential({ orgId: org, kind: "api_key", id: credential?.id ?? "" });
  expect(got.credential?.scope).toEqual(scope);
  expect((await factOf(org, secret))?.value).toMatchObject({ value: { scope } });
  const { events } = await facts.readLog({ orgId: org, after: (await head(org)) - 1, limit: 0 });
  expect(JSON.parse(events[0]?.afterJson ?? "{}")).toMatchObject({
    scope: { permissions: ["read"], objectTypes: null, objects: scope.objects.objects },
  });
});

const nothing = { permissions: undefined, objectTypes: undefined, objects: undefined };
test.each([
  ["a scope that narrows nothing", nothing, "scope"],
  ["no permission", { ...nothing, permissions: { words: [] } }, "scope.permissions"],
  ["an unknown permission", { ...nothing, permissions: { words: ["own"] } }, "scope.permissions[0]"],
  ["an unknown type", { ...nothing, objectTypes: { words: ["project", "x"] } }, "scope.object_types[1]"],
  [
    "a malformed object",
    { ...nothing, objects: { objects: [{ type: "project", id: "1" }] } },
    "scope.objects[0].id",
  ],
  [
    "too many types",
    { ...nothing, objectTypes: { words: Array(101).fill("project") } },
    "scope.object_types",
  ],
] as const satisfies readonly (readonly [string, Scope, string])[])(
  "%s is refused, names the field, and writes nothing",
  async (_, scope, field) => {
    const before = await head(alice.org);
    await expect(tokens.createCredential(apiKey(alice, { scope }))).rejects.toMatchObject({
      kind: "invalid",
      field,
    });
    expect(await head(alice.org)).toBe(before);
  },
);

test("a rotated key goes on for the overlap, and the new one is what it was", async () => {
  const scope = { ...nothing, permissions: { words: ["read"] } };
  const { credential } = await tokens.createCredential(apiKey(alice, { name: "deploy", scope }));
  const before = await head(alice.org);
  const made = await tokens.rotateCredential(rotationOf(alice, credential?.id ?? "", 60));
  expect(made.credential).toMatchObject({ principalId: alice.principal, name: "deploy", scope });
  expect(made.credential?.expiresAt).toBeUndefined();
  expect(made.credential?.id).not.toBe(credential?.id);
  const ends = made.rotated?.expiresAt?.getTime() ?? 0;
  expect(ends - (made.rotated?.rotatedAt?.getTime() ?? 0)).toBe(60_000);
  expect(await head(alice.org)).toBe(before + 1);
  expect((await factOf(alice.org, made.secret))?.value).toMatchObject({ value: { scope } });
  const { events } = await facts.readLog({ orgId: alice.org, after: before, limit: 0 });
  expect(events.map(({ action, touches }) => [action, touches.length])).toEqual([["credential_rotated", 2]]);
  await expect(tokens.rotateCredential(rotationOf(alice, credential?.id ?? "", 60))).rejects.toMatchObject({
    kind: "refused",
    message: "the credential was rotated already",
  });
});

test("a key that was to expire is followed by one of the same life span, and never lives longer itself", async () => {
  const lifeMs = 3_600_000;
  const { credential } = await tokens.createCredential(
    apiKey(alice, { expiresAt: new Date(Date.now() + lifeMs) }),
  );
  const made = await tokens.rotateCredential(rotationOf(alice, credential?.id ?? "", 604_800));
  expect(made.rotated?.expiresAt).toEqual(credential?.expiresAt);
  const { created, expiresAt } = made.credential ?? {};
  expect((expiresAt?.getTime() ?? 0) - (created?.getTime() ?? 0)).toBeGreaterThan(lifeMs - 10_000);
  expect((expiresAt?.getTime() ?? 0) - (created?.getTime() ?? 0)).toBeLessThanOrEqual(lifeMs);
});

test("what is revoked, expired, unknown or another organisation's is not rotated, nor for longer than a week", async () => {
  const { credential } = await tokens.createCredential(apiKey(alice));
  const id = credential?.id ?? "";
  const expectRefusal = (rotation: RotateCredentialRequest, refusal: object) =>
    expect(tokens.rotateCredential(rotation)).rejects.toMatchObject(refusal);
  await expectRefusal(rotationOf(alice, id, 604_801), { kind: "invalid", field: "overlap_seconds" });
  await expectRefusal(rotationOf(elsewhere, id, 0), { kind: "absent" });
  await expectRefusal(rotationOf(alice, randomUUID(), 0), { kind: "absent" });
  await expectRefusal({ ...rotationOf(alice, id, 0), kind: "service_token" }, { kind: "absent" });
  await database.query("update credential set expires_at = now() - interval '1 second' where id = $1", [id]);
  await expectRefusal(rotationOf(alice, id, 0), {
    kind: "refused",
    message: "the credential has expired",
  });
  await tokens.revokeCredential({ context: apiKey(alice).context, orgId: alice.org, id, kind: "api_key" });
  await expectRefusal(rotationOf(alice, id, 0), { kind: "absent" });
});

test("the last use is noted without an event; an earlier one, one of the future and one elsewhere change nothing", async () => {
  const { credential } = await tokens.createCredential(apiKey(alice));
  const id = credential?.id ?? "";
  const before = await head(alice.org);
  const lastUsed = async () =>
    (await tokens.getCredential({ orgId: alice.org, kind: "api_key", id })).credential?.lastUsedAt;
  expect(await lastUsed()).toBeUndefined();
  const at = new Date(Date.now() - 60_000);
  await tokens.recordUses({
    uses: [{ orgId: alice.org, id, at }, use(randomUUID()), use(id, elsewhere.org)],
  });
  expect(await lastUsed()).toEqual(at);
  await tokens.recordUses({ uses: [{ orgId: alice.org, id, at: new Date(at.getTime() - 1000) }] });
  expect(await lastUsed()).toEqual(at);
  await tokens.recordUses({
    uses: [use(id), { orgId: alice.org, id, at: new Date(Date.now() + 3_600_000) }],
  });
  expect((await lastUsed())?.getTime()).toBeLessThan(Date.now() + 60_000);
  const { credentials } = await tokens.listCredentials({
    orgId: alice.org,
    kind: "api_key",
    principalId: "",
    ids: [id],
    names: [],
    page: undefined,
  });
  expect(credentials[0]?.lastUsedAt).toEqual(await lastUsed());
  expect(await head(alice.org)).toBe(before);
});

test("a principal's last use is that of any credential it ever held, in this organisation", async () => {
  const ada = someone();
  const idle = someone("user", ada.org);
  const ids: string[] = [];
  for (const name of ["one", "two"]) {
    const { credential } = await tokens.createCredential(apiKey(ada, { name }));
    ids.push(credential?.id ?? "");
  }
  await tokens.createCredential(apiKey(idle));
  const [one = "", two = ""] = ids;
  const [earlier, later] = [new Date(Date.now() - 60_000), new Date(Date.now() - 30_000)];
  await tokens.recordUses({
    uses: [
      { orgId: ada.org, id: one, at: later },
      { orgId: ada.org, id: two, at: earlier },
    ],
  });
  await tokens.revokeCredential({ context: apiKey(ada).context, orgId: ada.org, id: one, kind: "api_key" });
  const principalIds = [ada.principal, idle.principal];
  const of = (orgId: string) => tokens.listLastUses({ orgId, principalIds });
  expect(await of(ada.org)).toEqual({ uses: [{ principalId: ada.principal, at: later }] });
  expect(await of(elsewhere.org)).toEqual({ uses: [] });
  const wrong = (more: object) => tokens.listLastUses({ orgId: ada.org, principalIds: [], ...more });
  await expect(wrong({ orgId: "x" })).rejects.toMatchObject({ field: "org_id" });
  await expect(wrong({ principalIds: ["x"] })).rejects.toMatchObject({ field: "principal_ids[0]" });
  const many = Array.from({ length: 1001 }, () => randomUUID());
  await expect(wrong({ principalIds: many })).rejects.toMatchObject({ field: "principal_ids" });
});

function use(id: string, orgId: string = alice.org) {
  return { orgId, id, at: new Date() };
}

function rotationOf({ org }: Someone, id: string, overlapSeconds: number): RotateCredentialRequest {
  return { context: apiKey(alice).context, orgId: org, id, kind: "api_key", overlapSeconds };
}

test("revoking and getting a credential of another organisation, another kind or none is one and the same refusal", async () => {
  const { credential } = await tokens.createCredential(apiKey(alice));
  const id = credential?.id ?? "";
  const { context } = apiKey(alice);
  const before = await head(alice.org);
  for (const [orgId, kind, which] of [
    [elsewhere.org, "api_key", id],
    [alice.org, "service_token", id],
    [alice.org, "api_key", randomUUID()],
  ] as const) {
    const refusal = { kind: "absent", message: "no such credential" };
    await expect(tokens.getCredential({ orgId, kind, id: which })).rejects.toMatchObject(refusal);
    await expect(tokens.revokeCredential({ context, orgId, kind, id: which })).rejects.toMatchObject(refusal);
  }
  expect(await head(alice.org)).toBe(before);
});

test("a row of a kind that nobody knows authenticates nobody", async () => {
  const { secret, credential } = await tokens.createCredential(apiKey(alice));
  await database.query("alter table credential drop constraint credential_kind_check");
  await database.query("update credential set kind = 'master' where id = $1", [credential?.id]);
  expect(await factOf(alice.org, secret)).toMatchObject({ value: undefined });
  await database.query("delete from credential where kind = 'master'");
  await database.query("alter table credential add check (kind in ('api_key', 'service_token', 'session'))");
});

test("the credentials of a removed member end, and nobody else's", async () => {
  const leaver = someone();
  const stayer = someone("user", leaver.org);
  const returner = someone("user", leaver.org);
  const keys = {
    leaver: await tokens.createCredential(apiKey(leaver)),
    stayer: await tokens.createCredential(apiKey(stayer)),
    returner: await tokens.createCredential(apiKey(returner)),
  };
  await leave(leaver.org, [leaver.principal], [leaver.principal, returner.principal]);
  await expect.poll(async () => (await factOf(leaver.org, keys.leaver.secret))?.value).toBeUndefined();
  expect((await factOf(leaver.org, keys.stayer.secret))?.value).toBeDefined();
  expect((await factOf(leaver.org, keys.returner.secret))?.value).toBeDefined();
  const { events } = await facts.readLog({ orgId: leaver.org, after: 3, limit: 0 });
  expect(events.map(({ action, context }) => [action, context?.requestId])).toEqual([
    ["credentials_revoked", "leaving"],
  ]);
});

test("very many credentials of a former member go in bounded pieces", async () => {
  const leaver = someone();
  await database.query(
    `insert into credential (id, org_id, kind, principal_id, name, preview, digest, created)
     select gen_random_uuid(), $1, 'api_key', $2, 'k' || n, 'abcd', gen_random_uuid()::text, now()
     from generate_series(1, 700) as n`,
    [leaver.org, leaver.principal],
  );
  await leave(leaver.org, [leaver.principal]);
  await expect
    .poll(
      async () => {
        const { events } = await facts.readLog({ orgId: leaver.org, after: 0, limit: 0 });
        return events.map(
          ({ beforeJson }) => (JSON.parse(beforeJson) as { credentials: object[] }).credentials.length,
        );
      },
      { timeout: 10_000 },
    )
    .toEqual([500, 200]);
  const { rows } = await database.query("select from credential where org_id = $1 and revoked_at is null", [
    leaver.org,
  ]);
  expect(rows).toEqual([]);
});

/** Identity says that these left, and rings. Some may have come back since. */
async function leave(org: string, gone: readonly string[], told: readonly string[] = gone): Promise<void> {
  for (const principal of gone) members.delete(`${org} ${principal}`);
  identityLog.push({
    orgId: org,
    owner: "identity",
    position: 1,
    at: new Date(),
    context: { actor: undefined, requestId: "leaving", sourceAddress: "", unchangedSince: [] },
    action: "members_removed",
    subject: { type: "organization", id: org },
    beforeJson: JSON.stringify({ members: told.map((id) => ({ id })) }),
    afterJson: "",
    touches: [],
    touchedKinds: [],
    dependsOn: [],
  });
  const queue = new Queue(followerQueue("identity", "tokens"), {
    connection: { url: inject("redisUrl") },
    prefix: queuePrefix,
  });
  await queue.add("identity", { owner: "identity", org, position: 1 } satisfies Doorbell);
  await queue.close();
}

const { context } = apiKey(alice);
const signIn = ({ org, principal }: Someone, apiKeyId = "") =>
  tokens.createSession({ context, orgId: org, principalId: principal, apiKeyId });
const lived = ({ created, expiresAt }: { created?: Date | undefined; expiresAt?: Date | undefined } = {}) =>
  (expiresAt?.getTime() ?? 0) - (created?.getTime() ?? 0);

test("a session is a fact at its position, ends after twelve hours, and is gone as a fact once revoked", async () => {
  const carol = someone();
  const { credential, secret, revision } = await signIn(carol);
  expect(parseCredential(secret)).toMatchObject({ kind: "session", org: carol.org });
  expect(revision?.position).toBe(1);
  expect(lived(credential)).toBe(12 * 3_600_000);
  expect(await factOf(carol.org, secret)).toMatchObject({
    lo: 1,
    value: {
      value: {
        kind: "session",
        principalId: carol.principal,
        expiresAt: credential?.expiresAt,
        scope: undefined,
      },
    },
  });
  await tokens.revokeCredential({ context, orgId: carol.org, kind: "session", id: credential?.id ?? "" });
  expect(await factOf(carol.org, secret)).toMatchObject({ lo: 2, value: undefined });
});

test("a session has the scope of the key that it was made from, and does not outlive it", async () => {
  const carol = someone();
  const scope = { ...nothing, permissions: { words: ["read"] } };
  const expiresAt = new Date(Date.now() + 60_000);
  const { credential: key } = await tokens.createCredential(apiKey(carol, { scope, expiresAt }));
  const { credential, secret } = await signIn(carol, key?.id);
  expect(credential).toMatchObject({ expiresAt: key?.expiresAt, scope, madeFrom: key?.id });
  expect(await factOf(carol.org, secret)).toMatchObject({ value: { value: { scope } } });
});

test("who revokes a key ends the sessions made from it in the same moment, and no others", async () => {
  const carol = someone();
  const keys = [await tokens.createCredential(apiKey(carol)), await tokens.createCredential(apiKey(carol))];
  const [key, other] = keys.map(({ credential }) => credential?.id ?? "");
  const ended = [await signIn(carol, key), await signIn(carol, key)];
  const kept = [await signIn(carol, other), await signIn(carol)];
  const { revision } = await tokens.revokeCredential({
    context,
    orgId: carol.org,
    kind: "api_key",
    id: key ?? "",
  });
  for (const { secret } of ended) {
    expect(await factOf(carol.org, secret)).toMatchObject({ lo: revision?.position, value: undefined });
  }
  for (const { secret } of kept) expect((await factOf(carol.org, secret))?.value).toBeDefined();
  const { events } = await facts.readLog({
    orgId: carol.org,
    after: (revision?.position ?? 0) - 1,
    limit: 0,
  });
  expect(events.map(({ action, touches }) => [action, touches.length])).toEqual([["credential_revoked", 3]]);
  expect(JSON.parse(events[0]?.beforeJson ?? "")).toMatchObject({ sessions: [{}, {}] });
});

test("who replaces a key ends the sessions made from it in the same moment", async () => {
  const carol = someone();
  const { credential: key } = await tokens.createCredential(apiKey(carol));
  const { secret } = await signIn(carol, key?.id);
  const { revision } = await tokens.createCredential(apiKey(carol, { replace: true }));
  expect(await factOf(carol.org, secret)).toMatchObject({ lo: revision?.position, value: undefined });
});

test("who rotates a key lets its sessions live no longer than the overlap", async () => {
  const carol = someone();
  const { credential: key } = await tokens.createCredential(apiKey(carol));
  const { secret, credential: session } = await signIn(carol, key?.id);
  const other = await signIn(carol);
  const { rotated, revision } = await tokens.rotateCredential(rotationOf(carol, key?.id ?? "", 60));
  expect(await factOf(carol.org, secret)).toMatchObject({
    lo: revision?.position,
    value: { value: { expiresAt: rotated?.expiresAt } },
  });
  expect(await factOf(carol.org, other.secret)).toMatchObject({
    value: { value: { expiresAt: other.credential?.expiresAt } },
  });
  const after = (revision?.position ?? 0) - 1;
  const { events } = await facts.readLog({ orgId: carol.org, after, limit: 0 });
  expect(JSON.parse(events[0]?.beforeJson ?? "")).toMatchObject({ sessions: [{ id: session?.id }] });
  const late = await signIn(carol, key?.id);
  expect(late.credential?.expiresAt).toEqual(rotated?.expiresAt);
});

test("all sessions of a principal end in one change, and neither its keys nor anybody else's", async () => {
  const carol = someone();
  const dave = someone("user", carol.org);
  const key = await tokens.createCredential(apiKey(carol));
  const sessions = [await signIn(carol), await signIn(carol, key.credential?.id)];
  const others = [key, await signIn(dave)];
  const end = () => tokens.endSessions({ context, orgId: carol.org, principalId: carol.principal });
  const { ended, revision } = await end();
  expect(ended).toBe(2);
  for (const { secret } of sessions) {
    expect(await factOf(carol.org, secret)).toMatchObject({ lo: revision?.position, value: undefined });
  }
  for (const { secret } of others) expect((await factOf(carol.org, secret))?.value).toBeDefined();
  expect(await end()).toMatchObject({ ended: 0, revision: { position: revision?.position } });
  expect(await head(carol.org)).toBe(revision?.position);
  const { events } = await facts.readLog({
    orgId: carol.org,
    after: (revision?.position ?? 0) - 1,
    limit: 0,
  });
  expect(events).toMatchObject([
    { action: "sessions_ended", subject: { type: "member", id: carol.principal } },
  ]);
});

test("with the hundred and first session of a principal the oldest ends", async () => {
  const carol = someone();
  const first = await signIn(carol);
  const second = await signIn(carol);
  await database.query(
    `insert into credential (id, org_id, kind, principal_id, name, preview, digest, created, expires_at)
     select gen_random_uuid(), $1, 'session', $2, 'console', 'abcd', gen_random_uuid()::text, now(), now()
     from generate_series(1, 98)`,
    [carol.org, carol.principal],
  );
  expect((await factOf(carol.org, first.secret))?.value).toBeDefined();
  const { secret, revision } = await signIn(carol);
  expect(await factOf(carol.org, first.secret)).toMatchObject({ lo: revision?.position, value: undefined });
  expect((await factOf(carol.org, second.secret))?.value).toBeDefined();
  expect((await factOf(carol.org, secret))?.value).toBeDefined();
});

test("nobody but a user of the organisation signs in, and with nothing but a live key of their own", async () => {
  const carol = someone();
  const robot = someone("service_account", carol.org);
  const { credential: key } = await tokens.createCredential(apiKey(carol));
  const { credential: session } = await signIn(carol);
  const { credential: revoked } = await tokens.createCredential(apiKey(carol));
  await tokens.revokeCredential({ context, orgId: carol.org, kind: "api_key", id: revoked?.id ?? "" });
  const { credential: expired } = await tokens.createCredential(apiKey(carol));
  await tokens.rotateCredential(rotationOf(carol, expired?.id ?? "", 0));
  const { credential: foreign } = await tokens.createCredential(apiKey(someone()));
  const { credential: colleagues } = await tokens.createCredential(apiKey(someone("user", carol.org)));
  const before = await head(carol.org);
  const refused = {
    kind: "invalid",
    message: "api_key_id: is no live API key of this principal",
  };
  for (const id of [session, revoked, expired, foreign, colleagues].map((each) => each?.id ?? "")) {
    await expect(signIn(carol, id)).rejects.toMatchObject(refused);
  }
  await expect(signIn(carol, randomUUID())).rejects.toMatchObject({ kind: "invalid", field: "api_key_id" });
  await expect(signIn(carol, "mine")).rejects.toMatchObject({ kind: "invalid", field: "api_key_id" });
  for (const who of [robot, { org: carol.org, principal: elsewhere.principal }]) {
    await expect(signIn(who)).rejects.toMatchObject({ kind: "invalid", field: "principal_id" });
  }
  await expect(signIn({ org: elsewhere.org, principal: carol.principal }, key?.id)).rejects.toMatchObject({
    kind: "invalid",
  });
  expect(await head(carol.org)).toBe(before);
});

test("a session is neither created like a key nor rotated", async () => {
  const carol = someone();
  const { credential } = await signIn(carol);
  const refused = { kind: "invalid", field: "kind" };
  await expect(tokens.createCredential(apiKey(carol, { kind: "session" }))).rejects.toMatchObject(refused);
  await expect(
    tokens.rotateCredential({ ...rotationOf(carol, credential?.id ?? "", 0), kind: "session" }),
  ).rejects.toMatchObject(refused);
});

test("the sessions of a removed member end", async () => {
  const leaver = someone();
  const { secret } = await signIn(leaver);
  await leave(leaver.org, [leaver.principal]);
  await expect.poll(async () => (await factOf(leaver.org, secret))?.value).toBeUndefined();
});

test("a fact of another owner is refused", async () => {
  await expect(
    facts.load({ keys: [factKeyToWire({ kind: "groups", org: alice.org })] }),
  ).rejects.toMatchObject({ kind: "invalid", field: "keys[0]" });
});

test("the log can only be appended to", async () => {
  await tokens.createCredential(apiKey(alice));
  await expect(database.query("delete from event_log")).rejects.toThrow("only be appended to");
  await expect(database.query("update event_log set action = ''")).rejects.toThrow("only be appended to");
});

test("thirty writers at once get thirty positions, without gaps", async () => {
  const busy = someone();
  const made = await Promise.all(Array.from({ length: 30 }, () => tokens.createCredential(apiKey(busy))));
  const positions = made.map(({ revision }) => revision?.position ?? 0).sort((a, b) => a - b);
  expect(positions).toEqual(Array.from({ length: 30 }, (_, index) => index + 1));
  const { events } = await facts.readLog({ orgId: busy.org, after: 0, limit: 0 });
  expect(events.map(({ position }) => position)).toEqual(positions);
});

test("writers that the database kills in the middle leave nothing, and nobody waits for them", async () => {
  const victim = someone();
  await tokens.createCredential(apiKey(victim));
  // More often than there are connections, so that a connection lost for good would be noticed.
  for (let round = 0; round < 12; round++) await killWriter(() => tokens.createCredential(apiKey(victim)));
  expect(await head(victim.org)).toBe(1);
  const { revision } = await tokens.createCredential(apiKey(victim));
  expect(revision?.position).toBe(2);
});

/** Ends a writer's connection when it holds the organisation's log and waits for its table. */
async function killWriter(write: () => Promise<unknown>): Promise<void> {
  const blocker = new pg.Client({ connectionString: config.DATABASE_URL });
  await blocker.connect();
  try {
    await blocker.query("begin");
    await blocker.query("lock table credential in access exclusive mode");
    const outcome = write().then(
      () => "written",
      (fault: Fault) => fault.kind,
    );
    let killed = 0;
    while (killed === 0) {
      const { rowCount } = await database.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
         where datname = current_database() and wait_event_type = 'Lock' and query ilike '%into "credential"%'`,
      );
      killed = rowCount ?? 0;
    }
    expect(await outcome).toBe("unavailable");
  } finally {
    await blocker.end();
  }
}
