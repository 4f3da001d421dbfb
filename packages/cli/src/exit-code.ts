import type { FaultKind } from "@portcullis/chassis/fault";

/** How the program ends, for scripts. */
export const exitCodes = {
  ok: 0,
  /** Denied; or differences or problems were found; or somebody said no. */
  no: 1,
  invalid: 2,
  unauthenticated: 3,
  denied: 4,
  absent: 5,
  conflict: 6,
  unavailable: 7,
  refused: 8,
  bug: 70,
} as const;

export const exitCodeOfFault = {
  invalid: exitCodes.invalid,
  unauthenticated: exitCodes.unauthenticated,
  denied: exitCodes.denied,
  absent: exitCodes.absent,
  conflict: exitCodes.conflict,
  refused: exitCodes.refused,
  exhausted: exitCodes.unavailable,
  unavailable: exitCodes.unavailable,
  timeout: exitCodes.unavailable,
  cancelled: exitCodes.no,
  internal: exitCodes.bug,
} as const satisfies Record<FaultKind, number>;
