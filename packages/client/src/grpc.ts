import {
  type handleServerStreamingCall,
  type handleUnaryCall,
  type Metadata,
  type ServerUnaryCall,
  type ServerWritableStream,
  status,
} from "@grpc/grpc-js";
import { type GuardOptions, pass } from "./guard.ts";
import type { Portcullis } from "./portcullis.ts";

export { type Access, accessOf, type GuardOptions } from "./guard.ts";

interface Refused {
  readonly code: status;
  readonly details: string;
}

const codes = {
  401: status.UNAUTHENTICATED,
  403: status.PERMISSION_DENIED,
  503: status.UNAVAILABLE,
} as const;

/**
 * A handler of a grpc-js server that is called only if the call is allowed; who asked is `accessOf(call)` there. Else the
 * call ends with UNAUTHENTICATED without a valid credential, PERMISSION_DENIED if it is not allowed, UNAVAILABLE if that
 * can't be decided.
 */
export function guarded<Request, Response>(
  portcullis: Portcullis,
  options: GuardOptions<ServerUnaryCall<Request, Response>>,
  handler: handleUnaryCall<Request, Response>,
): handleUnaryCall<Request, Response> {
  return (call, answer) => {
    passCall(portcullis, options, call, {
      letThrough: () => handler(call, answer),
      refuse: answer,
    });
  };
}

/** The same for a handler with many responses. */
export function guardedStream<Request, Response>(
  portcullis: Portcullis,
  options: GuardOptions<ServerWritableStream<Request, Response>>,
  handler: handleServerStreamingCall<Request, Response>,
): handleServerStreamingCall<Request, Response> {
  return (call) => {
    passCall(portcullis, options, call, {
      letThrough: () => handler(call),
      refuse: (error) => call.emit("error", error),
    });
  };
}

function passCall<Call extends { readonly metadata: Metadata }>(
  portcullis: Portcullis,
  options: GuardOptions<Call>,
  call: Call,
  { letThrough, refuse }: { readonly letThrough: () => void; readonly refuse: (error: Refused) => void },
): void {
  const authorization = call.metadata.get("authorization")[0]?.toString();
  pass(portcullis, options, call, authorization, {
    letThrough,
    refuse: ({ status, reason }) => refuse({ code: codes[status], details: reason }),
    fail: () => refuse({ code: status.INTERNAL, details: "internal" }),
  });
}
