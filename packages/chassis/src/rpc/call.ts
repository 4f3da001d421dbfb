import type { Metadata } from "@grpc/grpc-js";

/** Who calls an RPC. */
export type Caller =
  | { readonly kind: "service"; readonly name: string }
  /** Someone whom the service itself authenticated; what that means is the service's business. */
  | { readonly kind: "other"; readonly principalId: string; readonly orgId: string };

/** What goes with a request through all hops. */
export interface Hop {
  /** Made at the first door; the same in all logs. */
  readonly requestId: string;
  /** When the caller stops waiting, in wall-clock milliseconds; null: it did not say. */
  readonly deadlineMs: number | null;
  /** Aborted when the caller went away or its deadline passed. */
  readonly signal: AbortSignal;
}

/** One call of an RPC, as its handler sees it. */
export interface Call extends Hop {
  readonly caller: Caller;
  readonly metadata: Metadata;
}

export const requestIdKey = "x-request-id";
export const serviceNameKey = "x-portcullis-service";
export const serviceCredentialKey = "x-portcullis-credential";
export const fieldKey = "x-portcullis-field";
export const faultKindKey = "x-portcullis-fault";
export const retryAfterKey = "x-portcullis-retry-after-ms";

/** Request ids from outside are taken over if they are harmless in logs and headers. */
export function isRequestId(value: string): boolean {
  return /^[A-Za-z0-9._:/+=@-]{1,128}$/.test(value);
}
