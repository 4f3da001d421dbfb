import { Fault } from "@portcullis/chassis/fault";

/** Why there is no answer. */
export type NoAnswerKind =
  /** The question is malformed; `field` names where. */
  | "invalid"
  /** The credential that was asked about is not valid, or our own, where `field` is `authorization`. */
  | "unauthenticated"
  /** We may not ask this. */
  | "denied"
  /** A rule forbids it in the present state; the message says which. */
  | "refused"
  /** Too much at once: ask again after `retryAfterMs`. */
  | "exhausted"
  /** A part is down, or the answer can't be had fresh enough. */
  | "unavailable"
  /** It took longer than was waited for. */
  | "timeout"
  /** Whoever asked does not wait any more. */
  | "cancelled"
  | "absent"
  | "conflict"
  | "internal";

/** There is no answer, which means *denied*. */
export class NoAnswer extends Error {
  override readonly name = "NoAnswer";
  readonly kind: NoAnswerKind;
  readonly field: string | null;
  readonly retryAfterMs: number | null;

  constructor(thrown: unknown) {
    const fault = thrown instanceof Fault ? thrown : new Fault("internal", "internal", { cause: thrown });
    super(fault.message, { cause: thrown });
    this.kind = fault.kind;
    this.field = fault.field;
    this.retryAfterMs = fault.retryAfterMs;
  }
}

/** Whatever is thrown where there should be an answer. */
export function noAnswer(thrown: unknown): NoAnswer {
  return thrown instanceof NoAnswer ? thrown : new NoAnswer(thrown);
}
