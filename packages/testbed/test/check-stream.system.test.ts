import { randomUUID } from "node:crypto";
import { type ClientDuplexStream, credentials, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import {
  type CheckRequest,
  type CheckStreamRequest,
  type CheckStreamResponse,
  DecisionClient,
} from "@portcullis/proto/decision/v1/decision";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { type System, startSystem } from "../src/system.ts";
import { makeTeam, type Team } from "../src/team.ts";

// Checks without end over one call, as another service of the platform asks them.

const context = { actor: undefined, requestId: "test", sourceAddress: "", unchangedSince: [] };

let system: System;
let team: Team;
let other: Team;
let person: string;
let account: string;
let client: DecisionClient;

beforeAll(async () => {
  system = await startSystem({ databaseServerUrl: inject("databaseUrl") });
  team = await makeTeam(system, 2);
  other = await makeTeam(system, 1);
  person = team.people[0] ?? "";
  await team.join(person);
  const { members } = await system.identity.inviteMembers({
    context,
    orgId: team.orgId,
    userIds: [],
    users: [],
    serviceAccounts: [{ name: "asker" }],
  });
  account = members[0]?.principal?.id ?? "";
  client = new DecisionClient(system.decisionAddress, credentials.createInsecure());
}, 240_000);
afterAll(async () => {
  client.close();
  await system[Symbol.asyncDispose]();
});

async function newToken(): Promise<{ secret: string; id: string }> {
  const { secret, credential } = await system.tokens.createCredential({
    context,
    orgId: team.orgId,
    kind: "service_token",
    principalId: account,
    name: randomUUID(),
    expiresAt: undefined,
    scope: undefined,
    replace: false,
  });
  return { secret, id: credential?.id ?? "" };
}

interface Talk {
  readonly stream: ClientDuplexStream<CheckStreamRequest, CheckStreamResponse>;
  readonly answers: CheckStreamResponse[];
  readonly code: Promise<status>;
  readonly answered: (count: number) => Promise<void>;
}

function open(secret: string): Talk {
  const metadata = new Metadata();
  metadata.set("authorization", `Bearer ${secret}`);
  const stream = client.checkStream(metadata);
  const answers: CheckStreamResponse[] = [];
  const { promise: code, resolve } = Promise.withResolvers<status>();
  let heard = (): void => undefined;
  stream.on("data", (answer: CheckStreamResponse) => {
    answers.push(answer);
    heard();
  });
  stream.on("error", (error: ServiceError) => resolve(error.code));
  stream.on("status", ({ code: final }: { code: status }) => resolve(final));
  return {
    stream,
    answers,
    code,
    answered: (count) =>
      new Promise((done) => {
        heard = () => {
          if (answers.length >= count) done();
        };
        heard();
      }),
  };
}

test("who asks by a credential is told who holds it", async () => {
  const { secret } = await newToken();
  const { stream, answers, answered } = open(secret);
  const question = team.question(person);
  stream.write({ id: "shown", check: { ...question, who: { $case: "credential", value: secret } } });
  stream.write({ id: "named", check: question });
  await answered(2);
  stream.end();
  expect(new Map(answers.map(({ id, holderId }) => [id, holderId]))).toEqual(
    new Map([
      ["shown", account],
      ["named", undefined],
    ]),
  );
});

test("every question is answered once, under its id; a bad one fails alone; then the call ends well", async () => {
  const question = team.question(person);
  const cases: readonly (readonly [CheckRequest | undefined, string | boolean])[] = [
    [question, true],
    [{ ...question, permission: "delete" }, false],
    [{ ...question, permission: "fly" }, "INVALID_ARGUMENT"],
    [undefined, "INVALID_ARGUMENT"],
    [{ ...question, orgId: "x" }, "INVALID_ARGUMENT"],
    [other.question(other.people[0] ?? ""), "PERMISSION_DENIED"],
    [{ ...question, who: { $case: "credential", value: "sk-nonsense" } }, "UNAUTHENTICATED"],
    [{ ...question, consistency: { kind: { $case: "fullyConsistent", value: {} } } }, true],
    [team.question(randomUUID()), false],
    // Not in memory yet, so they are answered later than what comes after them.
    [{ ...question, what: { $case: "object", value: { type: "dataset", id: randomUUID() } } }, false],
  ];
  const { stream, answers, code } = open((await newToken()).secret);
  const expected = new Map<string, string | boolean>();
  for (let round = 0; round < 200; round++) {
    for (const [index, [check, outcome]] of cases.entries()) {
      const id = `${round} ${index}`;
      expected.set(id, outcome);
      stream.write({ id, check });
    }
  }
  const long = "x".repeat(129);
  expected.set(long, "INVALID_ARGUMENT");
  stream.write({ id: long, check: question });
  stream.end();
  expect(await code).toBe(status.OK);
  expect(answers).toHaveLength(expected.size);
  expect(new Map(answers.map(({ id, allowed, error }) => [id, error?.code ?? allowed]))).toEqual(expected);
  for (const { allowed, error, revision } of answers) {
    expect(error !== undefined && allowed).toBe(false);
    expect(revision).toMatch(error === undefined ? /^v1\./ : /^$/);
  }
  expect(answers.find(({ id }) => id === "0 2")?.error?.message).toContain("permission");
}, 60_000);

test("a change is seen by the next question that carries its revision", async () => {
  const { stream, answers, code, answered } = open((await newToken()).secret);
  const someone = team.people[1] ?? "";
  for (let round = 0; round < 5; round++) {
    const joined = await team.join(someone);
    stream.write({ id: "in", check: team.question(someone, freshAs(joined)) });
    await answered(2 * round + 1);
    const left = await team.leave(someone);
    stream.write({ id: "out", check: team.question(someone, freshAs(left)) });
    await answered(2 * round + 2);
  }
  stream.end();
  expect(await code).toBe(status.OK);
  expect(answers.every(({ id, allowed }) => allowed === (id === "in"))).toBe(true);
}, 60_000);

function freshAs(value: string) {
  return { kind: { $case: "atLeastAsFresh", value } } as const;
}

test("a revoked token ends the call", async () => {
  const { secret, id } = await newToken();
  const { stream, answered, code } = open(secret);
  stream.write({ id: "1", check: team.question(person) });
  await answered(1);
  await system.tokens.revokeCredential({ context, orgId: team.orgId, id, kind: "service_token" });
  expect(await code).toBe(status.UNAUTHENTICATED);
});

test("a service that stops ends the call, and the next one is answered by who comes after it", async () => {
  const { secret } = await newToken();
  const { stream, answered, code } = open(secret);
  stream.write({ id: "1", check: team.question(person) });
  await answered(1);
  await system.stop("decision", "SIGTERM");
  expect(await code).toBe(status.UNAVAILABLE);
  await system.start("decision");
  client.close();
  client = new DecisionClient(system.decisionAddress, credentials.createInsecure());
  const next = open(secret);
  next.stream.write({ id: "2", check: team.question(person) });
  await next.answered(1);
  next.stream.end();
  expect(await next.code).toBe(status.OK);
  expect(next.answers).toMatchObject([{ id: "2", allowed: true }]);
}, 120_000);
