import { once } from "node:events";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { get, type IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { json } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { Fault } from "@portcullis/chassis/fault";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { openGate } from "../src/gate.ts";
import { type Sidecar, startSidecar } from "../src/sidecar.ts";
import { type System, startSystem } from "../src/system.ts";
import { makeTeam, type Team } from "../src/team.ts";

const maxStalenessMs = 1000;

const parts = new AsyncDisposableStack();
let system: System;
let team: Team;
let serviceToken: string;
let sidecar: Sidecar;
beforeAll(async () => {
  system = parts.use(
    await startSystem({
      databaseServerUrl: inject("databaseUrl"),
      environment: { PORTCULLIS_MAX_STALENESS_MS: String(maxStalenessMs) },
    }),
  );
  team = await makeTeam(system, 6);
  serviceToken = (await team.newAccount("pod")).key;
  sidecar = parts.use(
    await startSidecar({ decisionAddress: system.decisionAddress, serviceToken, environment }),
  );
});
afterAll(() => parts.disposeAsync());

const environment = { PORTCULLIS_MAX_STALENESS_MS: String(maxStalenessMs) };

/** A sidecar of one's own, which reaches its upstream through a gate. */
async function gatedSidecar(more: Readonly<Record<string, string>> = {}) {
  const gate = await openGate(`http://${system.decisionAddress}`);
  const { host } = new URL(gate.url);
  const own = await startSidecar({
    decisionAddress: host,
    serviceToken,
    environment: { ...environment, ...more },
  });
  return {
    gate,
    sidecar: own,
    async [Symbol.asyncDispose]() {
      await own[Symbol.asyncDispose]();
      await gate[Symbol.asyncDispose]();
    },
  };
}

/** A person of the team whom the sidecar knows, and allows. */
async function knownMember(index: number, { decision }: Sidecar): Promise<string> {
  const person = team.people[index] ?? "";
  const revision = await team.join(person);
  const fresh = { kind: { $case: "atLeastAsFresh", value: revision } } as const;
  expect(await decision.check(team.question(person, fresh))).toMatchObject({ allowed: true });
  return person;
}

/** Asks about somebody who has just lost their access, until there is no answer any more. Answers how often they were allowed. */
async function allowedWithinBound({ decision }: Sidecar, person: string): Promise<number> {
  const lostAt = performance.now();
  for (let allowed = 0; ; allowed++) {
    const askedAt = performance.now();
    const answer = await codeOf(decision.check(team.question(person)));
    if (answer === "unavailable") return allowed;
    // An allow of something that was so when the question came in, or no longer ago than the bound.
    expect({ answer, isWithinBound: askedAt <= lostAt + maxStalenessMs }).toEqual({
      answer: "answered",
      isWithinBound: true,
    });
    await delay(5);
  }
}

async function codeOf(answer: Promise<unknown>): Promise<string> {
  return await answer.then(
    () => "answered",
    (error: unknown) => (error instanceof Fault ? error.kind : String(error)),
  );
}

describe("a sidecar answers as its upstream does", () => {
  test("about who may and who may not, one by one, in a batch, and in all", async () => {
    const member = await knownMember(0, sidecar);
    const [, stranger = ""] = team.people;
    expect(await sidecar.decision.check(team.question(stranger))).toMatchObject({ allowed: false });
    const checks = [team.question(member), team.question(stranger)];
    const { results } = await sidecar.decision.batchCheck({
      orgId: team.orgId,
      checks,
      consistency: undefined,
    });
    expect(results.map(({ allowed }) => allowed)).toEqual([true, false]);
    const { permissions } = await sidecar.decision.permissions({
      orgId: team.orgId,
      who: { $case: "principalId", value: member },
      object: { type: "experiment", id: team.experimentId },
      consistency: undefined,
    });
    expect(permissions).toEqual(["read"]);
  });

  test("what takes the indexes of the owners is passed on to it", async () => {
    const member = await knownMember(0, sidecar);
    const { ids } = await sidecar.decision.listObjects({
      orgId: team.orgId,
      who: { $case: "principalId", value: member },
      permission: "read",
      type: "experiment",
      under: undefined,
      limit: 0,
      cursor: "",
      consistency: { kind: { $case: "fullyConsistent", value: {} } },
    });
    expect(ids).toEqual([team.experimentId]);
  });

  test("fully consistent, and as fresh as what one has written", async () => {
    const person = await knownMember(1, sidecar);
    for (let round = 0; round < 20; round++) {
      const left = await team.leave(person);
      const fresh = { kind: { $case: "atLeastAsFresh", value: left } } as const;
      expect(await sidecar.decision.check(team.question(person, fresh))).toMatchObject({ allowed: false });
      await team.join(person);
      const fully = { kind: { $case: "fullyConsistent", value: {} } } as const;
      expect(await sidecar.decision.check(team.question(person, fully))).toMatchObject({ allowed: true });
    }
  });

  test("a revocation is in force at once, by the news alone", async () => {
    const person = await knownMember(2, sidecar);
    await team.leave(person);
    await expect
      .poll(async () => (await sidecar.decision.check(team.question(person))).allowed, { interval: 1 })
      .toBe(false);
  });

  test("about another organisation it says nothing", async () => {
    const other = await makeTeam(system, 1);
    const [person = ""] = other.people;
    expect(await codeOf(sidecar.decision.check(other.question(person)))).toBe("denied");
  });

  test("a bad question is refused with the field that is bad", async () => {
    const bad = { ...team.question(team.people[0] ?? ""), permission: "own" };
    await expect(sidecar.decision.check(bad)).rejects.toMatchObject({ kind: "invalid", field: "permission" });
  });
});

describe("cut off from its upstream", () => {
  test("it answers from memory as long as the bound allows, then not at all, and recovers", async () => {
    await using cutOff = await gatedSidecar();
    const { gate, sidecar: own } = cutOff;
    const person = await knownMember(3, own);
    gate.shut();
    expect(await own.decision.check(team.question(person))).toMatchObject({ allowed: true });
    // Nobody tells it of this.
    await team.leave(person);
    expect(await allowedWithinBound(own, person)).toBeGreaterThan(0);
    gate.open();
    await expect
      .poll(() => own.decision.check(team.question(person)).catch(() => null), { interval: 20 })
      .toMatchObject({ allowed: false });
  });

  test("a stream that stalls while its connection lives is no better than none", async () => {
    await using stalled = await gatedSidecar();
    const { gate, sidecar: own } = stalled;
    const person = await knownMember(4, own);
    gate.holdUp("back");
    await team.leave(person);
    expect(await allowedWithinBound(own, person)).toBeGreaterThan(0);
    gate.open();
  });

  test("it says denied instead, and says so loudly, where it is told to", async () => {
    await using cutOff = await gatedSidecar({ PORTCULLIS_WHEN_UNAVAILABLE: "deny" });
    const { gate, sidecar: own } = cutOff;
    const person = await knownMember(3, own);
    gate.shut();
    await expect
      .poll(() => own.decision.check(team.question(person)), { interval: 20 })
      .toEqual({ allowed: false, revision: "" });
    const checks = [team.question(person)];
    const batch = await own.decision.batchCheck({ orgId: team.orgId, checks, consistency: undefined });
    expect(batch.results).toEqual([{ allowed: false, error: undefined }]);
    expect(own.output()).toContain("denied what can't be answered");
  });

  test("it does not outlive the token that it shows, and says why", async () => {
    const token = await team.newAccount("another pod");
    await using own = await startSidecar({
      decisionAddress: system.decisionAddress,
      serviceToken: token.key,
      environment,
    });
    const person = await knownMember(5, own);
    await team.rest.ok("DELETE", "/v1/service_token", { id: token.tokenId });
    await expect
      .poll(() => codeOf(own.decision.check(team.question(person))), { interval: 20 })
      .toBe("unavailable");
    expect(own.output()).toContain('"cause":"the credential is not valid","msg":"an owner can\'t be asked');
    // So it is with what is passed on: whoever asks here has no credential to be refused.
    const explained = own.decision.explain({ ...team.question(person) });
    expect(await codeOf(explained)).toBe("unavailable");
  });
});

describe("beside an application", () => {
  test("its socket is for its user and group alone", async () => {
    const { mode } = await stat(sidecar.path);
    expect(mode & 0o777).toBe(0o660);
  });

  test("it listens nowhere that others can reach", async () => {
    const start = startSidecar({
      decisionAddress: system.decisionAddress,
      serviceToken,
      environment: { PORTCULLIS_LISTEN: "0.0.0.0:0" },
    });
    await expect(start).rejects.toThrow(/PORTCULLIS_LISTEN: must be a unix socket or loopback/);
  });

  test("when it was killed, it serves AuthZEN on the same socket again", async () => {
    const folder = await mkdtemp(join(tmpdir(), "sidecar-http-"));
    const socketPath = join(folder, "http.sock");
    const options = {
      decisionAddress: system.decisionAddress,
      serviceToken,
      environment: { PORTCULLIS_HTTP_LISTEN: `unix:${socketPath}` },
    };
    try {
      await using first = await startSidecar(options);
      await first.stop("SIGKILL");
      await using _ = await startSidecar(options);
      const asked = get({ socketPath, path: "/.well-known/authzen-configuration" });
      const [answer] = (await once(asked, "response")) as [IncomingMessage];
      expect(await json(answer)).toMatchObject({ policy_decision_point: "http://localhost" });
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test("it reads what was used last when it starts again, and keeps no secret", async () => {
    const folder = await mkdtemp(join(tmpdir(), "sidecar-state-"));
    const file = join(folder, "state.json");
    const options = {
      decisionAddress: system.decisionAddress,
      serviceToken,
      environment: { ...environment, PORTCULLIS_STATE_FILE: file },
    };
    try {
      await using first = await startSidecar(options);
      const person = await knownMember(0, first);
      const byKey = { ...team.question(person), who: { $case: "credential", value: serviceToken } } as const;
      await first.decision.check(byKey);
      await first.stop("SIGTERM");
      const noted = await readFile(file, "utf8");
      expect(noted).toContain(person);
      expect(noted).toContain(team.experimentId);
      expect(noted).not.toContain("credential");
      expect((await stat(file)).mode & 0o777).toBe(0o600);
      await using second = await startSidecar(options);
      await expect.poll(() => second.output()).toContain("what was used last is in memory again");
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
