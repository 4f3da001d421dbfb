/**
 * The kinds of expected failure. Everything else that is thrown is a bug, and shows outside as `internal` alone.
 *
 * - `invalid`: the request is wrong in itself; `field` names where.
 * - `unauthenticated`: nobody knows who asks.
 * - `denied`: known, but not allowed.
 * - `absent`: no such thing, or none that the caller may know of.
 * - `refused`: a rule of the system forbids it in its present state.
 * - `conflict`: somebody else was faster.
 * - `exhausted`: a limit is reached for now.
 * - `unavailable`: a part is down, or an answer can't be had fresh enough.
 * - `timeout`, `cancelled`: the caller's deadline passed, or it went away.
 */
export type FaultKind =
  | "invalid"
  | "unauthenticated"
  | "denied"
  | "absent"
  | "refused"
  | "conflict"
  | "exhausted"
  | "unavailable"
  | "timeout"
  | "cancelled"
  | "internal";

interface FaultDetails {
  /** The path of the field that is wrong, in the words of the request. */
  readonly field?: string;
  /** When it is worth trying again. */
  readonly retryAfterMs?: number;
  /** What lies behind it; logged, never shown. */
  readonly cause?: unknown;
}

/** An expected failure. Its message is public: lower case, no full stop, no secrets. */
export class Fault extends Error {
  override readonly name = "Fault";
  readonly kind: FaultKind;
  readonly field: string | null;
  readonly retryAfterMs: number | null;

  constructor(kind: FaultKind, message: string, details: FaultDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.kind = kind;
    this.field = details.field ?? null;
    this.retryAfterMs = details.retryAfterMs ?? null;
  }
}

/** The one way to say that a field is wrong: the message begins with the field's path. */
export function invalid(field: string, reason: string): Fault {
  return new Fault("invalid", `${field}: ${reason}`, { field });
}

/** What lies behind a failure, for logs. */
export function causeOf(thrown: unknown): string | undefined {
  return thrown instanceof Error && thrown.cause instanceof Error ? thrown.cause.message : undefined;
}
