import { execFile, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtempDisposable, readFile, symlink, writeFile } from "node:fs/promises";
import { findPackageJSON } from "node:module";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import {
  connect,
  type NoAnswer,
  type Portcullis,
  sawRevision,
  type Who,
  withOwnRevisions,
} from "@portcullis/client";
import { connectEmbedded, type Embedded } from "@portcullis/client/embedded";
import { accessOf } from "@portcullis/client/express";
import { newCredential } from "@portcullis/credential";
import { encodeRevision } from "@portcullis/facts/revision";
import { freePort } from "@portcullis/one-machine/free-port";
import type { OrgId } from "@portcullis/policy";
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from "vitest";
import { type Door, doors } from "../src/doors.ts";
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
let applicationId: string;
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
  applicationId = made.added_users[0]?.id ?? "";
  serviceToken = await credentialOf(applicationId, "service_token");
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
    expect(answers[1]?.error?.field).toBe("permission");
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

  test("that can't be sent are refused alone, whoever asks in the same tick", async () => {
    const who = { principal: reader.id };
    const tooLong = { type: "experiment", id: "x".repeat(5_000_000) };
    const none = undefined as unknown as string;
    const asked = [
      portcullis.check({ principal: none }, "read", experiment()),
      portcullis.check(who, "read", tooLong),
      portcullis.check(who, "read", experiment()),
      portcullis.check(who, "read", experiment(), { withinMs: Number.NaN }),
    ];
    const answers = await Promise.all(asked.map((answer) => answer.catch((error: NoAnswer) => error.field)));
    expect(answers).toEqual([
      "principal_id",
      "object.id",
      expect.objectContaining({ allowed: true, principalId: reader.id }),
      "withinMs",
    ]);
    const many = await portcullis.checkAll([
      { who, permission: "read", object: tooLong },
      { who: { credential: reader.key }, permission: "read", object: experiment() },
    ]);
    expect(many[0]).toMatchObject({ allowed: false, error: { field: "object.id" } });
    expect(many[1]).toMatchObject({ allowed: true, principalId: reader.id, error: null });
  });

  test("may be more in one tick than a message may hold", async () => {
    const asked = Array.from({ length: 1001 }, (_, index) =>
      portcullis.isAllowed({ principal: index === 1000 ? stranger.id : reader.id }, "read", experiment()),
    );
    const answers = await Promise.all(asked);
    expect(answers.filter((allowed) => allowed)).toHaveLength(1000);
    expect(answers[1000]).toBe(false);
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

test("what happens is told once, also when the connection breaks meanwhile", async () => {
  const [person = ""] = team.people.slice(2);
  await team.rest.ok("POST", "/v1/acl", {
    object_type: "org_audit_logs",
    object_id: team.orgId,
    user_id: applicationId,
    permission: "read",
  });
  unanswered.length = 0;
  // Of all owners.
  const now = { fullyConsistent: true };
  const { revision: from } = await portcullis.check({ credential: reader.key }, "read", experiment(), now);
  const told = portcullis.watch({ from })[Symbol.asyncIterator]();
  await team.join(person);
  const joined: IteratorResult<unknown> = await told.next();
  const next: Promise<IteratorResult<unknown>> = told.next();
  gate.shut();
  await expect.poll(() => unanswered.map(({ kind }) => kind)).toContain("unavailable");
  gate.open();
  await team.leave(person);
  const left = await next;
  await told.return?.();
  const subject = { type: "group", id: team.groupId };
  expect([joined.value, left.value]).toMatchObject([
    { subject, actor: expect.any(String) },
    { subject, before: expect.anything(), after: expect.anything() },
  ]);
  expect(left).not.toEqual(joined);
});

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

describe.each(Object.keys(doors))("a route of %s", (name) => {
  let door: Door;
  let handle: (request: object) => Promise<void>;
  const ask = (authorization: string | undefined, object = team.experimentId) =>
    door.ask(authorization, object);

  beforeAll(async () => {
    door = parts.use((await doors[name]?.(hasty, (request) => handle(request))) ?? expect.unreachable());
    // So that nobody waits for facts at the door.
    await hasty.check({ credential: reader.key }, "read", experiment(), { withinMs: patienceMs });
    await hasty.check({ credential: stranger.key }, "read", experiment(), { withinMs: patienceMs });
  });
  beforeEach(() => {
    handle = async () => undefined;
  });

  test("is open to whoever is allowed, and to nobody else", async () => {
    expect(await ask(`Bearer ${reader.key}`)).toBe("allowed");
    expect(await ask(`bearer ${reader.key}`)).toBe("allowed");
    expect(await ask(`Bearer ${stranger.key}`)).toBe(403);
    expect(await ask(`Bearer ${reader.key}`, randomUUID())).toBe(403);
    expect(await ask(`Bearer ${reader.key}`, "no id at all")).toBe(403);
  });

  test("asks whoever shows no valid credential to show one", async () => {
    const strange = [undefined, "", "Bearer", "Bearer ", `Basic ${reader.key}`, reader.key];
    for (const shown of [...strange, `Bearer ${reader.key}x`, `Bearer ${reader.key} x`]) {
      expect([shown, await ask(shown)]).toEqual([shown, 401]);
    }
  });

  test("knows who was let through, and what was seen in a request for that request alone", async () => {
    const ofAnother = encodeRevision({ org: randomUUID() as OrgId, seen: [] });
    const heard: unknown[] = [];
    const writes = [true, false].values();
    handle = async (request) => {
      if (writes.next().value === true) sawRevision(ofAnother);
      const asked = hasty.check({ principal: reader.id }, "read", experiment());
      heard.push(accessOf(request).principalId, await asked.catch(({ field }: NoAnswer) => field));
    };
    expect([await ask(`Bearer ${reader.key}`), await ask(`Bearer ${reader.key}`)]).toEqual([
      "allowed",
      "allowed",
    ]);
    const refused = "consistency.at_least_as_fresh";
    expect(heard).toEqual([reader.id, refused, reader.id, expect.objectContaining({ allowed: true })]);
  });

  test("is closed while that can't be decided", async () => {
    gate.shut();
    expect(await ask(`Bearer ${reader.key}`)).toBe(503);
    gate.open();
    await expect.poll(() => ask(`Bearer ${reader.key}`)).toBe("allowed");
  });

  test("is closed while our own credential is not valid, which is not the fault of whoever knocks", async () => {
    const { secret } = newCredential("service_token", team.orgId as OrgId);
    using own = connect({
      address: new URL(gate.url).host,
      serviceToken: secret,
      checkWithinMs: patienceMs,
      onNoAnswer: (error) => unanswered.push(error),
    });
    await using closed = (await doors[name]?.(own, async () => undefined)) ?? expect.unreachable();
    expect(await closed.ask(`Bearer ${reader.key}`, team.experimentId)).toBe(503);
    expect(unanswered.at(-1)).toMatchObject({ kind: "unauthenticated", field: "authorization" });
  });
});

describe("decided in this process", () => {
  const boundMs = 1000;
  let embedded: Embedded;
  beforeAll(() => {
    embedded = parts.use(
      connectEmbedded({
        address: new URL(gate.url).host,
        serviceToken,
        maxStalenessMs: boundMs,
        checkWithinMs: patienceMs,
        onNoAnswer: (error) => unanswered.push(error),
      }),
    );
  });

  test("it is answered at once, once memory holds all that it takes", async () => {
    const now = (who: Who) => embedded.checkNow(who, "read", experiment());
    for (const [who, answer] of [
      [{ principal: reader.id }, { allowed: true, principalId: reader.id }],
      [{ credential: reader.key }, { allowed: true, principalId: reader.id }],
      [{ principal: stranger.id }, { allowed: false, principalId: stranger.id }],
    ] as const) {
      expect(await now(who)).toMatchObject(answer);
      await expect.poll(() => now(who)).toMatchObject(answer);
      await expect.poll(() => now(who) instanceof Promise).toBe(false);
    }
    expect(() => embedded.checkNow({ principal: reader.id }, "own", experiment())).toThrow(
      expect.objectContaining({ name: "NoAnswer", kind: "invalid", field: "permission" }),
    );
    expect(() => now({ credential: "sk-nobody" })).toThrow(
      expect.objectContaining({ kind: "unauthenticated" }),
    );
  });

  test("so is all else, as decision would", async () => {
    const who = { credential: reader.key };
    const question = { who, permission: "read", object: experiment() };
    const answers = await embedded.checkAll([question, { ...question, permission: "own" }]);
    expect(answers.map(({ allowed, error }) => [allowed, error?.field])).toEqual([
      [true, undefined],
      [false, "permission"],
    ]);
    expect(await embedded.permissions(who, experiment())).toEqual(["read"]);
    expect(await all(embedded.listObjects(who, "read", "experiment"))).toEqual([team.experimentId]);
    const place = { type: "experiment", under: { type: "project", id: team.projectId } };
    expect(await embedded.isAllowed(who, "create", place)).toBe(false);
  });

  test("what was written is seen by who wrote it, and by all others within the bound", async () => {
    const who = { principal: team.people[2] ?? "" };
    await withOwnRevisions(async () => {
      sawRevision(await team.join(who.principal));
      expect(await embedded.isAllowed(who, "read", experiment())).toBe(true);
      sawRevision(await team.leave(who.principal));
      expect(await embedded.isAllowed(who, "read", experiment())).toBe(false);
      sawRevision(await team.join(who.principal));
      expect(await embedded.isAllowed(who, "read", experiment())).toBe(true);
    });
    await team.leave(who.principal);
    const leftAt = performance.now();
    for (;;) {
      const askedAt = performance.now();
      if (!(await embedded.check(who, "read", experiment())).allowed) break;
      expect(askedAt - leftAt).toBeLessThan(boundMs);
    }
  });

  test("cut off from decision, it is answered within the bound, and then no more", async () => {
    const who = { principal: team.people[2] ?? "" };
    await team.join(who.principal);
    await expect.poll(() => embedded.isAllowed(who, "read", experiment())).toBe(true);
    unanswered.length = 0;
    gate.holdUp();
    await team.leave(who.principal);
    const leftAt = performance.now();
    for (;;) {
      const askedAt = performance.now();
      if (!(await embedded.isAllowed(who, "read", experiment()))) break;
      expect(askedAt - leftAt).toBeLessThan(boundMs);
      await new Promise(setImmediate);
    }
    expect(unanswered.map(({ kind }) => kind)).toEqual(["unavailable"]);
    gate.open();
    await expect
      .poll(() => embedded.check(who, "read", experiment()).catch(String))
      .toMatchObject({
        allowed: false,
      });
  });
});

/** Takes away what the oldest Node that the library is for has not. */
const asNode20 = `
for (const name of ["DisposableStack", "AsyncDisposableStack", "SuppressedError", "Iterator", "Float16Array"]) {
  delete globalThis[name];
}
for (const [owner, names] of [
  [Promise, ["withResolvers", "try"]],
  [Array, ["fromAsync"]],
  [Object, ["groupBy"]],
  [Map, ["groupBy"]],
  [Set.prototype, ["union", "intersection", "difference", "isSubsetOf", "isSupersetOf", "isDisjointFrom"]],
  [Object.getPrototypeOf(Object.getPrototypeOf([].values())), ["map", "filter", "take", "some", "find", "toArray"]],
]) {
  for (const name of names) delete owner[name];
}
`;

test("packed and installed by npm, it types and guards the first route of its README", async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), "application-"));
  const at = (...names: readonly string[]) => join(folder.path, ...names);
  const library = fileURLToPath(new URL("../../client", import.meta.url));
  const run = (program: string, ...words: readonly string[]) =>
    promisify(execFile)(program, words, { cwd: folder.path, encoding: "utf8" });

  const { stdout: tarball } = await run(process.execPath, join(library, "pack.ts"), folder.path);
  await writeFile(at("package.json"), JSON.stringify({ type: "module", private: true }));
  await run("npm", "install", "--prefer-offline", "--no-audit", "--no-fund", tarball.trim());
  // What an application has besides; the types of Node come with grpc-js.
  for (const name of ["express", "@types/express"]) {
    await symlink(dirname(findPackageJSON(name, import.meta.url) ?? name), at("node_modules", name));
  }
  const readme = await readFile(join(library, "README.md"), "utf8");
  await writeFile(at("app.ts"), /```ts\n(.*?)```/s.exec(readme)?.[1] ?? "");
  const strict = ["--strict", "--target", "es2023", "--module", "nodenext", "--types", "node"];
  await run(join(library, "node_modules/.bin/tsc"), ...strict, "--ignoreConfig", "app.ts");

  const port = await freePort();
  const environment = {
    PORT: `${port}`,
    PORTCULLIS_DECISION_ADDRESS: system.decisionAddress,
    PORTCULLIS_SERVICE_TOKEN: serviceToken,
  };
  await writeFile(at("as-node-20.mjs"), asNode20);
  const words = ["--import", at("as-node-20.mjs"), at("app.js")];
  const application = spawn(process.execPath, words, { env: environment, stdio: "inherit" });
  using _ = { [Symbol.dispose]: () => application.kill("SIGKILL") };
  const ask = async (key: string) => {
    const headers = { authorization: `Bearer ${key}` };
    const url = `http://127.0.0.1:${port}/experiments/${team.experimentId}`;
    return fetch(url, { headers }).then(({ status }) => status, String);
  };
  await expect.poll(() => ask(reader.key)).toBe(200);
  expect(await ask(stranger.key)).toBe(403);
  expect(await ask("sk-nobody")).toBe(401);
});

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
