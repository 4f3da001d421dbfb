import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import {
  Client,
  credentials,
  Metadata,
  Server,
  ServerCredentials,
  type ServiceError,
  status,
} from "@grpc/grpc-js";
import { connect, type NoAnswer, type Portcullis, sawRevision, withOwnRevisions } from "@portcullis/client";
import { guard as guardExpress } from "@portcullis/client/express";
import { guard as guardFastify } from "@portcullis/client/fastify";
import { guarded } from "@portcullis/client/grpc";
import express from "express";
import fastify from "fastify";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { type Gate, openGate } from "../src/gate.ts";
import { startSidecar } from "../src/sidecar.ts";
import { type System, startSystem } from "../src/system.ts";
import { makeTeam, type Team } from "../src/team.ts";

/** Many processes may share few cores. */
const patienceMs = 15_000;

const parts = new AsyncDisposableStack();
let system: System;
let team: Team;
let gate: Gate;
let serviceToken: string;
let portcullis: Portcullis;
/** What guards ask with, as who waits at a door is not to wait long. */
let hasty: Portcullis;
let reader: { readonly id: string; readonly key: string };
let stranger: { readonly id: string; readonly key: string };
const unanswered: NoAnswer[] = [];
const experiment = () => ({ type: "experiment", id: team.experimentId });

beforeAll(async () => {
  system = parts.use(await startSystem({ databaseServerUrl: inject("databaseUrl") }));
  team = await makeTeam(system, 3);
  const [readerId = "", strangerId = ""] = team.people;
  await team.join(readerId);
  reader = { id: readerId, key: await credentialOf(readerId, "api_key") };
  stranger = { id: strangerId, key: await credentialOf(strangerId, "api_key") };
  const made = await team.rest.ok<{ added_users: { id: string }[] }>("PATCH", "/v1/organization/members", {
    invite_users: { service_accounts: [{ name: "application" }] },
  });
  serviceToken = await credentialOf(made.added_users[0]?.id ?? "", "service_token");
  gate = parts.use(await openGate(`http://${system.decisionAddress}`));
  portcullis = parts.use(
    connect({
      address: new URL(gate.url).host,
      serviceToken,
      checkWithinMs: patienceMs,
      onNoAnswer: (error) => unanswered.push(error),
    }),
  );
  hasty = parts.use(connect({ address: new URL(gate.url).host, serviceToken, checkWithinMs: 2000 }));
});
afterAll(() => parts.disposeAsync());

async function credentialOf(principalId: string, kind: "api_key" | "service_token"): Promise<string> {
  const { secret } = await system.tokens.createCredential({
    context: { actor: undefined, requestId: "test", sourceAddress: "", unchangedSince: [] },
    orgId: team.orgId,
    kind,
    principalId,
    name: randomUUID(),
    expiresAt: undefined,
    scope: undefined,
    replace: false,
  });
  return secret;
}

async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const taken: Item[] = [];
  for await (const item of items) taken.push(item);
  return taken;
}

describe("questions", () => {
  test("about a principal, and about whoever holds a credential", async () => {
    expect(await portcullis.isAllowed({ principal: reader.id }, "read", experiment())).toBe(true);
    expect(await portcullis.isAllowed({ credential: reader.key }, "read", experiment())).toBe(true);
    expect(await portcullis.isAllowed({ principal: reader.id }, "delete", experiment())).toBe(false);
    expect(await portcullis.isAllowed({ credential: stranger.key }, "read", experiment())).toBe(false);
    expect(unanswered).toEqual([]);
  });

  test("many at once, of which a bad one fails alone", async () => {
    const answers = await portcullis.checkAll([
      { who: { principal: reader.id }, permission: "read", object: experiment() },
      { who: { principal: reader.id }, permission: "own", object: experiment() },
      { who: { principal: stranger.id }, permission: "read", object: experiment() },
    ]);
    expect(answers.map(({ allowed }) => allowed)).toEqual([true, false, false]);
    expect(answers.map(({ error }) => error?.kind)).toEqual([undefined, "invalid", undefined]);
    expect(answers[1]?.error?.field).toBe("checks[1].permission");
  });

  test("asked in one tick have each their own answer", async () => {
    const asked = Array.from({ length: 60 }, (_, index) => {
      const who = { principal: index % 2 === 0 ? reader.id : stranger.id };
      return portcullis
        .check(who, index === 7 ? "own" : "read", experiment())
        .catch((error: NoAnswer) => error);
    });
    const answers = await Promise.all(asked);
    expect(answers.slice(0, 4).map((answer) => "allowed" in answer && answer.allowed)).toEqual([
      true,
      false,
      true,
      false,
    ]);
    expect(answers[7]).toMatchObject({ name: "NoAnswer", kind: "invalid" });
  });

  test("of everything else", async () => {
    const who = { principal: reader.id };
    expect(await portcullis.permissions(who, experiment())).toEqual(["read"]);
    expect(await all(portcullis.listObjects(who, "read", "experiment"))).toEqual([team.experimentId]);
    const readers = await all(portcullis.listPrincipals("read", experiment()));
    expect(readers.map(({ id }) => id)).toContain(reader.id);
    expect(await portcullis.explain({ principal: stranger.id }, "read", experiment())).toMatchObject({
      allowed: false,
      reason: "no_grant",
    });
  });

  test("are answered by a sidecar, too, without a token", async () => {
    await using sidecar = await startSidecar({ decisionAddress: system.decisionAddress, serviceToken });
    using beside = connect({ address: `unix:${sidecar.path}`, orgId: team.orgId, checkWithinMs: patienceMs });
    expect(await beside.isAllowed({ principal: reader.id }, "read", experiment())).toBe(true);
  });

  test("what is wrong with the options is said at once", () => {
    expect(() => connect({ address: "unix:/nowhere" })).toThrow("orgId: is required without a serviceToken");
    expect(() => connect({ address: "127.0.0.1:1", serviceToken: "sk-x" })).toThrow("serviceToken:");
    expect(() => connect({ address: "decision.example:50051", serviceToken })).toThrow(
      "certificateAuthority:",
    );
  });
});

describe("what one has written, one can read", () => {
  test("within one request, whoever owns what was written", async () => {
    const person = team.people[2] ?? "";
    for (let round = 0; round < 10; round++) {
      await withOwnRevisions(async () => {
        sawRevision(await team.join(person));
        sawRevision(await rename(team));
        expect(await portcullis.isAllowed({ principal: person }, "read", experiment())).toBe(true);
        sawRevision(await team.leave(person));
        expect(await portcullis.isAllowed({ principal: person }, "read", experiment())).toBe(false);
      });
    }
  });

  test("a revision that the library can't read is never dropped", async () => {
    await withOwnRevisions(async () => {
      sawRevision(await team.join(reader.id));
      sawRevision("v9.something");
      expect(await portcullis.isAllowed({ principal: reader.id }, "read", experiment())).toBe(true);
    });
  });
});

async function rename({ rest, projectId }: Team): Promise<string> {
  const { headers } = await rest.request("PATCH", `/v1/project/${projectId}`, { description: randomUUID() });
  return headers.get("x-portcullis-revision") ?? "";
}

describe("without an answer", () => {
  test("nothing is allowed, and the reason is told", async () => {
    unanswered.length = 0;
    gate.holdUp();
    const asked = portcullis.isAllowed({ principal: reader.id }, "read", experiment(), { withinMs: 200 });
    expect(await asked).toBe(false);
    gate.open();
    expect(unanswered.map(({ kind }) => kind)).toEqual(["timeout"]);
    gate.shut();
    expect(await portcullis.isAllowed({ principal: reader.id }, "read", experiment())).toBe(false);
    expect(unanswered.at(-1)?.kind).toMatch(/unavailable|timeout/);
    gate.open();
    await expect.poll(() => portcullis.isAllowed({ principal: reader.id }, "read", experiment())).toBe(true);
    // No secret in what is told.
    expect(JSON.stringify(unanswered)).not.toContain(serviceToken);
  });

  test("who stops waiting does not stop the others", async () => {
    const stop = new AbortController();
    const mine = portcullis.check({ principal: reader.id }, "read", experiment(), { signal: stop.signal });
    const others = portcullis.check({ principal: reader.id }, "read", experiment());
    stop.abort();
    await expect(mine).rejects.toMatchObject({ name: "NoAnswer" });
    expect(await others).toMatchObject({ allowed: true });
  });
});

interface Door {
  /** What the guarded route answers to whoever shows this. */
  ask(authorization: string | undefined, object?: string): Promise<"allowed" | 401 | 403 | 503>;
}

const options = { permission: "read" } as const;
const objectOf = (id: string | undefined) => (id === undefined ? null : { type: "experiment", id });

async function httpDoor(origin: string): Promise<Door> {
  return {
    async ask(authorization, object = team.experimentId) {
      const headers = authorization === undefined ? {} : { authorization };
      const response = await fetch(`${origin}/reports/${object}`, { headers });
      return response.ok ? "allowed" : (response.status as 401);
    },
  };
}

const doors: Readonly<Record<string, () => Promise<Door>>> = {
  async express() {
    const app = express();
    app.get(
      "/reports/:id",
      guardExpress(hasty, { ...options, object: ({ params }) => objectOf(params["id"] as string) }),
      (_request, response) => void response.json(response.locals["portcullis"]),
    );
    const server = app.listen(0, "127.0.0.1");
    parts.defer(() => void server.close());
    await once(server, "listening");
    return httpDoor(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  },

  async fastify() {
    const app = fastify();
    parts.defer(() => app.close());
    const object = ({ params }: { params: unknown }) => objectOf((params as { id?: string }).id);
    app.get("/reports/:id", { preHandler: guardFastify(hasty, { ...options, object }) }, () => ({
      ok: true,
    }));
    return httpDoor(await app.listen({ port: 0, host: "127.0.0.1" }));
  },

  async grpc() {
    const bytes = (value: Buffer) => value;
    const rpc = { path: "/test.Reports/Get", requestStream: false, responseStream: false } as const;
    const codec = {
      requestSerialize: bytes,
      requestDeserialize: bytes,
      responseSerialize: bytes,
      responseDeserialize: bytes,
    };
    const server = new Server();
    const handler = guarded<Buffer, Buffer>(
      hasty,
      { ...options, object: ({ request }) => objectOf(request.toString()) },
      ({ request }, answer) => answer(null, request),
    );
    server.addService({ get: { ...rpc, ...codec } }, { get: handler });
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
        error ? reject(error) : resolve(bound),
      );
    });
    parts.defer(() => server.forceShutdown());
    const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
    parts.defer(() => client.close());
    const meaning = new Map<number, 401 | 403 | 503>([
      [status.UNAUTHENTICATED, 401],
      [status.PERMISSION_DENIED, 403],
      [status.UNAVAILABLE, 503],
    ]);
    return {
      ask: (authorization, object = team.experimentId) =>
        new Promise((resolve) => {
          const metadata = new Metadata();
          if (authorization !== undefined) metadata.set("authorization", authorization);
          client.makeUnaryRequest(
            rpc.path,
            bytes,
            bytes,
            Buffer.from(object),
            metadata,
            (error: ServiceError | null) =>
              resolve(error === null ? "allowed" : (meaning.get(error.code) ?? 401)),
          );
        }),
    };
  },
};

describe.each(Object.keys(doors))("a route of %s", (name) => {
  let door: Door;
  beforeAll(async () => {
    door = (await doors[name]?.()) ?? fail();
    // So that nobody waits for facts at the door.
    await hasty.check({ credential: reader.key }, "read", experiment(), { withinMs: patienceMs });
    await hasty.check({ credential: stranger.key }, "read", experiment(), { withinMs: patienceMs });
  });

  test("is open to whoever is allowed, and to nobody else", async () => {
    expect(await door.ask(`Bearer ${reader.key}`)).toBe("allowed");
    expect(await door.ask(`bearer ${reader.key}`)).toBe("allowed");
    expect(await door.ask(`Bearer ${stranger.key}`)).toBe(403);
    expect(await door.ask(`Bearer ${reader.key}`, randomUUID())).toBe(403);
    expect(await door.ask(`Bearer ${reader.key}`, "no-id")).toBe(403);
  });

  test("asks for a valid credential", async () => {
    const changed = `${reader.key.slice(0, -1)}${reader.key.endsWith("0") ? "1" : "0"}`;
    for (const shown of [
      undefined,
      "",
      "Bearer",
      "Bearer ",
      `Basic ${reader.key}`,
      `Bearer ${changed}`,
      "Bearer a b",
    ]) {
      expect({ shown, answer: await door.ask(shown) }).toEqual({ shown, answer: 401 });
    }
  });

  test("is closed while that can't be decided", async () => {
    gate.holdUp();
    expect(await door.ask(`Bearer ${reader.key}`)).toBe(503);
    gate.open();
    await expect.poll(() => door.ask(`Bearer ${reader.key}`)).toBe("allowed");
  });
});

function fail(): never {
  throw new Error("there is no such door");
}

test("a server that speaks nothing we know is no answer", async () => {
  const server = createServer((socket) => socket.end("HTTP/1.1 200 OK\r\n\r\nallowed"));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  using lost = connect({ address: `127.0.0.1:${(server.address() as AddressInfo).port}`, orgId: team.orgId });
  await expect(lost.check({ principal: reader.id }, "read", experiment())).rejects.toMatchObject({
    name: "NoAnswer",
  });
  server.close();
});
