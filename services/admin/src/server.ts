// HTTP: from a request to a route, and from its answer or fault to a response.

import { createRequire } from "node:module";
import { Readable } from "node:stream";
import cookie from "@fastify/cookie";
import cors from "@fastify/cors";
import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import { Fault, invalid } from "@portcullis/chassis/fault";
import { httpServer, listenOptions } from "@portcullis/chassis/https";
import type { Log } from "@portcullis/chassis/log";
import { countRequest } from "@portcullis/chassis/metrics/http-counts";
import { isRequestId } from "@portcullis/chassis/rpc/call";
import { refuseUnprotected, type Tls } from "@portcullis/chassis/tls";
import { requestHooks } from "@portcullis/chassis/trace/request-hooks";
import { errorCodes, type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from "fastify";
import { v7 as newUuid } from "uuid";
import type { Access } from "./access.ts";
import { type Caller, identify } from "./caller.ts";
import { headersOfAnswers } from "./console/headers.ts";
import { serveConsole } from "./console/serve-console.ts";
import { type Dialect, dialectOf, mediaTypes } from "./dialect.ts";
import { checkIfMatch, fromNowOn, weakEntityTag } from "./entity-tag.ts";
import { EventStream } from "./event-stream.ts";
import { impersonate, impersonationHeader } from "./impersonation.ts";
import { bodyBytesMax, parseJsonBody } from "./json-body.ts";
import type { OpenRoute, Visit } from "./open-route.ts";
import { describeApi } from "./openapi.ts";
import { isOwnOrganization } from "./organization.ts";
import type { Decision, Heads, Owners } from "./owners.ts";
import { problemOf, scimProblemOf } from "./problem.ts";
import { problemPageOf } from "./problem-page.ts";
import type { RateLimits } from "./rate-limits.ts";
import type { Answer, Route } from "./route.ts";
import { changeCookie } from "./session/cookies.ts";
import { shownCredential } from "./session/shown-credential.ts";
import { revisionToken } from "./wire.ts";

const { version } = createRequire(import.meta.url)("../package.json") as { version: string };

/** No request takes longer than this. */
const deadlineMs = 15_000;

/** Nor does the end of the process wait longer than this for one. */
const patienceMs = 5000;

export interface ServerOptions {
  /** `host:port` (port 0 for a free one) or `unix:/path`. */
  readonly listen: string;
  /** Null: plain HTTP, which must not leave this machine unless somebody before us protects it. */
  readonly tls: Tls | null;
  readonly isBehindProxy: boolean;
  readonly corsOrigins: readonly string[];
  /** Where callers reach us, when that is not where they say that they did. */
  readonly publicUrl: string | undefined;
  readonly routes: readonly Route[];
  readonly openRoutes: readonly OpenRoute[];
  /** Where the console was built; null: none is served. */
  readonly consoleFolder: string | null;
  readonly decision: Decision;
  readonly identity: Owners["identity"];
  readonly heads: readonly Heads[];
  readonly access: Access;
  /** Whose word is taken for where a request came from. */
  readonly trustedProxies: readonly string[];
  readonly limits: RateLimits;
  readonly log: Log;
}

/** Listens. Disposing it lets running requests end. */
export async function serveHttp(
  options: ServerOptions,
): Promise<AsyncDisposable & { readonly address: string }> {
  refuseUnprotected("PORTCULLIS_LISTEN", options.listen, options.tls !== null || options.isBehindProxy);
  const app = fastify({
    serverFactory: (handle) => httpServer(options.tls, options.log, handle),
    bodyLimit: bodyBytesMax,
    exposeHeadRoutes: false,
    forceCloseConnections: "idle",
    genReqId: requestIdOf,
    requestTimeout: 30_000,
    // What can be no id is for the route to say; Node bounds how long an address may be.
    routerOptions: { maxParamLength: 16_384 },
    // An address that can't be read is refused before any hook has been called.
    frameworkErrors(error, request, reply) {
      const told = reply as unknown as FastifyReply;
      told.headers({ ...headersOfRequest(request), ...headersOfAnswers(options.publicUrl) });
      void sendProblem(told, request, faultOfFastify(error));
    },
    trustProxy: options.trustedProxies.length > 0 && [...options.trustedProxies],
  });
  speakJson(app);
  const streams = new Set<EventStream>();
  const close = closing(app, streams);
  traceRequests(app);
  remember(app, options.log);
  await app.register(cookie);
  app.addHook("onRequest", async (_request, reply) => {
    reply.headers(headersOfAnswers(options.publicUrl));
  });
  await app.register(cors, {
    origin: [...options.corsOrigins],
    methods: ["GET", "POST", "PUT", "PATCH", "DELETE"],
    exposedHeaders: ["etag", "retry-after", "x-bt-found-existing", "x-portcullis-revision", "x-request-id"],
    maxAge: 600,
  });
  app.get("/v1", (_request, reply) =>
    reply.type("text/plain; charset=utf-8").send("Hello from Portcullis\n"),
  );
  // SDKs ask for it when they first send logs, which are not kept here.
  app.get("/version", () => ({ version, universal: true }));
  app.get("/healthz", () => ({ status: "ok" }));
  await describe(app, options);
  for (const route of options.routes) mount(app, route, { ...options, streams });
  for (const route of options.openRoutes) mountOpen(app, route, { ...options, streams });
  if (options.consoleFolder !== null) {
    await serveConsole(app, { folder: options.consoleFolder, onAbsent: sendAbsent });
  }
  await app.listen(await listenOptions(options.listen));
  return { address: addressOf(app, options.listen), [Symbol.asyncDispose]: close };
}

/** The API's description, to read by programs and by people. */
async function describe(
  app: FastifyInstance,
  { routes, openRoutes }: Pick<ServerOptions, "routes" | "openRoutes">,
): Promise<void> {
  const document = describeApi({ routes, openRoutes }, version);
  const text = JSON.stringify(document);
  app.get("/openapi.json", (_request, reply) => reply.type("application/json; charset=utf-8").send(text));
  await app.register(swagger, {
    mode: "static",
    specification: { document: document as never },
  });
  await app.register(swaggerUi, { routePrefix: "/docs", staticCSP: true });
}

/**
 * Lets running requests end, each with its connection: one that is kept alive would keep the server too. What would never
 * end by itself is told to.
 */
function closing(app: FastifyInstance, streams: ReadonlySet<EventStream>): () => Promise<void> {
  let ending = false;
  app.addHook("onSend", async (_request, reply) => {
    if (ending) reply.header("connection", "close");
  });
  return async () => {
    ending = true;
    for (const events of streams) events.end();
    const hurry = setTimeout(() => app.server.closeAllConnections(), patienceMs);
    await app.close();
    clearTimeout(hurry);
  };
}

/** A request's life: who asks (before its body is read), what it asks, whether it may, and only then what it does. */
function mount(
  app: FastifyInstance,
  route: Route,
  options: ServerOptions & { readonly streams: Set<EventStream> },
): void {
  const callers = new WeakMap<FastifyRequest, Caller>();
  app.route({
    method: route.method,
    url: route.path,
    onRequest: async (request, reply) => {
      const { limits } = options;
      await limits.fromAddress(request.ip ?? "");
      const caller = await countingWrongOnes(request, limits, async () =>
        identify(options.decision, {
          shown: shownCredential(request, originOf(request, options)),
          hop: hopOf(request, reply),
          sourceAddress: request.ip ?? "",
        }),
      );
      await limits.withCredential(shareOf(caller));
      const named = request.raw.headersDistinct[impersonationHeader];
      callers.set(request, named === undefined ? caller : await impersonate(caller, named, options));
    },
    handler: async (request, reply) => {
      const identified = callers.get(request);
      if (identified === undefined) throw new Fault("unauthenticated", "nobody asks");
      const query = request.query as Record<string, unknown>;
      const parsed = route.parse({
        params: request.params,
        query,
        body: request.body,
        headers: request.headers,
        origin: originOf(request, options),
      });
      await isOwnOrganization(options.identity, identified, parsed.organization);
      const ifMatch =
        route.method === "GET" || route.method === "POST" ? undefined : request.headers["if-match"];
      const caller = ifMatch === undefined ? identified : await fromNowOn(identified, options.heads);
      const { demands, standing, handle } = await parsed.prepare(caller);
      if (demands.length === 0) throw new Fault("internal", "internal", { cause: "nothing was required" });
      await options.access.demand(caller, demands);
      if (ifMatch !== undefined) await checkIfMatch(ifMatch, standing);
      return respond(reply.status(route.status), route.dialect, await handle(), options);
    },
  });
}

/** Whose share of requests this takes: a key could be made into any number of sessions. */
function shareOf({ credentialKind, principal, org, context }: Caller): string {
  return credentialKind === "session" ? `${org} ${principal}` : (context.actor?.credentialId ?? "");
}

/** A request of somebody whom nobody knows yet. */
function mountOpen(
  app: FastifyInstance,
  route: OpenRoute,
  options: ServerOptions & { readonly streams: Set<EventStream> },
): void {
  const { limits } = options;
  app.route({
    method: route.method,
    url: route.path,
    onRequest: (request) => limits.fromAddress(request.ip ?? ""),
    handler: async (request, reply) => {
      const visit: Visit = {
        origin: originOf(request, options),
        url: request.url,
        headers: request.headers,
        cookies: request.cookies,
        hop: hopOf(request, reply),
        sourceAddress: request.ip ?? "",
      };
      const query = request.query as Record<string, unknown>;
      const answer = await countingWrongOnes(request, limits, () => route.handle(visit, query, request.body));
      if (!("goTo" in answer)) return respond(reply, "rest", answer, options);
      for (const change of answer.cookies ?? []) changeCookie(reply, change, visit.origin);
      return reply.redirect(answer.goTo, 303);
    },
    ...(route.response === null && {
      errorHandler(error, request, reply) {
        void sendProblemPage(reply, request, faultOfFastify(error));
      },
    }),
  });
}

/** Does it, and has the address pay for a credential that is not good. */
async function countingWrongOnes<T>(
  { ip }: FastifyRequest,
  limits: RateLimits,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    if (thrown instanceof Fault && thrown.kind === "unauthenticated") await limits.wrongCredential(ip ?? "");
    throw thrown;
  }
}

/** Our own origin: as configured, or as this request named it. */
function originOf(request: FastifyRequest, { publicUrl }: Pick<ServerOptions, "publicUrl">): string {
  return publicUrl ?? `${request.protocol}://${request.host}`;
}

function respond(
  reply: FastifyReply,
  dialect: Dialect,
  answer: Answer<unknown>,
  options: Pick<ServerOptions, "publicUrl"> & { readonly streams: Set<EventStream> },
): unknown {
  if (answer.body instanceof EventStream) return stream(reply, answer.body, options.streams);
  for (const change of answer.cookies ?? []) changeCookie(reply, change, originOf(reply.request, options));
  if (answer.foundExisting === true) reply.header("x-bt-found-existing", "true");
  const revision = revisionToken(answer.revisions ?? []);
  if (revision !== null) reply.header("x-portcullis-revision", revision);
  if (answer.location !== undefined) reply.header("location", answer.location);
  if (dialect === "scim") {
    if (answer.body !== undefined) reply.type(contentTypeOf.scim);
    return answer.body;
  }
  if (isSingleObject(answer.body)) reply.header("etag", weakEntityTag(answer.body));
  return answer.body;
}

/** Sent as fast as the client takes it. */
function stream(reply: FastifyReply, events: EventStream, streams: Set<EventStream>): FastifyReply {
  streams.add(events);
  reply.raw.once("close", () => streams.delete(events));
  // Whoever stands between us and the client must not wait until it has more.
  reply.type("text/event-stream; charset=utf-8").header("x-accel-buffering", "no");
  // It ends when the server does, which then waits for no further request.
  reply.header("connection", "close");
  return reply.send(Readable.from(events.text(reply.request.id), { objectMode: false }));
}

const contentTypeOf = {
  rest: `${mediaTypes.rest}; charset=utf-8`,
  scim: `${mediaTypes.scim}; charset=utf-8`,
} as const;

function isSingleObject(body: unknown): boolean {
  return typeof body === "object" && body !== null && "id" in body;
}

function hopOf(request: FastifyRequest, reply: FastifyReply): Caller["hop"] {
  const gone = new AbortController();
  // A write that has begun is finished, so that its steps don't stop half-way.
  if (request.method === "GET") {
    reply.raw.once("close", () => {
      if (!reply.raw.writableFinished) gone.abort(new Fault("cancelled", "the caller went away"));
    });
  }
  return { requestId: request.id, deadlineMs: Date.now() + deadlineMs, signal: gone.signal };
}

function requestIdOf(request: { headers: Record<string, string | string[] | undefined> }): string {
  const given = request.headers["x-request-id"];
  return typeof given === "string" && isRequestId(given) ? given : newUuid();
}

function speakJson(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(Object.values(mediaTypes), { parseAs: "buffer" }, (request, bytes, done) => {
    try {
      const isScim = request.headers["content-type"]?.toLowerCase().startsWith(mediaTypes.scim) === true;
      if (isScim && dialectOf(request.url) !== "scim") throw wrongContentType();
      done(null, parseJsonBody(bytes as Buffer));
    } catch (thrown) {
      done(thrown as Fault);
    }
  });
  app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, bytes, done) => {
    if (bytes.length === 0) done(null, undefined);
    else done(wrongContentType());
  });
  app.addHook("onRequest", async (request, reply) => {
    reply.headers(headersOfRequest(request));
    // No client sends one. What stands before us may take it for a part of the path, and judge another request than we do.
    if (request.raw.url?.includes("#") === true) throw invalid("path", "must not hold a fragment");
  });
  app.setErrorHandler((error, request, reply) => sendProblem(reply, request, faultOfFastify(error)));
  app.setNotFoundHandler((_request, reply) => sendAbsent(reply));
}

function headersOfRequest({ id }: FastifyRequest): Readonly<Record<string, string>> {
  return { "x-request-id": id, "cache-control": "no-store" };
}

function sendAbsent(reply: FastifyReply): FastifyReply {
  return sendProblem(reply, reply.request, new Fault("absent", "no such route"));
}

function wrongContentType(): Fault {
  return invalid("content-type", "must be application/json");
}

function sendProblem(reply: FastifyReply, request: FastifyRequest, thrown: unknown): FastifyReply {
  const dialect = dialectOf(request.url);
  const { status, headers, body } =
    dialect === "scim" ? scimProblemOf(thrown) : problemOf(thrown, request.id);
  failures.set(request, thrown);
  return reply.status(status).headers(headers).type(contentTypeOf[dialect]).send(body);
}

function sendProblemPage(reply: FastifyReply, request: FastifyRequest, thrown: unknown): FastifyReply {
  const { status, headers, html } = problemPageOf(thrown, request.id);
  failures.set(request, thrown);
  return reply.status(status).headers(headers).type("text/html; charset=utf-8").send(html);
}

/** What fastify itself refuses is a wrong request. */
function faultOfFastify(error: unknown): unknown {
  if (error instanceof errorCodes.FST_ERR_CTP_BODY_TOO_LARGE) {
    return invalid("body", `is larger than ${bodyBytesMax} bytes`);
  }
  const { statusCode, code } = error as { statusCode?: number; code?: string };
  return statusCode !== undefined && statusCode < 500 && code?.startsWith("FST_")
    ? new Fault("invalid", "the request is malformed", { cause: error })
    : error;
}

function traceRequests(app: FastifyInstance): void {
  const hooks = requestHooks<FastifyRequest, FastifyReply>(({ id }) => id);
  if (hooks === null) return;
  app.addHook("onRequest", hooks.onRequest);
  app.addHook("preValidation", hooks.preValidation);
  app.addHook("onResponse", hooks.onResponse);
}

const failures = new WeakMap<FastifyRequest, unknown>();

/** One line for each request, and a place among the counts. Paths are logged as patterns: what stands in them, and in queries, may be personal. */
function remember(app: FastifyInstance, log: Log): void {
  app.addHook("onResponse", async (request, reply) => {
    const line = {
      requestId: request.id,
      method: request.method,
      route: request.routeOptions.url ?? "none",
      status: reply.statusCode,
      ms: Math.round(reply.elapsedTime),
    };
    countRequest(line, line.status, reply.elapsedTime);
    const thrown = failures.get(request);
    if (thrown === undefined) log.info(line, "answered");
    else if (!(thrown instanceof Fault)) log.error({ ...line, err: thrown }, "a request failed unexpectedly");
    else {
      const reason = {
        kind: thrown.kind,
        cause: thrown.cause instanceof Error ? thrown.cause.message : undefined,
      };
      if (reply.statusCode >= 500) log.warn({ ...line, ...reason }, "a request failed");
      else log.info({ ...line, kind: thrown.kind }, "refused");
    }
  });
}

function addressOf(app: FastifyInstance, listen: string): string {
  const bound = app.server.address();
  if (bound === null || typeof bound === "string") return listen;
  return listen.replace(/:\d+$/, `:${bound.port}`);
}
