import { type handleUnaryCall, type ServerUnaryCall, status } from "@grpc/grpc-js";
import { type GuardOptions, judge } from "./guard.ts";
import type { Portcullis } from "./portcullis.ts";
import { withOwnRevisions } from "./revisions.ts";

const codes = {
  401: status.UNAUTHENTICATED,
  403: status.PERMISSION_DENIED,
  503: status.UNAVAILABLE,
} as const;

/**
 * A handler of a grpc-js server that is called only if the call is allowed. Else the call ends with UNAUTHENTICATED without
 * a valid credential, PERMISSION_DENIED if it is not allowed, UNAVAILABLE if that can't be decided.
 */
export function guarded<Request, Response>(
  portcullis: Portcullis,
  options: GuardOptions<ServerUnaryCall<Request, Response>>,
  handler: handleUnaryCall<Request, Response>,
): handleUnaryCall<Request, Response> {
  return (call, answer) => {
    withOwnRevisions(async () => {
      const authorization = call.metadata.get("authorization")[0]?.toString();
      const verdict = await judge(portcullis, options, call, authorization);
      if (verdict.allowed) handler(call, answer);
      else answer({ code: codes[verdict.status], details: verdict.reason });
    }).catch(() => answer({ code: status.INTERNAL, details: "internal" }));
  };
}
