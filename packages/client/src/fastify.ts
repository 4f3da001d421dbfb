import type { FastifyRequest } from "fastify";
import { type GuardOptions, pass } from "./guard.ts";
import type { Portcullis } from "./portcullis.ts";

export { type Access, accessOf, type GuardOptions } from "./guard.ts";

/** What is needed of a reply, whatever the route answers. */
interface Reply {
  header(name: string, value: string): unknown;
  code(status: number): { send(body: unknown): unknown };
}

/**
 * A `preHandler` hook that lets a request through only if it is allowed; who asked is `accessOf(request)` there. Else it
 * ends here: 401 without a valid credential, 403 if it is not allowed, 503 if that can't be decided.
 */
export function guard<Request extends Pick<FastifyRequest, "headers"> = FastifyRequest>(
  portcullis: Portcullis,
  options: GuardOptions<Request>,
): (request: Request, reply: Reply, done: (error?: Error) => void) => void {
  return (request, reply, done) => {
    pass(portcullis, options, request, request.headers.authorization, {
      letThrough: () => done(),
      refuse({ status, reason }) {
        if (status === 401) reply.header("www-authenticate", "Bearer");
        if (status === 503) reply.header("retry-after", "1");
        reply.code(status).send({ error: reason });
      },
      fail: (error) => done(error as Error),
    });
  };
}
