import type { Answer, FactReader, Facts } from "@portcullis/facts";
import {
  type Decided,
  decideWithin,
  isNeeds,
  type Needs,
  type OrgId,
  type PrincipalId,
  type Question,
  type Scope,
} from "@portcullis/policy";
import type { CheckRequest, CheckResponse } from "@portcullis/proto/decision/v1/decision";
import { type Asking, mayAskAbout } from "./callers.ts";
import type { PrincipalOf } from "./principal.ts";
import { consistencyFromWire, permissionFromWire, targetFromWire, whoFromWire } from "./wire.ts";

/** Answers without a promise when memory holds all facts that it takes. */
export function check(
  facts: FactReader,
  principalOf: PrincipalOf,
  request: CheckRequest,
  call: Asking,
): CheckResponse | Promise<CheckResponse> {
  const question = questionOf(request, principalOf);
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
  readonly find: (facts: Facts) => QuestionWithin | Needs;
  readonly decide: (facts: Facts) => DecidedOf | Needs;
}

/** A question, and the credential that its principal was found by. */
interface QuestionWithin {
  readonly question: Question;
  readonly byCredential: boolean;
  readonly scope: Scope | null;
}

/** What was decided, and of whom if a credential told. */
type DecidedOf = Decided & { readonly holder?: PrincipalId };

/** Throws the one error that names the field for a question that is malformed. */
export function questionOf(request: CheckRequest, principalOf: PrincipalOf, field = ""): AskedQuestion {
  const who = principalOf(whoFromWire(request, field));
  const permission = permissionFromWire(request.permission, field);
  const target = targetFromWire(request.what, field);
  const find = (facts: Facts): QuestionWithin | Needs => {
    const asked = who.find(facts);
    if (isNeeds(asked)) return asked;
    const { principal, credential, scope } = asked;
    const question = { org: who.org, principal, permission, target, nowMs: Date.now() };
    return { question, byCredential: credential !== null, scope };
  };
  return {
    org: who.org,
    find,
    decide(facts) {
      const found = find(facts);
      if (isNeeds(found)) return found;
      const decided = decideWithin(found.scope, found.question, facts);
      if (isNeeds(decided) || !found.byCredential) return decided;
      return { ...decided, holder: found.question.principal };
    },
  };
}

function responseOf({ result, revision }: Answer<DecidedOf>): CheckResponse {
  return { allowed: result.allowed, revision, holderId: result.holder };
}
