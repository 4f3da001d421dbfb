import type { FastifyReply, FastifyRequest } from "fastify";
import { type GuardOptions, judge } from "./guard.ts";
import type { Portcullis } from "./portcullis.ts";

/**
 * A `preHandler` hook that lets a request through only if it is allowed. Else it ends here: 401 without a valid credential,
 * 403 if it is not allowed, 503 if that can't be decided.
 */
export function guard(portcullis: Portcullis, options: GuardOptions<FastifyRequest>) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> => {
    const verdict = await judge(portcullis, options, request, request.headers.authorization);
    if (verdict.allowed) return undefined;
    const { status, reason } = verdict;
    if (status === 401) reply.header("www-authenticate", "Bearer");
    if (status === 503) reply.header("retry-after", "1");
    return reply.code(status).send({ error: reason });
  };
}
