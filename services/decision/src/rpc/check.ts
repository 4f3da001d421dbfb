import type { Call } from "@portcullis/chassis/rpc/call";
import type { Answer, FactReader, Facts } from "@portcullis/facts";
import { type Decided, decide, isNeeds, type Needs, type OrgId, type Question } from "@portcullis/policy";
import type { CheckRequest, CheckResponse } from "@portcullis/proto/decision/v1/decision";
import { mayAskAbout } from "../callers.ts";
import { principalOf } from "../principal.ts";
import { consistencyFromWire, permissionFromWire, targetFromWire, whoFromWire } from "../wire.ts";

/** Answers without a promise when memory holds all facts that it takes. */
export function check(
  facts: FactReader,
  request: CheckRequest,
  call: Call,
): CheckResponse | Promise<CheckResponse> {
  const question = questionOf(request);
  mayAskAbout(question.org, call);
  const found = facts.read(
    question.org,
    consistencyFromWire(request.consistency, question.org),
    question.decide,
    call,
  );
  return found instanceof Promise ? found.then(responseOf) : responseOf(found);
}

/** One question, as it can be put to the facts of its organisation. */
export interface AskedQuestion {
  readonly org: OrgId;
  /** The question in full, once the facts tell who is asked about. */
  readonly find: (facts: Facts) => Question | Needs;
  readonly decide: (facts: Facts) => Decided | Needs;
}

/** Throws the one error that names the field for a question that is malformed. */
export function questionOf(request: CheckRequest, field = ""): AskedQuestion {
  const who = principalOf(whoFromWire(request, field));
  const permission = permissionFromWire(request.permission, field);
  const target = targetFromWire(request.what, field);
  const find = (facts: Facts): Question | Needs => {
    const asked = who.find(facts);
    if (isNeeds(asked)) return asked;
    return { org: who.org, principal: asked.principal, permission, target, nowMs: Date.now() };
  };
  return {
    org: who.org,
    find,
    decide(facts) {
      const question = find(facts);
      return isNeeds(question) ? question : decide(question, facts);
    },
  };
}

function responseOf({ result, revision }: Answer<Decided>): CheckResponse {
  return { allowed: result.allowed, revision };
}
