import { Fault, type FaultKind } from "@portcullis/chassis/fault";

/**
 * There is no answer, which means *denied*. `kind` says why: `invalid` (the question is malformed; `field` names where),
 * `unauthenticated` (the credential that was asked about, or our own, is not valid), `denied` (we may not ask this),
 * `unavailable`, `timeout`, `exhausted` (ask again later), and more.
 */
export class NoAnswer extends Error {
  override readonly name = "NoAnswer";
  readonly kind: FaultKind;
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

/** Whatever goes wrong in an answer, as a {@link NoAnswer}. */
export async function answerOf<Answer>(asked: Promise<Answer>): Promise<Answer> {
  try {
    return await asked;
  } catch (thrown) {
    throw thrown instanceof NoAnswer ? thrown : new NoAnswer(thrown);
  }
}
