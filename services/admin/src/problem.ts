// The only place where a Fault becomes an HTTP answer.

import { Fault, type FaultKind } from "@portcullis/chassis/fault";
import { httpStatus } from "@portcullis/chassis/http-status";
import { noSuchObject } from "./access.ts";
import { ScimFault, type ScimType } from "./dialect.ts";

/** What a client gets instead of what it asked for. */
export interface Problem<Body> {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Body;
}

interface RestProblem {
  readonly error: string;
  readonly message: string;
  readonly code: string;
  readonly details: { readonly field?: string; readonly request_id: string };
}

interface ScimProblem {
  readonly schemas: readonly [typeof scimError];
  readonly status: string;
  readonly scimType?: ScimType;
  readonly detail: string;
}

export const scimError = "urn:ietf:params:scim:api:messages:2.0:Error";

const codes = {
  invalid: "INVALID_ARGUMENT",
  refused: "FAILED_PRECONDITION",
  unauthenticated: "UNAUTHENTICATED",
  denied: "PERMISSION_DENIED",
  absent: "NOT_FOUND",
  conflict: "ABORTED",
  exhausted: "RESOURCE_EXHAUSTED",
  unavailable: "UNAVAILABLE",
  timeout: "UNAVAILABLE",
  cancelled: "UNAVAILABLE",
  internal: "INTERNAL",
} as const satisfies Record<FaultKind, string>;

const shortestWaitMs = 1000;

/** Says what went wrong. A fault that an owner found names its field in REST words; a bug says only `internal`. */
export function problemOf(thrown: unknown, requestId: string): Problem<RestProblem> {
  const fault = faultOf(thrown);
  return {
    status: httpStatus[fault.kind],
    headers: headersOf(fault),
    body: {
      error: fault.message,
      message: fault.message,
      code: codes[fault.kind],
      details: { ...(fault.field !== null && { field: fault.field }), request_id: requestId },
    },
  };
}

/** The same to an identity provider. */
export function scimProblemOf(thrown: unknown): Problem<ScimProblem> {
  const fault = faultOf(thrown);
  const status = httpStatus[fault.kind];
  const scimType = scimTypeOf(fault);
  return {
    status,
    headers: headersOf(fault),
    body: {
      schemas: [scimError],
      status: String(status),
      ...(scimType !== null && { scimType }),
      detail: fault.message,
    },
  };
}

function faultOf(thrown: unknown): Fault {
  return thrown instanceof Fault ? thrown : new Fault("internal", "internal");
}

function headersOf(fault: Fault): Readonly<Record<string, string>> {
  const status = httpStatus[fault.kind];
  const waits = status === 429 || status === 503;
  return {
    ...(waits && {
      "retry-after": String(Math.ceil((fault.retryAfterMs ?? shortestWaitMs) / 1000)),
    }),
    ...(status === 401 && { "www-authenticate": "Bearer" }),
  };
}

function scimTypeOf(fault: Fault): ScimType | null {
  if (fault instanceof ScimFault) return fault.scimType;
  if (fault.kind !== "invalid") return null;
  return fault.field === null || fault.field === "body" ? "invalidSyntax" : "invalidValue";
}

/** Puts a fault that an owner found into the words of the request that we were sent. */
export function inWordsOfRequest(thrown: unknown, fieldOf: (field: string) => string): unknown {
  if (!(thrown instanceof Fault) || thrown.cause === undefined) return thrown;
  // What may not be seen is answered in these words too.
  if (thrown.kind === "absent" && thrown.field === null) return noSuchObject(thrown.cause);
  if (thrown.field === null) return thrown;
  const field = fieldOf(thrown.field);
  const prefix = `${thrown.field}: `;
  const message = thrown.message.startsWith(prefix)
    ? `${field}: ${thrown.message.slice(prefix.length)}`
    : thrown.message;
  return new Fault(thrown.kind, message, { field, cause: thrown.cause });
}
