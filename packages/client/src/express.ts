import type { Request, RequestHandler } from "express";
import { type GuardOptions, judge } from "./guard.ts";
import type { Portcullis } from "./portcullis.ts";
import { withOwnRevisions } from "./revisions.ts";

/**
 * Lets a request through to the next handler only if it is allowed; who asked is `response.locals.portcullis.who` there.
 * Else it ends here: 401 without a valid credential, 403 if it is not allowed, 503 if that can't be decided.
 */
export function guard(portcullis: Portcullis, options: GuardOptions<Request>): RequestHandler {
  return (request, response, next) =>
    withOwnRevisions(async () => {
      const verdict = await judge(portcullis, options, request, request.headers.authorization);
      if (verdict.allowed) {
        const { who, revision } = verdict;
        response.locals["portcullis"] = { who, revision };
        next();
        return;
      }
      const { status, reason } = verdict;
      if (status === 401) response.setHeader("www-authenticate", "Bearer");
      if (status === 503) response.setHeader("retry-after", "1");
      response.status(status).json({ error: reason });
    });
}
