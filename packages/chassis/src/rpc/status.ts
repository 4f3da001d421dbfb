// Faults on the wire and off it. Every kind has its gRPC status; the kind itself travels beside it.

import { Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { Fault, type FaultKind } from "../fault.ts";
import { faultKindKey, fieldKey, retryAfterKey } from "./call.ts";

const statusOf = {
  invalid: status.INVALID_ARGUMENT,
  unauthenticated: status.UNAUTHENTICATED,
  denied: status.PERMISSION_DENIED,
  absent: status.NOT_FOUND,
  refused: status.FAILED_PRECONDITION,
  conflict: status.ABORTED,
  exhausted: status.RESOURCE_EXHAUSTED,
  unavailable: status.UNAVAILABLE,
  timeout: status.DEADLINE_EXCEEDED,
  cancelled: status.CANCELLED,
  internal: status.INTERNAL,
} as const satisfies Record<FaultKind, status>;

const kindOf = new Map<status, FaultKind>(
  Object.entries(statusOf).map(([kind, code]) => [code, kind as FaultKind]),
);

/** The name of a kind's gRPC status, such as INVALID_ARGUMENT. */
export function statusName(kind: FaultKind): string {
  return status[statusOf[kind]];
}

/** The kind behind the name of a gRPC status. */
export function kindOfStatusName(name: string): FaultKind {
  return kindOf.get(status[name as keyof typeof status]) ?? "unavailable";
}

/** The gRPC status of an RPC in which this was thrown. */
export function codeOf(thrown: unknown): status {
  return thrown instanceof Fault ? statusOf[thrown.kind] : status.INTERNAL;
}

/** What an RPC answers when this was thrown. Only the message of a Fault is shown. */
export function toServiceError(thrown: unknown): Partial<ServiceError> {
  const fault = thrown instanceof Fault ? thrown : new Fault("internal", "internal");
  const metadata = new Metadata();
  metadata.set(faultKindKey, fault.kind);
  if (fault.field !== null) metadata.set(`${fieldKey}-bin`, Buffer.from(fault.field));
  if (fault.retryAfterMs !== null) metadata.set(retryAfterKey, String(fault.retryAfterMs));
  return { code: statusOf[fault.kind], details: fault.message, metadata };
}

/** What a failed call means to its caller. A status that no handler of ours would send means that the part is not there. */
export function fromServiceError(error: ServiceError, peer: string): Fault {
  const kind = kindOf.get(error.code) ?? "unavailable";
  const sentByHandler = error.metadata.get(faultKindKey).length > 0;
  if (kind === "internal" || (sentByHandler && isAboutService(error))) {
    return new Fault("internal", "internal", { cause: error });
  }
  if (!sentByHandler && (kind === "unavailable" || kind === "cancelled")) {
    return new Fault(kind, `${peer} is not available`, { cause: error, retryAfterMs: 1000 });
  }
  // What grpc-js says of a deadline tells addresses, which are nobody's business outside.
  if (!sentByHandler && kind === "timeout") {
    return new Fault(kind, `${peer} did not answer in time`, { cause: error });
  }
  const field = error.metadata.get(`${fieldKey}-bin`)[0];
  const retryAfter = error.metadata.get(retryAfterKey)[0];
  return new Fault(kind, error.details, {
    cause: error,
    ...(field !== undefined && { field: field.toString() }),
    ...(retryAfter !== undefined && { retryAfterMs: Number(retryAfter) }),
  });
}

/** The text for a caller that shows no valid service credential. */
export const badServiceCredential = "the service credential is missing or wrong";

/** The text for one of our services that is not in the caller list of the RPC. */
export const notForThisService = "this service may not call this";

/** It is we who are not accepted, not the one for whom we ask. */
function isAboutService(error: ServiceError): boolean {
  return error.details === badServiceCredential || error.details === notForThisService;
}
