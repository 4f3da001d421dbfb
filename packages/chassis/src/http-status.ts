import type { FaultKind } from "./fault.ts";

/** What a fault is in HTTP. A part that does not answer in time is not there, whoever gave up first. */
export const httpStatus: Readonly<Record<FaultKind, number>> = {
  invalid: 400,
  refused: 400,
  unauthenticated: 401,
  denied: 403,
  absent: 404,
  conflict: 409,
  exhausted: 429,
  unavailable: 503,
  timeout: 503,
  cancelled: 503,
  internal: 500,
};
