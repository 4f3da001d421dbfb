import { randomUUID } from "node:crypto";
import { fileURLToPath } from "node:url";
import { connect } from "@portcullis/chassis/rpc/client";
import { owners } from "@portcullis/policy";
import {
  AttributeContext,
  AttributeContext_HttpRequest,
  AttributeContext_Request,
} from "@portcullis/proto/envoy/service/auth/v3/attribute_context";
import { AuthorizationService } from "@portcullis/proto/envoy/service/auth/v3/external_auth";
import pg from "pg";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { metricsOf } from "../src/metrics.ts";
import { startSidecar } from "../src/sidecar.ts";
import { type System, serviceNames, startSystem } from "../src/system.ts";
import { makeTeam, type Team } from "../src/team.ts";
import { receiveTraces, type ToldSpan, type TraceReceiver } from "../src/trace-receiver.ts";

// What can be seen from outside of what goes on inside.

/** Decisions are asked for by an Envoy, too. */
const mappingFile = fileURLToPath(new URL("../../../infra/envoy/mapping.yaml", import.meta.url));
const environment = {
  PORTCULLIS_ENVOY_MAPPING_FILE: mappingFile,
  PORTCULLIS_LOG_LEVEL: "debug",
  PORTCULLIS_METRICS_LISTEN: "127.0.0.1:0",
  PORTCULLIS_DECISION_LOG_SAMPLE: "1",
};

const parts = new AsyncDisposableStack();
let traces: TraceReceiver;
let system: System;
let team: Team;
beforeAll(async () => {
  traces = parts.use(await receiveTraces());
  system = parts.use(
    await startSystem({
      databaseServerUrl: inject("databaseUrl"),
      environment: { ...environment, ...traces.environment },
    }),
  );
  team = await makeTeam(system, 1);
});
afterAll(() => parts.disposeAsync());

test("the id that a client sends stands in the answer, in every log on the way, and in the event", async () => {
  const requestId = `trace-${randomUUID()}`;
  const response = await fetch(`${system.adminUrl}/v1/group`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${team.ownerKey}`,
      "content-type": "application/json",
      "x-request-id": requestId,
    },
    body: JSON.stringify({ name: "Traced" }),
  });
  expect(response.status).toBe(200);
  expect(response.headers.get("x-request-id")).toBe(requestId);
  for (const service of ["admin", "decision", "groups", "grants"] as const) {
    await expect.poll(() => system.output(service), { message: service }).toContain(requestId);
  }
  const { events } = await system.facts.groups.readLog({ orgId: team.orgId, after: 0, limit: 0 });
  expect(events.at(-1)?.context?.requestId).toBe(requestId);
});

test("a refusal too can be followed by its id", async () => {
  const requestId = `trace-${randomUUID()}`;
  const answer = await fetch(`${system.adminUrl}/v1/group`, {
    headers: { authorization: "Bearer sk-nonsense", "x-request-id": requestId },
  });
  expect(answer.status).toBe(401);
  await expect.poll(() => system.output("decision")).toContain(requestId);
});

test.each(serviceNames)("%s tells that it lives, that it is ready, and its numbers", async (name) => {
  const metrics = metricsOf(() => system.output(name));
  expect(await metrics.get("/livez")).toMatchObject({ status: 200 });
  expect(await metrics.get("/readyz")).toEqual({ status: 200, text: "ready\n" });
  const told = await metrics.read();
  expect(told.sum("process_resident_memory_bytes", { service: name })).toBeGreaterThan(0);
  expect(told.sum("portcullis_metric_failures_total")).toBe(0);
});

test("answered requests are counted by what was asked and how it ended", async () => {
  const decision = metricsOf(() => system.output("decision"));
  const admin = metricsOf(() => system.output("admin"));
  const check = { rpc: "portcullis.decision.v1.Decision/Check" };
  const list = { method: "GET", route: "/v1/group" };
  const before = { decision: await decision.read(), admin: await admin.read() };
  const [person = ""] = team.people;
  await system.decision.check(team.question(person));
  await expect(system.decision.check({ ...team.question(person), orgId: "" })).rejects.toThrow("org_id");
  await team.rest.ok("GET", "/v1/group");
  const after = { decision: await decision.read(), admin: await admin.read() };
  const grown = (of: "decision" | "admin", metric: string, labels: Record<string, string>) =>
    after[of].sum(metric, labels) - before[of].sum(metric, labels);
  // The facade asks, too.
  expect(grown("decision", "portcullis_rpc_calls_total", { ...check, status: "OK" })).toBeGreaterThanOrEqual(
    1,
  );
  expect(grown("decision", "portcullis_rpc_calls_total", { ...check, status: "INVALID_ARGUMENT" })).toBe(1);
  expect(grown("decision", "portcullis_rpc_duration_seconds_count", check)).toBeGreaterThanOrEqual(2);
  expect(grown("admin", "portcullis_http_requests_total", { ...list, status: "200" })).toBe(1);
  expect(grown("admin", "portcullis_http_duration_seconds_count", list)).toBe(1);
});

test("each layer tells how often it had a fact, and how fresh what it knows is", async () => {
  const decision = metricsOf(() => system.output("decision"));
  const [person = ""] = team.people;
  const reads = (layer: string, outcome: string) => ({ layer, outcome });
  const before = await decision.read();
  await team.join(person);
  await system.decision.check(team.question(person));
  await system.decision.check(team.question(person));
  const after = await decision.read();
  for (const labels of [reads("memory", "hit"), reads("memory", "miss"), reads("owner", "hit")]) {
    const name = "portcullis_fact_reads_total";
    expect(after.sum(name, labels), JSON.stringify(labels)).toBeGreaterThan(before.sum(name, labels));
  }
  for (const owner of owners) {
    expect(after.sum("portcullis_owner_reachable", { owner })).toBe(1);
    expect(after.sum("portcullis_watermark_age_seconds", { owner })).toBeLessThan(30);
  }
});

test("owners tell of their database, of the events that wait and of the jobs that failed", async () => {
  const groups = metricsOf(() => system.output("groups"));
  const told = await groups.read();
  expect(told.sum("portcullis_database_connections_max", { use: "writes" })).toBeGreaterThan(0);
  expect(told.sum("portcullis_database_connections")).toBeGreaterThan(0);
  expect(told.sum("portcullis_relay_seat")).toBe(1);
  expect(told.sum("portcullis_queue_jobs", { queue: "identity-groups", state: "failed" })).toBe(0);
  await expect.poll(async () => (await groups.read()).sum("portcullis_relay_lag_events")).toBe(0);
});

test("no number says whom or what it is about", async () => {
  for (const name of serviceNames) {
    const { text } = await metricsOf(() => system.output(name)).read();
    expect(text).not.toMatch(/[0-9a-f]{8}-[0-9a-f]{4}-|@|sk-|bt-st-/i);
  }
});

/** What decision tells of what was asked under this id. */
function linesOf(requestId: string): unknown[] {
  return system
    .output("decision")
    .split("\n")
    .filter((line) => line.includes(requestId) && /"msg":"(not )?decided"/.test(line))
    .map((line): unknown => JSON.parse(line));
}

test("a decision is told with who asked what, its reason and how far its facts came", async () => {
  const [person = ""] = team.people;
  await team.join(person);
  const { decision } = system;
  const object = { type: "experiment", id: team.experimentId };
  const asked = { msg: "decided", by: "admin", org: team.orgId, permission: "read", object };
  const requestId = randomUUID();
  const question = team.question(person);
  const secret = { $case: "credential", value: team.ownerKey } as const;
  await decision.check(question, { requestId });
  await decision.batchCheck(
    { orgId: team.orgId, checks: [question, { ...question, permission: "pet" }], consistency: undefined },
    { requestId },
  );
  await decision.check(team.question(randomUUID()), { requestId });
  await decision.check({ ...question, who: secret }, { requestId });
  await expect(
    decision.check({ ...question, who: { ...secret, value: "sk-none" } }, { requestId }),
  ).rejects.toThrow();
  const grant = {
    reason: "grant",
    acl: expect.any(String) as string,
    grantedOn: { type: "project", id: team.projectId },
  };
  await expect.poll(() => linesOf(requestId)).toHaveLength(6);
  expect(linesOf(requestId)).toMatchObject([
    { ...asked, principal: person, allowed: true, ...grant },
    { ...asked, principal: person, allowed: true, ...grant, layer: "memory" },
    { msg: "not decided", by: "admin", failure: "invalid" },
    { ...asked, allowed: false, reason: "not_a_member", layer: "owner" },
    { ...asked, allowed: true, reason: "grant" },
    { msg: "not decided", by: "admin", failure: "unauthenticated" },
  ]);
  for (const name of serviceNames)
    expect(system.output(name)).not.toMatch(new RegExp(`${team.ownerKey}|sk-none|@`));
});

test("what an Envoy asks is told as well", async () => {
  const gateway = await team.newAccount("gateway");
  const application = await team.newAccount("application");
  using connection = connect({
    peer: "decision",
    address: system.decisionAddress,
    serviceToken: () => gateway.key,
  });
  const ask = async (credential: string) => {
    const none = Buffer.alloc(0);
    const http = {
      ...AttributeContext_HttpRequest.decode(none),
      method: "GET",
      path: `/experiments/${team.experimentId}`,
      headers: { authorization: `Bearer ${credential}` },
    };
    const request = { ...AttributeContext_Request.decode(none), http };
    const requestId = randomUUID();
    const attributes = { ...AttributeContext.decode(none), request };
    await connection.stub(AuthorizationService).check({ attributes }, { requestId });
    await expect.poll(() => linesOf(requestId)).toHaveLength(1);
    return linesOf(requestId)[0];
  };
  const decision = metricsOf(() => system.output("decision"));
  const denials = async () =>
    (await decision.read()).sum("portcullis_decisions_total", { outcome: "denied" });
  const before = await denials();
  const by = { by: gateway.id, org: team.orgId };
  const told = { ...by, principal: application.id, permission: "read", allowed: false, reason: "no_grant" };
  expect(await ask(application.key)).toMatchObject({ msg: "decided", ...told });
  expect(await denials()).toBe(before + 1);
  const unknown = application.key.replace(/.$/, (last) => (last === "0" ? "1" : "0"));
  expect(await ask(unknown)).toMatchObject({
    msg: "not decided",
    by: gateway.id,
    failure: "unauthenticated",
  });
  expect(system.output("decision")).not.toContain(application.key);
  expect(system.output("decision")).not.toContain(unknown);
});

test("one write is one trace, from the first door to the database and the work that follows from it", async () => {
  const traceId = randomUUID().replaceAll("-", "");
  const callersSpan = "00f067aa0ba902b7";
  const requestId = randomUUID();
  const response = await fetch(`${system.adminUrl}/v1/group`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${team.ownerKey}`,
      "content-type": "application/json",
      "x-request-id": requestId,
      traceparent: `00-${traceId}-${callersSpan}-01`,
    },
    body: JSON.stringify({ name: "Followed by its trace" }),
  });
  expect(response.status).toBe(200);
  const told = () => traces.spans().filter((span) => span.traceId === traceId);
  /** From where it happened up to the caller's own span, by their names. */
  const wayOf = ({ service, name, parentSpanId = "" }: ToldSpan): string[] => {
    const here = `${service} ${name}`;
    if (parentSpanId === callersSpan) return [here];
    const parent = told().find(({ spanId }) => spanId === parentSpanId);
    return parent === undefined ? [here, "nothing"] : [here, ...wayOf(parent)];
  };
  const ways = () => told().map((span) => wayOf(span).map((step) => step.replace("portcullis-", "")));
  const door = "admin POST /v1/group";
  const asked = ["admin portcullis.groups.v1.Groups/CreateGroup", door];
  const answered = ["groups portcullis.groups.v1.Groups/CreateGroup", ...asked];
  const written = ["groups postgresql write", ...answered];
  await expect.poll(ways).toContainEqual(["decision invalidate", ...written]);
  expect(ways()).toContainEqual([door]);
  expect(ways()).toContainEqual(written);
  // Also what was asked before the body had been read.
  const batchCheck = "portcullis.decision.v1.Decision/BatchCheck";
  expect(ways()).toContainEqual([`decision ${batchCheck}`, `admin ${batchCheck}`, door]);
  await expect.poll(() => ways().filter((way) => way.at(-1) !== door)).toEqual([]);
  const doorSpan = told().find(({ parentSpanId }) => parentSpanId === callersSpan);
  expect(JSON.stringify(doorSpan?.attributes)).toContain(requestId);
});

test("a trace begins with a request alone, and none tells a secret or of whom it is", async () => {
  const roots = traces.spans().filter(({ parentSpanId = "" }) => parentSpanId === "");
  expect(roots.length).toBeGreaterThan(0);
  expect(roots.filter(({ name }) => !/^[A-Z]+ \/v1\//.test(name))).toEqual([]);
  const secrets = [team.ownerKey, system.serviceCredential, team.orgId, ...team.people];
  for (const secret of secrets) expect(traces.text).not.toContain(secret);
  expect(traces.text).not.toMatch(/@|select |insert /i);
});

test("without OTEL_* nothing of OpenTelemetry is even loaded", async () => {
  const refuse = `import { registerHooks } from "node:module";
    registerHooks({ resolve: (name, context, next) => {
      if (name.startsWith("@opentelemetry/")) throw new Error("loaded " + name);
      return next(name, context);
    } });`;
  const NODE_OPTIONS = `--import=data:text/javascript,${encodeURIComponent(refuse)}`;
  const started = {
    decisionAddress: system.decisionAddress,
    serviceToken: (await team.newAccount("small pod")).key,
  };
  await using _sidecar = await startSidecar({ ...started, environment: { NODE_OPTIONS } });
  const traced = startSidecar({ ...started, environment: { NODE_OPTIONS, ...traces.environment } });
  await expect(traced).rejects.toThrow("loaded @opentelemetry/");
});

test("a sidecar is ready once it knows where the logs stand, and tells how it answers", async () => {
  const started = {
    decisionAddress: system.decisionAddress,
    serviceToken: (await team.newAccount("pod")).key,
    environment,
  };
  await using sidecar = await startSidecar(started);
  const metrics = metricsOf(() => sidecar.output());
  expect(await metrics.get("/readyz")).toEqual({ status: 200, text: "ready\n" });
  const [person = ""] = team.people;
  await sidecar.decision.check(team.question(person));
  const told = await metrics.read();
  expect(told.sum("portcullis_rpc_calls_total", { rpc: "portcullis.decision.v1.Decision/Check" })).toBe(1);
  expect(told.sum("portcullis_decisions_total")).toBe(1);
  await expect.poll(() => sidecar.output()).toMatch(/"by":"".*"layer":"upstream","msg":"decided"/);
  expect(told.sum("portcullis_fact_reads_total", { layer: "upstream", outcome: "hit" })).toBeGreaterThan(0);
  await using lost = await startSidecar({ ...started, decisionAddress: "127.0.0.1:1" });
  expect(await metricsOf(() => lost.output()).get("/readyz")).toEqual({
    status: 503,
    text: "not there: decision\n",
  });
});

// The last one, as the database stays away.
test("an owner without its database lives, and is not ready", async () => {
  const groups = metricsOf(() => system.output("groups"));
  const server = new pg.Client({ connectionString: inject("databaseUrl") });
  await server.connect();
  const name = new URL(system.databaseUrl("groups")).pathname.slice(1);
  await server.query(`drop database ${pg.escapeIdentifier(name)} with (force)`);
  await server.end();
  await expect.poll(() => groups.get("/readyz")).toEqual({ status: 503, text: "not there: database\n" });
  expect(await groups.get("/livez")).toMatchObject({ status: 200 });
});
