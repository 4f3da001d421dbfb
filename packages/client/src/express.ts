import type { Request, RequestHandler } from "express";
import { type GuardOptions, pass } from "./guard.ts";
import type { Portcullis } from "./portcullis.ts";

export { type Access, accessOf, type GuardOptions } from "./guard.ts";

/**
 * Lets a request through to the next handler only if it is allowed; who asked is `accessOf(request)` there. Else it ends
 * here: 401 without a valid credential, 403 if it is not allowed, 503 if that can't be decided.
 */
export function guard<Params = Request["params"]>(
  portcullis: Portcullis,
  options: GuardOptions<Request<Params>>,
): RequestHandler<Params> {
  return (request, response, next) => {
    pass(portcullis, options, request, request.headers.authorization, {
      letThrough: next,
      refuse({ status, reason }) {
        if (status === 401) response.setHeader("www-authenticate", "Bearer");
        if (status === 503) response.setHeader("retry-after", "1");
        response.status(status).json({ error: reason });
      },
      fail: next,
    });
  };
}
