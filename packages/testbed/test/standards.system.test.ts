import { randomUUID } from "node:crypto";
import { fileURLToPath } from "node:url";
import { type ClientOptions, connect } from "@portcullis/chassis/rpc/client";
import { freePort } from "@portcullis/one-machine/free-port";
import {
  AttributeContext,
  AttributeContext_HttpRequest,
  AttributeContext_Request,
} from "@portcullis/proto/envoy/service/auth/v3/attribute_context";
import {
  AuthorizationService,
  type CheckRequest,
  type CheckResponse,
} from "@portcullis/proto/envoy/service/auth/v3/external_auth";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { startSidecar } from "../src/sidecar.ts";
import { type System, startSystem } from "../src/system.ts";
import { type Account, makeTeam, type Team } from "../src/team.ts";

// The standards that others ask us in, with nothing of ours but the ids: the AuthZEN Authorization API 1.0 over HTTP, and
// Envoy's external authorization over gRPC.

const mappingFile = fileURLToPath(new URL("../../../infra/envoy/mapping.yaml", import.meta.url));
const publicUrl = "https://access.example.com/pdp";
const parts = new AsyncDisposableStack();
let system: System;
let team: Team;
let origin: string;
let serviceToken: string;
let reader: string;
let stranger: string;
beforeAll(async () => {
  const listen = `127.0.0.1:${await freePort()}`;
  origin = `http://${listen}`;
  system = parts.use(
    await startSystem({
      databaseServerUrl: inject("databaseUrl"),
      environment: {
        PORTCULLIS_HTTP_LISTEN: listen,
        PORTCULLIS_HTTP_PUBLIC_URL: publicUrl,
        PORTCULLIS_ENVOY_MAPPING_FILE: mappingFile,
      },
    }),
  );
  team = await makeTeam(system, 2);
  [reader = "", stranger = ""] = team.people;
  await team.join(reader);
  serviceToken = (await team.newAccount("gateway")).key;
});
afterAll(() => parts.disposeAsync());

interface Sent {
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly at?: string;
}

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
}

async function send(path: string, { body = "", headers = {}, at = origin }: Sent): Promise<Answer> {
  const response = await fetch(`${at}/access/v1/${path}`, {
    method: "POST",
    body,
    headers: { authorization: `Bearer ${serviceToken}`, "content-type": "application/json", ...headers },
  });
  return { status: response.status, headers: response.headers, body: await response.json() };
}

const ask = (path: string, body: object) => send(path, { body: JSON.stringify(body) });
const subject = (id: string) => ({ type: "user", id });
const action = { name: "read" };
const resource = () => ({ type: "experiment", id: team.experimentId });
const question = (id: string) => ({ subject: subject(id), action, resource: resource() });

describe("an evaluation", () => {
  test("allows and denies, with 200 for both", async () => {
    expect(await ask("evaluation", question(reader))).toMatchObject({
      status: 200,
      body: { decision: true },
    });
    expect(await ask("evaluation", question(stranger))).toMatchObject({
      status: 200,
      body: { decision: false },
    });
  });

  test("of what is not there, or of words that nobody knows, is a denial", async () => {
    const asked = question(reader);
    const unknown = [
      { ...asked, subject: subject(randomUUID()) },
      { ...asked, subject: subject("olivia") },
      { ...asked, subject: { ...asked.subject, type: "robot" } },
      { ...asked, action: { name: "own" } },
      { ...asked, resource: { type: "spaceship", id: team.experimentId } },
      { ...asked, resource: { type: "experiment", id: "first" } },
      { ...asked, resource: { type: "experiment", id: randomUUID() } },
    ];
    for (const body of unknown) {
      expect(await ask("evaluation", body)).toMatchObject({ status: 200, body: { decision: false } });
    }
  });

  test("ignores what it does not know, and echoes the id of the request", async () => {
    const body = JSON.stringify({ ...question(reader), context: { time: "now" }, more: [1] });
    const answer = await send("evaluation", { body, headers: { "x-request-id": "abc-1" } });
    expect(answer).toMatchObject({ status: 200, body: { decision: true } });
    expect(answer.headers.get("x-request-id")).toBe("abc-1");
    expect((await ask("evaluation", question(reader))).headers.get("x-request-id")).toMatch(
      /^[0-9a-f-]{36}$/,
    );
  });

  test("is in force as soon as a check is: a member who leaves is denied", async () => {
    await team.join(stranger);
    await expect
      .poll(async () => (await ask("evaluation", question(stranger))).body)
      .toEqual({ decision: true });
    await team.leave(stranger);
    await expect
      .poll(async () => (await ask("evaluation", question(stranger))).body)
      .toEqual({ decision: false });
  });

  const whole = () => question(reader);
  const malformed: Readonly<Record<string, () => Sent>> = {
    "body: must be JSON": () => ({ body: "{" }),
    'body: has the key "action" twice in one object': () => ({
      body: `${JSON.stringify(whole()).slice(0, -1)},"action":{"name":"read"}}`,
    }),
    "subject:": () => ({ body: JSON.stringify({ ...whole(), subject: undefined }) }),
    "subject.id:": () => ({ body: JSON.stringify({ ...whole(), subject: { type: "user" } }) }),
    "action.name:": () => ({ body: JSON.stringify({ ...whole(), action: {} }) }),
    "resource.type:": () => ({ body: JSON.stringify({ ...whole(), resource: { type: 7, id: "1" } }) }),
    "content-type:": () => ({ body: JSON.stringify(whole()), headers: { "content-type": "text/plain" } }),
    "content-type: must be": () => ({ body: JSON.stringify(whole()), headers: { "content-type": "///" } }),
    "body: is larger": () => ({
      body: JSON.stringify({ ...whole(), context: { x: "x".repeat(1_100_000) } }),
    }),
    "body: invalid input": () => ({ body: "[]" }),
  };
  test.each(Object.keys(malformed))("that is malformed is 400, and says where: %s", async (reason) => {
    const { status, body } = await send("evaluation", malformed[reason]?.() ?? {});
    expect(status).toBe(400);
    expect((body as { error: string }).error).toMatch(new RegExp(`^${reason}`));
  });

  test("is asked with the word bearer in whatever case", async () => {
    const headers = { authorization: `bearer ${serviceToken}` };
    expect(await send("evaluation", { body: JSON.stringify(question(reader)), headers })).toMatchObject({
      status: 200,
      body: { decision: true },
    });
  });

  test("is nobody's without a live service token", async () => {
    for (const authorization of ["", "Bearer", "Bearer bt-st-nonsense", `Basic ${serviceToken}`]) {
      const answer = await send("evaluation", {
        body: JSON.stringify(question(reader)),
        headers: { authorization },
      });
      expect(answer.status).toBe(401);
      expect(answer.headers.get("www-authenticate")).toBe("Bearer");
    }
  });
});

describe("evaluations", () => {
  test("take what they do not say from the defaults, whole, and answer in order", async () => {
    const { body } = await ask("evaluations", {
      ...question(reader),
      evaluations: [
        {},
        { action: { name: "delete" } },
        { subject: subject(stranger) },
        // The default's type is no part of this one.
        { resource: { id: team.experimentId } },
        { resource: { type: "project", id: team.projectId } },
        7,
      ],
    });
    const { evaluations } = body as { evaluations: { decision: boolean; context?: unknown }[] };
    expect(evaluations.map(({ decision }) => decision)).toEqual([true, false, false, false, true, false]);
    expect(evaluations[3]?.context).toMatchObject({ error: { status: 400, message: /^resource.type/ } });
  });

  test("end at the item that decided, if they are to", async () => {
    const items = [reader, stranger, reader].map((id) => ({ subject: subject(id) }));
    const of = async (evaluations_semantic: string) => {
      const asked = { ...question(reader), evaluations: items, options: { evaluations_semantic } };
      const { body } = await ask("evaluations", asked);
      return (body as { evaluations: { decision: boolean }[] }).evaluations.map(({ decision }) => decision);
    };
    expect(await of("execute_all")).toEqual([true, false, true]);
    expect(await of("deny_on_first_deny")).toEqual([true, false]);
    expect(await of("permit_on_first_permit")).toEqual([true]);
    const unknown = { ...question(reader), evaluations: items, options: { evaluations_semantic: "guess" } };
    expect((await ask("evaluations", unknown)).status).toBe(400);
  });

  test("without any are one evaluation", async () => {
    expect((await ask("evaluations", question(reader))).body).toEqual({ decision: true });
    expect((await ask("evaluations", { ...question(stranger), evaluations: [] })).body).toEqual({
      decision: false,
    });
    expect((await ask("evaluations", { evaluations: [] })).status).toBe(400);
  });

  test("are no more than a thousand", async () => {
    const evaluations = Array.from({ length: 1001 }, () => ({}));
    expect((await ask("evaluations", { ...question(reader), evaluations })).status).toBe(400);
  });
});

describe("a search", () => {
  const results = ({ body }: Answer) => (body as { results: { id?: string; name?: string }[] }).results;

  test("for subjects finds who may, whatever id is given", async () => {
    const asked = { ...question(stranger), subject: { type: "principal", id: stranger } };
    const found = results(await ask("search/subject", asked)).map(({ id }) => id);
    expect(found).toContain(reader);
    expect(found).not.toContain(stranger);
  });

  test("for resources finds what they may", async () => {
    const asked = { ...question(reader), resource: { type: "experiment" } };
    const answer = await ask("search/resource", asked);
    expect(results(answer)).toEqual([{ type: "experiment", id: team.experimentId }]);
    expect(answer.body).toMatchObject({ page: { next_token: "" } });
  });

  test("for actions finds what they may do", async () => {
    const { action: _action, ...asked } = question(reader);
    expect(results(await ask("search/action", asked))).toEqual([{ name: "read" }]);
  });

  test("goes on from page to page, and a token is good for its search alone", async () => {
    for (const name of ["second", "third"]) {
      await team.rest.ok("POST", "/v1/experiment", { name, project_id: team.projectId });
    }
    const asked = { ...question(reader), resource: { type: "experiment" } };
    const found: (string | undefined)[] = [];
    let token = "";
    do {
      const answer = await ask("search/resource", { ...asked, page: { token, limit: 1 } });
      found.push(...results(answer).map(({ id }) => id));
      const { next_token } = (answer.body as { page: { next_token: string } }).page;
      if (next_token !== "") {
        const other = { ...asked, action: { name: "delete" }, page: { token: next_token } };
        expect(await ask("search/resource", other)).toMatchObject({
          status: 400,
          body: { error: "page.token: is none of this search" },
        });
      }
      token = next_token;
    } while (token !== "");
    expect(new Set(found).size).toBe(3);
  });

  test("for what nobody knows finds nothing, and is no error", async () => {
    const asked = question(reader);
    expect(results(await ask("search/subject", { ...asked, subject: { type: "robot" } }))).toEqual([]);
    expect(results(await ask("search/resource", { ...asked, resource: { type: "spaceship" } }))).toEqual([]);
    expect(results(await ask("search/resource", { ...asked, subject: subject("olivia") }))).toEqual([]);
    expect(
      results(await ask("search/action", { ...asked, resource: { type: "experiment", id: "x" } })),
    ).toEqual([]);
  });
});

test("an address that can't be read is answered as one that nobody knows", async () => {
  const headers = { "x-request-id": "abc-2", authorization: `Bearer ${serviceToken}` };
  const response = await fetch(`${origin}/access/v1/%zz`, { headers });
  expect([response.status, response.headers.get("x-request-id")]).toEqual([404, "abc-2"]);
  expect(await response.json()).toEqual({ error: "no such endpoint" });
});

test("the metadata names the endpoints under the public URL, whatever host was asked", async () => {
  const response = await fetch(`${origin}/.well-known/authzen-configuration`, {
    headers: { host: "evil.example" },
  });
  expect(await response.json()).toEqual({
    policy_decision_point: publicUrl,
    access_evaluation_endpoint: `${publicUrl}/access/v1/evaluation`,
    access_evaluations_endpoint: `${publicUrl}/access/v1/evaluations`,
    search_subject_endpoint: `${publicUrl}/access/v1/search/subject`,
    search_resource_endpoint: `${publicUrl}/access/v1/search/resource`,
    search_action_endpoint: `${publicUrl}/access/v1/search/action`,
  });
});

test("a sidecar speaks it on loopback, without a token, and gives no decision when it is cut off", async () => {
  const listen = `127.0.0.1:${await freePort()}`;
  await using sidecar = await startSidecar({
    decisionAddress: system.decisionAddress,
    serviceToken,
    environment: { PORTCULLIS_HTTP_LISTEN: listen, PORTCULLIS_MAX_STALENESS_MS: "400" },
  });
  const beside = () =>
    send("evaluation", {
      at: `http://${listen}`,
      body: JSON.stringify(question(reader)),
      headers: { authorization: "" },
    });
  expect(await beside()).toMatchObject({ status: 200, body: { decision: true } });
  await system.stop("decision");
  await expect.poll(async () => (await beside()).status).toBe(503);
  await system.start("decision");
  await expect.poll(async () => (await beside()).status).toBe(200);
  expect(sidecar.output()).not.toContain(serviceToken);
  // The facade, too, comes back to decision in its own time; the tests below need it.
  await expect.poll(async () => (await team.rest.request("GET", "/v1/project")).status).toBe(200);
});

describe("Envoy asks", () => {
  const none = Buffer.alloc(0);
  let application: Account;
  beforeAll(async () => {
    application = await team.newAccount("application");
    await team.join(application.id);
  });

  interface Request {
    readonly method?: string;
    readonly path?: string;
    readonly credential?: string;
  }

  /** What Envoy would send about a request for the experiment. */
  function about({
    method = "GET",
    path = `/experiments/${team.experimentId}`,
    credential,
  }: Request): CheckRequest {
    const headers: Record<string, string> = {
      ":authority": "application.example",
      "x-portcullis-owner": "1",
    };
    if (credential !== undefined) headers["authorization"] = `Bearer ${credential}`;
    const http = { ...AttributeContext_HttpRequest.decode(none), method, path, headers };
    const request = { ...AttributeContext_Request.decode(none), http };
    return { attributes: { ...AttributeContext.decode(none), request } };
  }

  /** The HTTP status of a refusal, or who is let through. */
  function outcomeOf({ status, httpResponse }: CheckResponse): number | Record<string, string> {
    if (httpResponse?.$case === "deniedResponse") {
      expect(status?.code).not.toBe(0);
      return httpResponse.value.status?.code ?? 0;
    }
    expect(status?.code).toBe(0);
    const { headers = [], headersToRemove = [] } = httpResponse?.value ?? {};
    expect(headersToRemove).toContain("x-portcullis-owner");
    return Object.fromEntries(headers.map(({ header }) => [header?.key ?? "", header?.value ?? ""]));
  }

  type Identity =
    | { readonly serviceToken: () => string }
    | { readonly service: string; readonly serviceCredential: string };

  /** Somebody who asks as Envoy does. */
  function envoy(identity: Identity, address = system.decisionAddress) {
    const connection = connect({ peer: "decision", address, ...identity } satisfies ClientOptions);
    const stub = connection.stub(AuthorizationService);
    return {
      ask: async (request: Request) => outcomeOf(await stub.check(about(request))),
      [Symbol.dispose]: () => connection[Symbol.dispose](),
    };
  }

  const identity = () => ({
    "x-portcullis-principal": application.id,
    "x-portcullis-organization": team.orgId,
    "x-portcullis-revision": expect.stringMatching(/./),
  });

  test("decision, and what comes through is named", async () => {
    using asked = envoy({ serviceToken: () => serviceToken });
    const credential = application.key;
    expect(await asked.ask({ credential })).toEqual(identity());
    expect(await asked.ask({ credential, method: "PATCH" })).toBe(403);
    expect(await asked.ask({ credential, path: `/experiments/${randomUUID()}` })).toBe(403);
    expect(await asked.ask({ credential, path: "/elsewhere" })).toBe(403);
    expect(await asked.ask({ credential, path: `/x/..%2fexperiments/${team.experimentId}` })).toBe(400);
    expect(await asked.ask({ credential: serviceToken })).toBe(403);
    expect(await asked.ask({ credential: "bt-st-nonsense" })).toBe(401);
    expect(await asked.ask({})).toBe(401);
    expect(await asked.ask({ path: "/health" })).toEqual({});
  });

  test("and a credential that was revoked is none any more", async () => {
    const { id, tokenId, key } = await team.newAccount("former");
    await team.join(id);
    using asked = envoy({ serviceToken: () => serviceToken });
    await expect
      .poll(() => asked.ask({ credential: key }), { interval: 10 })
      .toMatchObject({
        "x-portcullis-principal": id,
      });
    await team.rest.ok("DELETE", "/v1/service_token", { id: tokenId });
    await expect.poll(() => asked.ask({ credential: key }), { interval: 10 }).toBe(401);
  });

  test("about the organization of its own token, and nobody of another one comes through", async () => {
    const other = await makeTeam(system, 1);
    const { key } = await other.rest.ok<{ key: string }>("POST", "/v1/api_key", { name: "owner" });
    using asked = envoy({ serviceToken: () => serviceToken });
    expect(await asked.ask({ credential: key })).toBe(401);
  });

  test("with a live service token, or learns nothing", async () => {
    using nobody = envoy({ serviceToken: () => "bt-st-nonsense" });
    await expect(nobody.ask({ path: "/health" })).rejects.toMatchObject({ kind: "unauthenticated" });
    const { serviceCredential } = system;
    // Nor is it for our own services.
    using ours = envoy({ service: "admin", serviceCredential });
    await expect(ours.ask({ path: "/health" })).rejects.toMatchObject({ kind: "internal" });
  });

  test("a sidecar, which says 503 when it is cut off, whatever it says to others", async () => {
    await using sidecar = await startSidecar({
      decisionAddress: system.decisionAddress,
      serviceToken,
      environment: {
        PORTCULLIS_ENVOY_MAPPING_FILE: mappingFile,
        PORTCULLIS_MAX_STALENESS_MS: "400",
        PORTCULLIS_WHEN_UNAVAILABLE: "deny",
      },
    });
    using asked = envoy({ serviceToken: () => "none" }, `unix:${sidecar.path}`);
    const credential = application.key;
    expect(await asked.ask({ credential })).toEqual(identity());
    expect(await asked.ask({ credential: serviceToken })).toBe(403);
    await system.stop("decision");
    await expect.poll(() => asked.ask({ credential }), { interval: 20 }).toBe(503);
    expect(await sidecar.decision.check(team.question(application.id))).toMatchObject({ allowed: false });
    await system.start("decision");
    await expect.poll(() => asked.ask({ credential }), { interval: 20 }).toEqual(identity());
  });

  test("nobody, where the mapping is wrong: nothing starts, and it says where", async () => {
    const start = startSidecar({
      decisionAddress: system.decisionAddress,
      serviceToken,
      environment: { PORTCULLIS_ENVOY_MAPPING_FILE: fileURLToPath(import.meta.url) },
    });
    await expect(start).rejects.toThrow(/PORTCULLIS_ENVOY_MAPPING_FILE: \/.*standards.system.test.ts: /);
  });
});
