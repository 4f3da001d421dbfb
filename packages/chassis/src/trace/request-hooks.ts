// HTTP requests, from their first byte to the end of their answer, as fastify's hooks.

import { isRequestId } from "../rpc/call.ts";
import { currentTracer, type Span } from "./trace.ts";

/** What is looked at: the pattern of the route, and nothing of what stands in path, query or body. */
interface HttpRequest {
  readonly method: string;
  readonly routeOptions: { readonly url?: string | undefined };
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

interface HttpReply {
  readonly statusCode: number;
}

type Hook<Request, Reply> = (request: Request, reply: Reply, done: () => void) => void;

/** Null: nothing is traced. */
export function requestHooks<Request extends HttpRequest, Reply extends HttpReply>(
  requestIdOf: (request: Request, reply: Reply) => string,
): Readonly<Record<"onRequest" | "preValidation" | "onResponse", Hook<Request, Reply>>> | null {
  const tracer = currentTracer();
  if (tracer === null) return null;
  const spans = new WeakMap<Request, Span>();
  return {
    onRequest(request, reply, done) {
      const { method, routeOptions, headers } = request;
      const { url: route = "none" } = routeOptions;
      const requestId = requestIdOf(request, reply);
      const { traceparent } = headers;
      const span = tracer.begin({
        kind: "server",
        name: `${method} ${route}`,
        attributes: {
          "http.request.method": method,
          "http.route": route,
          ...(isRequestId(requestId) && { "portcullis.request_id": requestId }),
        },
        parent: typeof traceparent === "string" ? traceparent : null,
      });
      spans.set(request, span);
      span.run(done);
    },
    /** A body comes in its own time, and its end is in the course of nothing. */
    preValidation(request, _reply, done) {
      const span = spans.get(request);
      if (span === undefined) done();
      else span.run(done);
    },
    onResponse(request, { statusCode }, done) {
      const span = spans.get(request);
      span?.set("http.response.status_code", statusCode);
      span?.end(statusCode >= 500 ? String(statusCode) : null);
      done();
    },
  };
}
