import { Fault, type FaultKind } from "@portcullis/chassis/fault";
import type { Log } from "@portcullis/chassis/log";
import type { Call } from "@portcullis/chassis/rpc/call";
import {
  AttributeContext,
  AttributeContext_HttpRequest,
  AttributeContext_Request,
} from "@portcullis/proto/envoy/service/auth/v3/attribute_context";
import {
  CheckRequest,
  CheckResponse,
  type OkHttpResponse,
} from "@portcullis/proto/envoy/service/auth/v3/external_auth";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Ask, authorizing, type Named } from "./authorize.ts";
import { parseMapping } from "./mapping.ts";

const org = "018f4e3a-7c52-7d10-9a44-0123456789ab";
const principal = "018f4e3a-7c52-7d10-9a44-0123456789ac";
const id = "018f4e3a-7c52-7d10-9a44-0123456789ad";
const credential = "sk-whoever";

const mapping = parseMapping(`
rules:
  - {method: GET, path: /health, public: true}
  - {method: [GET, HEAD], path: "/experiments/:id", permission: read, object: {type: experiment, id: {path: id}}}
  - {method: POST, path: "/projects/:id/experiments", permission: create,
     place: {type: experiment, parent: {type: project, id: {path: id}}}}
  - {method: POST, path: /projects, permission: create, place: {type: project, parent: {type: organization, id: organization}}}
  - {method: GET, path: /dataset, permission: read, object: {type: dataset, id: {header: x-dataset}}, credential: {header: x-key}}
  - {method: GET, path: /prompt, permission: read, object: {type: prompt, id: ${id}}, credential: {cookie: key}}
  - {method: GET, path: /mode, headers: {x-mode: admin}, permission: delete, object: {type: organization, id: organization}}
  - {method: GET, path: /mode, permission: read, object: {type: organization, id: organization}}
  - {method: GET, path: /admin, permission: delete, object: {type: organization, id: organization}}
  - {method: "*", path: "/*rest", headers: {x-open: "1"}, public: true}
`);

const silence = () => undefined;
const log: Log = {
  debug: silence,
  info: silence,
  warn: silence,
  error: silence,
  fatal: silence,
  isLevelEnabled: () => true,
  child: () => log,
};
const call = { caller: { kind: "other", principalId: "", orgId: org }, requestId: "1" } as Call;

interface Sent {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** As Envoy sends them when it is told to encode them raw. */
  readonly raw?: readonly (readonly [string, string])[];
}

/** Messages without a field. */
const none = Buffer.alloc(0);

/** By way of the wire, as Envoy's requests come and our answers go. */
async function send(sent: Sent, ask: Ask = allow, by = call, rules = mapping): Promise<CheckResponse> {
  const { method = "GET", path, headers = {}, raw = [] } = sent;
  const headerMap = {
    headers: raw.map(([key, value]) => ({ key, value: "", rawValue: Buffer.from(value, "latin1") })),
  };
  const http = {
    ...AttributeContext_HttpRequest.decode(none),
    method,
    path,
    headers: { ...headers },
    headerMap,
  };
  const request = { ...AttributeContext_Request.decode(none), http };
  const attributes = { ...AttributeContext.decode(none), request };
  const received = CheckRequest.decode(CheckRequest.encode({ attributes }).finish());
  const answer = await authorizing(rules, ask, log).check(received, by);
  return CheckResponse.decode(CheckResponse.encode(answer).finish());
}

const named = (allowed: boolean): Named => ({ allowed, org, principal, revision: "r1" });
const allow: Ask = () => named(true);
const deny: Ask = () => named(false);
const authorization = { authorization: `Bearer ${credential}` };
const experiment = { path: `/experiments/${id}`, headers: authorization };

/** What was asked about a request. */
async function asked(sent: Sent): Promise<unknown> {
  let question: unknown = null;
  await send(sent, (given) => {
    question = given;
    return named(true);
  });
  return question;
}

function ok({ status, httpResponse }: CheckResponse): OkHttpResponse {
  expect(status?.code).toBe(0);
  if (httpResponse?.$case !== "okResponse") throw new Error("it is not let through");
  return httpResponse.value;
}

/** The HTTP status that a request is refused with; 200: it is let through. */
async function statusOf(sent: Sent, ask: Ask = allow): Promise<number> {
  return httpStatusOf(await send(sent, ask));
}

function httpStatusOf({ status, httpResponse }: CheckResponse): number {
  if (httpResponse?.$case === "okResponse") {
    expect(status?.code).toBe(0);
    return 200;
  }
  expect(status?.code).toBeGreaterThan(0);
  return httpResponse?.value.status?.code ?? 0;
}

const set = ({ headers }: OkHttpResponse) =>
  Object.fromEntries(headers.map(({ header }) => [header?.key ?? "", header?.value ?? ""]));

describe("a request is asked about", () => {
  const who = { $case: "credential", value: credential };
  const about = (permission: string, what: unknown) => ({ orgId: org, who, permission, what });

  test("by method, path, and the object that it names", async () => {
    const what = { $case: "object", value: { type: "experiment", id } };
    expect(await asked(experiment)).toEqual(about("read", what));
    expect(await asked({ ...experiment, method: "HEAD", path: `${experiment.path}?x=y` })).toEqual(
      about("read", what),
    );
  });

  test("by the place where something would be made", async () => {
    const parent = { type: "project", id };
    const sent = { method: "POST", path: `/projects/${id}/experiments`, headers: authorization };
    expect(await asked(sent)).toEqual(
      about("create", { $case: "place", value: { type: "experiment", parent } }),
    );
    expect(await asked({ ...sent, path: "/projects" })).toEqual(
      about("create", {
        $case: "place",
        value: { type: "project", parent: { type: "organization", id: org } },
      }),
    );
  });

  test("by a header, or an id that the mapping names", async () => {
    const dataset = { path: "/dataset", headers: { "x-key": credential, "x-dataset": id } };
    expect(await asked(dataset)).toEqual(about("read", { $case: "object", value: { type: "dataset", id } }));
    const prompt = { path: "/prompt", headers: { cookie: `a=b; key=${credential}; c=d` } };
    expect(await asked(prompt)).toEqual(about("read", { $case: "object", value: { type: "prompt", id } }));
  });

  test("in either form that Envoy has for headers", async () => {
    const raw = [
      ["Authorization", `Bearer ${credential}`],
      ["cookie", "a=b"],
    ] as const;
    expect(await asked({ path: experiment.path, raw })).toEqual(await asked(experiment));
  });

  test("by the first rule that it meets", async () => {
    const permission = async (headers: Readonly<Record<string, string>>) =>
      ((await asked({ path: "/mode", headers: { ...authorization, ...headers } })) as { permission: string })
        ?.permission;
    expect(await permission({ "x-mode": "admin" })).toBe("delete");
    expect(await permission({ "x-mode": "other" })).toBe("read");
    expect(await permission({})).toBe("read");
    expect(await permission({ "x-mode": "other,admin" })).toBeUndefined();
  });
});

describe("who is let through", () => {
  test("is named to what is behind Envoy, in place of whatever was sent under these names", async () => {
    const answer = ok(await send(experiment));
    expect(set(answer)).toEqual({
      "x-portcullis-principal": principal,
      "x-portcullis-organization": org,
      "x-portcullis-revision": "r1",
    });
    // OVERWRITE_IF_EXISTS_OR_ADD
    expect(answer.headers.map(({ appendAction }) => appendAction)).toEqual([2, 2, 2]);
  });

  test("brings along no identity of its own, and no other method or path, however these are spelled", async () => {
    const forged = [
      "x-portcullis-owner",
      "x_portcullis_principal",
      "x-portcullis_principal",
      "x.portcullis.principal",
      "x-http.method~override",
      "x_http_method_override",
      "x-original-url",
    ];
    const headers = { ...authorization, ...Object.fromEntries(forged.map((name) => [name, "x"])) };
    const { headersToRemove } = ok(await send({ ...experiment, headers }));
    expect(headersToRemove).toEqual(expect.arrayContaining(forged));
    // Envoy removes after it has set.
    expect(headersToRemove).not.toContain("x-portcullis-principal");
    expect(headersToRemove).not.toContain("x-other");
  });

  test("is nobody where the mapping says public, and then no identity gets through, even unseen", async () => {
    const answer = ok(await send({ path: "/health", headers: { "x-portcullis-principal": principal } }));
    expect(answer.headers).toEqual([]);
    expect(answer.headersToRemove).toEqual(
      expect.arrayContaining([
        "x-portcullis-principal",
        "x-portcullis-organization",
        "x-portcullis-revision",
      ]),
    );
  });

  test("does not show the credential further", async () => {
    expect(ok(await send(experiment)).headersToRemove).toContain("authorization");
    const prompt = { path: "/prompt", headers: { cookie: `a=b; key=${credential}; c=d` } };
    expect(set(ok(await send(prompt)))).toMatchObject({ cookie: "a=b; c=d" });
    const alone = { path: "/prompt", headers: { cookie: `key=${credential}` } };
    expect(ok(await send(alone)).headersToRemove).toContain("cookie");
  });

  test("shows the credential further where the mapping says so", async () => {
    const answer = ok(await send(experiment, allow, call, { ...mapping, forward_credential: true }));
    expect(answer.headersToRemove).not.toContain("authorization");
  });
});

describe("who is not let through", () => {
  test("gets 403 for what they may not, for what no rule names, and for what can't be there", async () => {
    expect(await statusOf(experiment, deny)).toBe(403);
    expect(await statusOf({ ...experiment, method: "DELETE" })).toBe(403);
    expect(await statusOf({ ...experiment, path: "/experiments" })).toBe(403);
    expect(await statusOf({ ...experiment, path: "/experiments/first" })).toBe(403);
    expect(await statusOf({ ...experiment, path: "/" })).toBe(403);
    expect(await statusOf({ path: "/dataset", headers: { "x-key": credential } })).toBe(403);
  });

  test("gets 401 and a challenge without a valid credential, or with more than one", async () => {
    const bad = [
      {},
      { authorization: "" },
      { authorization: credential },
      { authorization: `Basic ${credential}` },
      { authorization: `Bearer ${credential},Bearer ${credential}` },
      { authorization: `Bearer ${credential} ${credential}` },
      { authorization: `Bearer ${"x".repeat(513)}` },
    ];
    for (const headers of bad) expect(await statusOf({ ...experiment, headers })).toBe(401);
    const twice = [
      ["authorization", `Bearer ${credential}`],
      ["authorization", "Bearer other"],
    ] as const;
    expect(await statusOf({ path: experiment.path, raw: twice })).toBe(401);
    const cookies = [
      ["cookie", `key=${credential}`],
      ["cookie", "key=other"],
    ] as const;
    expect(await statusOf({ path: "/prompt", raw: cookies })).toBe(401);
    const answer = await send(experiment, () => {
      throw new Fault("unauthenticated", "the credential is not valid");
    });
    expect(answer).toMatchObject({
      status: { code: 16 },
      httpResponse: { $case: "deniedResponse", value: { status: { code: 401 } } },
    });
    expect(JSON.stringify(answer)).toContain("www-authenticate");
  });

  test.each<FaultKind | "bug">([
    "unavailable",
    "timeout",
    "exhausted",
    "internal",
    "cancelled",
    "invalid",
    "bug",
  ])("gets 503 when there is no answer: %s", async (kind) => {
    const thrown = kind === "bug" ? new TypeError("secret") : new Fault(kind, "why");
    const late: Ask = () => Promise.reject(thrown);
    const atOnce: Ask = () => {
      throw thrown;
    };
    for (const ask of [late, atOnce]) {
      const answer = await send(experiment, ask);
      expect(httpStatusOf(answer)).toBe(503);
      expect(answer.status?.code).toBe(14);
      expect(JSON.stringify(answer)).not.toContain("secret");
    }
  });

  test("gets 503 when it is not known which organization is meant", async () => {
    const service = { ...call, caller: { kind: "service", name: "admin" } } as Call;
    expect(httpStatusOf(await send(experiment, allow, service))).toBe(503);
  });

  test.each(["/Admin", "/admin/", "/ADMIN/", "/admin//", "/./admin", "/%61dmin", "/x/../admin", "/admin;x"])(
    "gets 400 for a path that some servers take for another one: %s",
    async (path) => {
      const open = { "x-open": "1" };
      expect(await statusOf({ path: "/other", headers: open })).toBe(200);
      expect(await statusOf({ path, headers: { ...open, ...authorization } })).toBe(400);
    },
  );

  test("gets 400 for a method that some servers take for another one", async () => {
    for (const method of ["", "get", "Get", "GET ", "G\0T", "X".repeat(33)]) {
      expect(await statusOf({ path: "/admin", method, headers: { "x-open": "1" } })).toBe(400);
    }
  });

  test("does not get far by saying another method in a header", async () => {
    const headers = { ...authorization, "x-http-method-override": "GET" };
    expect(await statusOf({ ...experiment, method: "DELETE", headers })).toBe(403);
  });

  test("is everybody, where Envoy says nothing about the request", async () => {
    const handlers = authorizing(mapping, allow, log);
    const request = AttributeContext_Request.decode(none);
    const silent = [undefined, AttributeContext.decode(none), { ...AttributeContext.decode(none), request }];
    for (const attributes of silent) {
      expect(httpStatusOf(await handlers.check({ attributes }, call))).toBe(400);
    }
  });
});

test("whatever comes, nothing is let through that was not answered with yes, or is not public", async () => {
  const outcome = fc.constantFrom<Named | Error>(
    named(true),
    named(false),
    new Fault("unavailable", "why"),
    new Fault("unauthenticated", "why"),
    new Fault("invalid", "why"),
    new TypeError("bug"),
  );
  const text = fc.string({ unit: "binary", maxLength: 20 });
  const likely = <T>(...values: T[]) => ({ weight: 5, arbitrary: fc.constantFrom(...values) });
  const shown = { ...authorization, cookie: `key=${credential}`, "x-key": credential, "x-dataset": id };
  const paths = ["/health", "/projects", "/dataset", "/prompt", "/mode", "/admin", `/experiments/${id}`];
  const names = ["authorization", "cookie", "x-key", "x-mode", "x-portcullis-principal"];
  const sent = fc.record({
    method: fc.oneof(likely("GET", "HEAD", "POST"), text),
    path: fc.oneof(
      likely(...paths),
      text.map((end) => `/experiments/${end}`),
      text,
    ),
    headers: fc.oneof(
      likely<Record<string, string>>(shown, { ...shown, "x-portcullis-owner": "1" }),
      fc.dictionary(fc.oneof(likely(...names), text), text),
    ),
    raw: fc.oneof(likely([]), fc.array(fc.tuple(fc.constantFrom(...names), text), { maxLength: 2 })),
  });
  let allows = 0;
  await fc.assert(
    fc.asyncProperty(sent, outcome, fc.boolean(), async (sent, outcome, late) => {
      let saidYes = false;
      const answer = await send(sent, () => {
        const settled = outcome instanceof Error ? Promise.reject(outcome) : Promise.resolve(outcome);
        if (!(outcome instanceof Error)) saidYes = outcome.allowed;
        if (late) return settled;
        settled.catch(silence);
        if (outcome instanceof Error) throw outcome;
        return outcome;
      });
      const status = httpStatusOf(answer);
      if (status !== 200) {
        expect([400, 401, 403, 503]).toContain(status);
        return;
      }
      allows++;
      expect(saidYes || sent.path === "/health").toBe(true);
      const { headersToRemove } = ok(answer);
      const decided = set(ok(answer));
      for (const name of Object.keys(sent.headers).filter((name) => name.startsWith("x-portcullis-"))) {
        expect(headersToRemove.includes(name) || name in decided).toBe(true);
      }
    }),
    { numRuns: 2000 },
  );
  expect(allows).toBeGreaterThan(50);
});
