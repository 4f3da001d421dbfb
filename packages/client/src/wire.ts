// Questions in plain words to what crosses the wire; the only file that knows both.

import { Fault, invalid } from "@portcullis/chassis/fault";
import { kindOfStatusName } from "@portcullis/chassis/rpc/status";
import type {
  BatchCheckResult,
  CheckRequest,
  CheckResponse,
  Consistency,
} from "@portcullis/proto/decision/v1/decision";
import type { Checked } from "./portcullis.ts";
import type { ObjectRef, Question, Target, Who } from "./question.ts";
import { freshest } from "./revisions.ts";

/** Nothing that is asked is longer, so that a thousand questions fit into a message whatever stands in them. */
const bytesMax = 512;

/**
 * Throws the fault that names the field. What comes out of a request may be anything: a question that can't be sent must
 * not go out together with those of others.
 */
export function checkToWire(question: Question, orgId: string): CheckRequest {
  mustBeGiven(question, "question");
  const { who, permission, object } = question;
  return {
    orgId,
    who: whoToWire(who),
    permission: text(permission, "permission"),
    what: targetToWire(object),
    consistency: undefined,
  };
}

export function whoToWire(who: Who): NonNullable<CheckRequest["who"]> {
  mustBeGiven(who, "who");
  return "principal" in who
    ? { $case: "principalId", value: text(who.principal, "principal_id") }
    : { $case: "credential", value: text(who.credential, "credential") };
}

function targetToWire(target: Target): NonNullable<CheckRequest["what"]> {
  mustBeGiven(target, "object");
  if (!("under" in target)) return { $case: "object", value: objectToWire(target, "object") };
  const type = text(target.type, "place.type");
  return { $case: "place", value: { type, parent: objectToWire(target.under, "place.parent") } };
}

export function objectToWire(object: ObjectRef, field: string): { type: string; id: string } {
  mustBeGiven(object, field);
  return { type: text(object.type, `${field}.type`), id: text(object.id, `${field}.id`) };
}

export function text(value: unknown, field: string): string {
  if (typeof value !== "string") throw invalid(field, "must be a string");
  // No character takes more than three bytes, and most values are short.
  if (value.length * 3 > bytesMax && Buffer.byteLength(value) > bytesMax)
    throw invalid(field, `is longer than ${bytesMax} bytes`);
  return value;
}

/** The types promise it, but what is asked may have been made of anything. */
function mustBeGiven(value: unknown, field: string): void {
  if (typeof value !== "object" || value === null) throw invalid(field, "is missing");
}

/** How fresh an answer must be, beyond the bound that holds for all; see {@link Asking}. */
export function consistencyToWire(freshness: string | null): Consistency | undefined {
  if (freshness === null) return undefined;
  return {
    kind:
      freshness === freshest
        ? { $case: "fullyConsistent", value: {} }
        : { $case: "atLeastAsFresh", value: freshness },
  };
}

/** Why one question of a batch has no answer, as if it had been asked alone. */
function faultFromWire({ code, message }: NonNullable<BatchCheckResult["error"]>): Fault {
  const kind = kindOfStatusName(code);
  const alone = message.replace(/^checks\[\d+\]\./, "");
  const [field = ""] = alone.split(": ", 1);
  return new Fault(kind, alone, kind === "invalid" ? { field } : {});
}

/** The answer to one question of a batch. */
export function resultFromWire(
  check: CheckRequest,
  result: BatchCheckResult | undefined,
  revision: string,
): Checked | Fault {
  if (result === undefined) return unanswered();
  if (result.error !== undefined) return faultFromWire(result.error);
  return attempt(() => checkedFromWire(check, { ...result, revision }));
}

export function checkedFromWire(
  { who }: CheckRequest,
  { allowed, holderId, revision }: CheckResponse,
): Checked {
  const principalId = who?.$case === "principalId" ? who.value : holderId;
  // Nobody is let through of whom it is not known who they are.
  if (principalId === undefined) throw unanswered();
  return { allowed, principalId, revision };
}

/** What is left out is no answer. */
export function unanswered(): Fault {
  return new Fault("internal", "a question was left without an answer");
}

/** What was made, or why it could not be. */
export function attempt<Made>(make: () => Made): Made | Fault {
  try {
    return make();
  } catch (thrown) {
    if (thrown instanceof Fault) return thrown;
    throw thrown;
  }
}
