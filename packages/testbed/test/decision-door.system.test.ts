import { randomUUID } from "node:crypto";
import { credentials, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { createOrganization } from "@portcullis/admin-service/create-organization";
import {
  type BatchCheckRequest,
  type CheckRequest,
  type CheckResponse,
  DecisionClient,
} from "@portcullis/proto/decision/v1/decision";
import type { Scope } from "@portcullis/proto/scope/v1/scope";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { type System, startSystem } from "../src/system.ts";
import { makeTeam, type Team } from "../src/team.ts";

// Who may ask the decision service, what it takes for a question, and what it says to the rest.

const context = { actor: undefined, requestId: "test", sourceAddress: "", unchangedSince: [] };

let system: System;
let team: Team;
let person: string;
let account: string;
let serviceToken: string;
let client: DecisionClient;

beforeAll(async () => {
  system = await startSystem({ databaseServerUrl: inject("databaseUrl") });
  team = await makeTeam(system, 2);
  person = team.people[0] ?? "";
  await team.join(person);
  account = await serviceAccount(team.orgId);
  serviceToken = await tokenOf(team.orgId, account);
  client = new DecisionClient(system.decisionAddress, credentials.createInsecure());
});
afterAll(async () => {
  client.close();
  await system[Symbol.asyncDispose]();
});

async function serviceAccount(orgId: string): Promise<string> {
  const { members } = await system.identity.inviteMembers({
    context,
    orgId,
    userIds: [],
    users: [],
    serviceAccounts: [{ name: randomUUID() }],
  });
  return members[0]?.principal?.id ?? "";
}

async function tokenOf(
  orgId: string,
  principalId: string,
  more: { kind?: string; expiresAt?: Date; scope?: Scope } = {},
) {
  const { secret } = await system.tokens.createCredential({
    context,
    orgId,
    kind: more.kind ?? "service_token",
    principalId,
    name: randomUUID(),
    expiresAt: more.expiresAt,
    scope: more.scope,
    replace: false,
  });
  return secret;
}

/** Asks as another service would, with what it shows as its credential. */
function askWith(authorization: string | null, request: CheckRequest): Promise<CheckResponse> {
  const metadata = new Metadata();
  if (authorization !== null) metadata.set("authorization", authorization);
  return new Promise((resolve, reject: (error: ServiceError) => void) => {
    client.check(request, metadata, (error, response) => {
      if (error) reject(error);
      else resolve(response);
    });
  });
}

async function codeOf(answer: Promise<unknown>): Promise<status | "answered"> {
  return answer.then(
    () => "answered" as const,
    (error: ServiceError) => error.code,
  );
}

describe("who may ask", () => {
  test("a service account with a live service token, about its own organisation", async () => {
    const answer = await askWith(`Bearer ${serviceToken}`, team.question(person));
    expect(answer.allowed).toBe(true);
    expect(answer.revision).toMatch(/^v1\./);
  });

  test("nobody without a credential, with another word for it, with a changed one, or with a user's key", async () => {
    const key = await tokenOf(team.orgId, person, { kind: "api_key" });
    const changed = `${serviceToken.slice(0, -1)}${serviceToken.endsWith("0") ? "1" : "0"}`;
    for (const shown of [
      null,
      "",
      serviceToken,
      `Basic ${serviceToken}`,
      `Bearer ${changed}`,
      `Bearer ${key}`,
      "Bearer ",
    ]) {
      expect(await codeOf(askWith(shown, team.question(person))), String(shown)).toBe(status.UNAUTHENTICATED);
    }
  });

  test("nobody with a session, nor about one: it is for the facade alone", async () => {
    const { secret } = await system.tokens.createSession({
      context,
      orgId: team.orgId,
      principalId: person,
      apiKeyId: "",
    });
    const about = { ...team.question(person), who: { $case: "credential" as const, value: secret } };
    expect(await codeOf(askWith(`Bearer ${secret}`, team.question(person)))).toBe(status.UNAUTHENTICATED);
    expect(await codeOf(askWith(`Bearer ${serviceToken}`, about))).toBe(status.UNAUTHENTICATED);
    // It is a good one, to those who serve the facade.
    expect((await system.decision.check(about)).allowed).toBe(true);
  });

  test("nobody with a revoked token, an expired one, or one of an account that has left; the text is the same", async () => {
    const leaver = await serviceAccount(team.orgId);
    const tokens = {
      revoked: await tokenOf(team.orgId, account),
      expired: await tokenOf(team.orgId, account, { expiresAt: new Date(Date.now() + 4000) }),
      left: await tokenOf(team.orgId, leaver),
    };
    for (const token of Object.values(tokens)) {
      expect(await codeOf(askWith(`Bearer ${token}`, team.question(person)))).toBe("answered");
    }
    const all = await system.tokens.listCredentials({
      orgId: team.orgId,
      page: undefined,
      kind: "service_token",
      principalId: account,
      ids: [],
      names: [],
    });
    const revoked = all.credentials.find(({ preview }) => tokens.revoked.endsWith(preview.slice(-4)));
    await system.tokens.revokeCredential({
      context,
      orgId: team.orgId,
      id: revoked?.id ?? "",
      kind: "service_token",
    });
    await system.identity.removeMembers({ context, orgId: team.orgId, principalIds: [leaver], emails: [] });
    for (const token of Object.values(tokens)) {
      await expect
        .poll(() =>
          askWith(`Bearer ${token}`, team.question(person)).then(
            () => "answered",
            (error: ServiceError) => `${error.code} ${error.details}`,
          ),
        )
        .toBe(`${status.UNAUTHENTICATED} the credential is not valid`);
    }
  });

  test("not with a service token that is narrowed, whatever it is narrowed to", async () => {
    const everything = { objects: [{ type: "organization", id: team.orgId }] };
    const scope = { permissions: undefined, objectTypes: undefined, objects: everything };
    const token = await tokenOf(team.orgId, await serviceAccount(team.orgId), { scope });
    expect(await codeOf(askWith(`Bearer ${token}`, team.question(person)))).toBe(status.PERMISSION_DENIED);
  });

  test("not about another organisation, whether it exists or not", async () => {
    const elsewhere = await makeTeam(system, 1);
    for (const orgId of [elsewhere.orgId, randomUUID()]) {
      const question = { ...team.question(person), orgId };
      expect(await codeOf(askWith(`Bearer ${serviceToken}`, question))).toBe(status.PERMISSION_DENIED);
    }
  });
});

describe("what is unknown is denied, and looks like what is not granted", () => {
  const unknown = randomUUID();
  test.each([
    ["an unknown principal", { who: { $case: "principalId", value: unknown } }],
    ["an unknown object", { what: { $case: "object", value: { type: "experiment", id: unknown } } }],
    ["an object under another type", { what: { $case: "object", value: { type: "dataset", id: "" } } }],
    ["an unknown organisation", { orgId: unknown }],
    [
      "an unknown place",
      {
        permission: "create",
        what: { $case: "place", value: { type: "experiment", parent: { type: "project", id: unknown } } },
      },
    ],
  ] as const satisfies readonly (readonly [string, Partial<CheckRequest>])[])(
    "%s",
    async (_, change: Partial<CheckRequest>) => {
      const question = { ...team.question(person), ...change };
      if (question.what?.$case === "object" && question.what.value.id === "") {
        question.what = { $case: "object", value: { type: "dataset", id: team.experimentId } };
      }
      const answer = await system.decision.check(question);
      expect(answer.allowed).toBe(false);
    },
  );

  test("a member of one organisation asked about in another", async () => {
    const elsewhere = await makeTeam(system, 1);
    const question = elsewhere.question(person);
    expect((await system.decision.check(question)).allowed).toBe(false);
  });
});

describe("a malformed question names its field", () => {
  const object = { type: "project", id: randomUUID() };
  const wrong: readonly (readonly [string, Partial<CheckRequest>, string])[] = [
    ["no organisation", { orgId: "" }, "org_id"],
    ["an organisation that is no UUID", { orgId: "acme" }, "org_id"],
    ["an organisation in capitals", { orgId: randomUUID().toUpperCase() }, "org_id"],
    ["nobody", { who: undefined }, "who"],
    ["a principal that is no UUID", { who: { $case: "principalId", value: "ada" } }, "principal_id"],
    ["an over-long credential", { who: { $case: "credential", value: "x".repeat(513) } }, "credential"],
    ["no permission", { permission: "" }, "permission"],
    ["an unknown permission", { permission: "Read" }, "permission"],
    ["nothing asked about", { what: undefined }, "what"],
    [
      "an unknown type",
      { what: { $case: "object", value: { ...object, type: "spaceship" } } },
      "object.type",
    ],
    ["no type", { what: { $case: "object", value: { ...object, type: "" } } }, "object.type"],
    [
      "a type that every object has",
      { what: { $case: "object", value: { ...object, type: "toString" } } },
      "object.type",
    ],
    ["an object without id", { what: { $case: "object", value: { ...object, id: "" } } }, "object.id"],
    [
      "an id of 64 KiB",
      { what: { $case: "object", value: { ...object, id: "x".repeat(65_536) } } },
      "object.id",
    ],
    [
      "a place without parent",
      { what: { $case: "place", value: { type: "project", parent: undefined } } },
      "place.parent",
    ],
    [
      "a place of an unknown type",
      { what: { $case: "place", value: { type: "x", parent: object } } },
      "place.type",
    ],
    [
      "a place in nowhere",
      { what: { $case: "place", value: { type: "project", parent: { ...object, id: "x" } } } },
      "place.parent.id",
    ],
    [
      "an over-long revision",
      { consistency: { kind: { $case: "atLeastAsFresh", value: "x".repeat(4097) } } },
      "consistency.at_least_as_fresh",
    ],
  ];
  test.each(wrong)("%s", async (_, change, field) => {
    await expect(system.decision.check({ ...team.question(person), ...change })).rejects.toMatchObject({
      kind: "invalid",
      field,
    });
  });

  test("a revision of another organisation", async () => {
    const elsewhere = await makeTeam(system, 1);
    const revision = await elsewhere.join(elsewhere.people[0] ?? "");
    const consistency = { kind: { $case: "atLeastAsFresh" as const, value: revision } };
    await expect(system.decision.check(team.question(person, consistency))).rejects.toMatchObject({
      kind: "invalid",
      field: "consistency.at_least_as_fresh",
    });
  });
});

describe("by credential", () => {
  test("a person's key is as good as the person, and no better than any other once it is wrong", async () => {
    const key = await tokenOf(team.orgId, person, { kind: "api_key" });
    const question = (value: string): CheckRequest => ({
      ...team.question(person),
      orgId: "",
      who: { $case: "credential", value },
    });
    expect(await system.decision.check(question(key))).toMatchObject({ allowed: true, holderId: person });
    const checks = [question(key), team.question(person)];
    const { results } = await system.decision.batchCheck({
      orgId: team.orgId,
      checks,
      consistency: undefined,
    });
    // Who is named is told to nobody who has named them.
    expect(results.map(({ holderId }) => holderId)).toEqual([person, undefined]);
    for (const bad of [`${key.slice(0, -1)}-`, "sk-nonsense", ""]) {
      await expect(system.decision.check(question(bad))).rejects.toMatchObject({
        kind: "unauthenticated",
        message: "the credential is not valid",
      });
    }
  });

  test("a credential of another organisation is none", async () => {
    const elsewhere = await makeTeam(system, 1);
    const key = await tokenOf(elsewhere.orgId, elsewhere.people[0] ?? "", { kind: "api_key" });
    await expect(
      system.decision.check({ ...team.question(person), who: { $case: "credential", value: key } }),
    ).rejects.toMatchObject({ kind: "unauthenticated" });
  });
});

describe("consistency", () => {
  test("a write is seen by whoever brings its revision, at once and every time", async () => {
    const [, other = ""] = team.people;
    for (let round = 0; round < 10; round++) {
      const allowed = round % 2 === 0;
      const revision = allowed ? await team.join(other) : await team.leave(other);
      const consistency = { kind: { $case: "atLeastAsFresh" as const, value: revision } };
      expect((await system.decision.check(team.question(other, consistency))).allowed).toBe(allowed);
    }
  });

  test("a fully consistent question sees what was committed before it", async () => {
    const [, other = ""] = team.people;
    const consistency = { kind: { $case: "fullyConsistent" as const, value: {} } };
    for (let round = 0; round < 10; round++) {
      const allowed = round % 2 === 0;
      await (allowed ? team.join(other) : team.leave(other));
      expect((await system.decision.check(team.question(other, consistency))).allowed).toBe(allowed);
    }
  });

  test("a revision that nobody can read is answered as if nothing were fresh enough", async () => {
    const [, other = ""] = team.people;
    await team.join(other);
    for (const value of ["v1.", "v2.abc", "nonsense", "", "v1.AAAA"]) {
      const consistency = { kind: { $case: "atLeastAsFresh" as const, value } };
      expect((await system.decision.check(team.question(other, consistency))).allowed).toBe(true);
    }
    await team.leave(other);
  });
});

describe("a batch", () => {
  const batch = (checks: CheckRequest[], orgId = team.orgId): BatchCheckRequest => ({
    orgId,
    checks,
    consistency: undefined,
  });

  test("answers in order, and a bad question fails alone", async () => {
    const good = team.question(person);
    const { results, revision } = await system.decision.batchCheck(
      batch([
        good,
        { ...good, permission: "fly" },
        { ...good, permission: "delete" },
        { ...good, orgId: randomUUID() },
        { ...good, who: { $case: "credential", value: "sk-nonsense" } },
        { ...good, orgId: "" },
        { ...good, consistency: { kind: { $case: "fullyConsistent", value: {} } } },
      ]),
    );
    expect(revision).toMatch(/^v1\./);
    expect(results.map(({ allowed, error }) => error?.code ?? allowed)).toEqual([
      true,
      "INVALID_ARGUMENT",
      false,
      "INVALID_ARGUMENT",
      "UNAUTHENTICATED",
      true,
      "INVALID_ARGUMENT",
    ]);
    expect(results[1]?.error?.message).toContain("checks[1].permission");
    expect(results.filter(({ error }) => error !== undefined).every(({ allowed }) => !allowed)).toBe(true);
  });

  test.each([1, 99, 100, 101, 999, 1000])("of %i questions drops none", async (size) => {
    const checks = Array.from({ length: size }, (_, index): CheckRequest => {
      const question = team.question(person);
      return index % 2 === 0 ? question : { ...question, permission: "delete" };
    });
    const { results } = await system.decision.batchCheck(batch(checks));
    expect(results.map(({ allowed }) => allowed)).toEqual(
      checks.map(({ permission }) => permission === "read"),
    );
  });

  test("is not empty, and not larger than 1,000", async () => {
    for (const size of [0, 1001]) {
      const checks = Array.from({ length: size }, () => team.question(person));
      await expect(system.decision.batchCheck(batch(checks))).rejects.toMatchObject({ field: "checks" });
    }
  });
});

test("Permissions is the set of what Check allows", async () => {
  const { permissions } = await system.decision.permissions({
    orgId: team.orgId,
    who: { $case: "principalId", value: person },
    object: { type: "experiment", id: team.experimentId },
    consistency: undefined,
  });
  expect(permissions).toEqual(["read"]);
});

describe("Standing", () => {
  const standing = (credential: string) =>
    system.decision.standing({
      orgId: "",
      who: { $case: "credential", value: credential },
      consistency: undefined,
    });

  test("tells an Owner, a member with a grant, and one with none apart", async () => {
    const { orgId, ownerId, ownerKey } = await createOrganization(system, {
      name: randomUUID(),
      owner: { email: `${randomUUID()}@example.com` },
    });
    expect(await standing(ownerKey)).toMatchObject({
      orgId,
      principalId: ownerId,
      owner: true,
      hasGrant: true,
    });
    expect(await standing(await tokenOf(team.orgId, person, { kind: "api_key" }))).toMatchObject({
      orgId: team.orgId,
      principalId: person,
      principalKind: "user",
      credentialKind: "api_key",
      owner: false,
      hasGrant: true,
    });
    expect(await standing(serviceToken)).toMatchObject({
      principalKind: "service_account",
      owner: false,
      hasGrant: false,
    });
  });

  test("of a bad credential is one refusal", async () => {
    await expect(standing("bt-st-nonsense")).rejects.toMatchObject({
      kind: "unauthenticated",
      message: "the credential is not valid",
    });
  });
});
