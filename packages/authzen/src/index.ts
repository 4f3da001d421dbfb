// AuthZEN Authorization API 1.0 over HTTP: https://openid.net/specs/authorization-api-1_0.html

import { setTimeout as after } from "node:timers/promises";
import { Metadata } from "@grpc/grpc-js";
import { Fault, invalid } from "@portcullis/chassis/fault";
import { httpStatus } from "@portcullis/chassis/http-status";
import { httpServer, listenOptions } from "@portcullis/chassis/https";
import type { Log } from "@portcullis/chassis/log";
import { countRequest } from "@portcullis/chassis/metrics/http-counts";
import { type Call, isRequestId } from "@portcullis/chassis/rpc/call";
import type { Authenticate } from "@portcullis/chassis/rpc/server";
import { refuseUnprotected, type Tls } from "@portcullis/chassis/tls";
import { requestHooks } from "@portcullis/chassis/trace/request-hooks";
import { type FastifyReply, type FastifyRequest, fastify } from "fastify";
import { v7 as newUuid } from "uuid";
import type { z } from "zod";
import {
  type Asking,
  type Decision,
  evaluate,
  evaluateAll,
  invalidBody,
  searchActions,
  searchResources,
  searchSubjects,
} from "./answers.ts";
import { parseJson } from "./json.ts";
import {
  actionSearch,
  evaluationRequest,
  evaluationsRequest,
  resourceSearch,
  subjectSearch,
} from "./request.ts";

export interface AuthzenOptions {
  /** `host:port`; port 0 for a free one. */
  readonly listen: string;
  /** Null: plain HTTP, which must not leave this machine. */
  readonly tls: Tls | null;
  /** Under which URL callers reach us: the standard wants it in the metadata, whatever a request says. */
  readonly publicUrl: string;
  /** Who calls; throws a Fault for nobody. */
  readonly authenticate: Authenticate;
  readonly decision: Decision;
  readonly log: Log;
}

const paths = {
  access_evaluation_endpoint: "/access/v1/evaluation",
  access_evaluations_endpoint: "/access/v1/evaluations",
  search_subject_endpoint: "/access/v1/search/subject",
  search_resource_endpoint: "/access/v1/search/resource",
  search_action_endpoint: "/access/v1/search/action",
} as const;

const bodyBytesMax = 1024 * 1024;
const deadlineMs = 10_000;
const patienceMs = 2000;

/** Serves it. Disposing what is answered lets running requests end, for two seconds. */
export async function serveAuthzen(
  options: AuthzenOptions,
): Promise<AsyncDisposable & { readonly url: string }> {
  const { listen, publicUrl, authenticate, decision, log } = options;
  refuseUnprotected("PORTCULLIS_HTTP_LISTEN", listen, options.tls !== null);
  const app = fastify({
    serverFactory: (handle) => httpServer(options.tls, log, handle),
    bodyLimit: bodyBytesMax,
    requestTimeout: deadlineMs,
    forceCloseConnections: "idle",
    // An address that can't be read is refused before any hook has been called.
    frameworkErrors(_error, request, reply) {
      const told = reply as unknown as FastifyReply;
      told.header("x-request-id", requestIdOf(request));
      void answerProblem(absent(), request, told, log);
    },
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
  app.addHook("onRequest", async (request, reply) => {
    reply.header("x-request-id", requestIdOf(request));
  });
  const traces = requestHooks<FastifyRequest, FastifyReply>((_request, reply) =>
    String(reply.getHeader("x-request-id")),
  );
  if (traces !== null) {
    app.addHook("onRequest", traces.onRequest);
    app.addHook("preValidation", traces.preValidation);
    app.addHook("onResponse", traces.onResponse);
  }
  app.addHook("onResponse", async ({ method, routeOptions }, reply) => {
    countRequest({ method, route: routeOptions.url ?? "none" }, reply.statusCode, reply.elapsedTime);
  });
  app.setErrorHandler((error, request, reply) => answerProblem(error, request, reply, log));
  app.setNotFoundHandler((request, reply) => answerProblem(absent(), request, reply, log));

  const base = publicUrl.replace(/\/$/, "");
  const endpoints = Object.entries(paths).map(([name, path]) => [name, base + path]);
  app.get("/.well-known/authzen-configuration", () => ({
    policy_decision_point: base,
    ...Object.fromEntries(endpoints),
  }));

  function post<Schema extends z.ZodType>(
    path: string,
    schema: Schema,
    answer: (asking: Asking, body: z.infer<Schema>) => Promise<unknown>,
  ): void {
    app.post(path, async (request, reply) => {
      const call = await callOf(request, reply, authenticate);
      const body = schema.safeParse(bodyOf(request));
      if (!body.success) throw invalidBody(body.error);
      const orgId = call.caller.kind === "other" ? call.caller.orgId : "";
      return await answer({ decision, orgId, call }, body.data);
    });
  }
  post(paths.access_evaluation_endpoint, evaluationRequest, evaluate);
  post(paths.access_evaluations_endpoint, evaluationsRequest, evaluateAll);
  post(paths.search_subject_endpoint, subjectSearch, searchSubjects);
  post(paths.search_resource_endpoint, resourceSearch, searchResources);
  post(paths.search_action_endpoint, actionSearch, searchActions);

  const url = await app.listen(await listenOptions(listen));
  return {
    url,
    async [Symbol.asyncDispose]() {
      await Promise.race([app.close(), after(patienceMs, undefined, { ref: false })]);
    },
  };
}

function requestIdOf({ headers }: FastifyRequest): string {
  const given = headers["x-request-id"];
  return typeof given === "string" && isRequestId(given) ? given : newUuid();
}

function absent(): Fault {
  return new Fault("absent", "no such endpoint");
}

/** The call that a request would be if it came over gRPC. */
async function callOf(
  request: FastifyRequest,
  reply: FastifyReply,
  authenticate: Authenticate,
): Promise<Call> {
  const metadata = new Metadata();
  const { authorization } = request.headers;
  if (authorization !== undefined) metadata.set("authorization", authorization);
  const requestId = String(reply.getHeader("x-request-id"));
  const caller = await authenticate(metadata, { requestId });
  return { caller, metadata, requestId, deadlineMs: Date.now() + deadlineMs, signal: request.signal };
}

function bodyOf({ headers, body }: FastifyRequest): unknown {
  const [type = ""] = (headers["content-type"] ?? "").split(";");
  if (type.trim().toLowerCase() !== "application/json") throw wrongContentType();
  return parseJson(Buffer.isBuffer(body) ? body : Buffer.alloc(0));
}

function wrongContentType(): Fault {
  return invalid("content-type", "must be application/json");
}

function answerProblem(
  thrown: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  log: Log,
): FastifyReply {
  const fault = faultOf(thrown);
  if (fault.kind === "internal")
    log.error({ path: request.url, err: thrown }, "a request failed unexpectedly");
  if (fault.kind === "unauthenticated") reply.header("www-authenticate", "Bearer");
  const seconds = Math.ceil((fault.retryAfterMs ?? 0) / 1000);
  if (seconds > 0) reply.header("retry-after", seconds);
  return reply.code(httpStatus[fault.kind]).send({ error: fault.message });
}

/** What the HTTP server itself refuses, as a body that is too large, is the caller's fault. */
function faultOf(thrown: unknown): Fault {
  if (thrown instanceof Fault) return thrown;
  const { statusCode } = thrown as { statusCode?: number };
  if (statusCode === undefined || statusCode >= 500)
    return new Fault("internal", "internal", { cause: thrown });
  if (statusCode === 415) return wrongContentType();
  return invalid("body", statusCode === 413 ? `is larger than ${bodyBytesMax} bytes` : "can't be read");
}
