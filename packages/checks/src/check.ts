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
import { type DecisionLog, type NotedQuestion, noting } from "./decision-log.ts";
import { countDecision } from "./metrics.ts";
import { plainAnswer } from "./plain-answers.ts";
import type { PrincipalOf } from "./principal.ts";
import { consistencyFromWire, permissionFromWire, targetFromWire, whoFromWire } from "./wire.ts";

/** What questions are decided with. */
export interface Deciding {
  readonly facts: FactReader;
  /** Where some of the decisions are told. */
  readonly log: DecisionLog;
}

/** Answers without a promise when memory holds all facts that it takes. */
export function check(
  { facts, log }: Deciding,
  principalOf: PrincipalOf,
  request: CheckRequest,
  call: Asking,
): CheckResponse | Promise<CheckResponse> {
  if (log.isDue()) return checkAndTell({ facts, log }, principalOf, request, call);
  const found = read(facts, questionOf(request, principalOf), request, call);
  return found instanceof Promise ? found.then(responseOf) : responseOf(found);
}

async function checkAndTell(
  { facts, log }: Deciding,
  principalOf: PrincipalOf,
  request: CheckRequest,
  call: Asking,
): Promise<CheckResponse> {
  let question: NotedQuestion | null = null;
  try {
    question = noting(questionOf(request, principalOf));
    const answer = await read(facts, question, request, call);
    log.decided(question, answer, call);
    return responseOf(answer);
  } catch (thrown) {
    log.failed(question, thrown, call);
    throw thrown;
  }
}

function read(facts: FactReader, question: AskedQuestion, { consistency }: CheckRequest, call: Asking) {
  const { org } = question;
  mayAskAbout(org, call);
  return facts.read(org, consistencyFromWire(consistency, org), (facts) => decideOver(facts, question), call);
}

/** One question, as it can be put to the facts of its organisation. */
export interface AskedQuestion {
  readonly org: OrgId;
  /** The question in full, once the facts tell who is asked about. */
  readonly find: (facts: Facts) => QuestionWithin | Needs;
  readonly decide: (found: QuestionWithin, facts: Facts) => DecidedOf | Needs;
}

/** A question, and the credential that its principal was found by. */
interface QuestionWithin {
  readonly question: Question;
  readonly byCredential: boolean;
  readonly scope: Scope | null;
}

/** What was decided, and of whom if a credential told. */
export type DecidedOf = Decided & { readonly holder?: PrincipalId };

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
  return { org: who.org, find, decide };
}

export function decideOver(facts: Facts, { find, decide }: AskedQuestion): DecidedOf | Needs {
  const found = find(facts);
  return isNeeds(found) ? found : decide(found, facts);
}

function decide({ question, byCredential, scope }: QuestionWithin, facts: Facts): DecidedOf | Needs {
  const decided = decideWithin(scope, question, facts);
  if (isNeeds(decided) || !byCredential) return decided;
  return { ...decided, holder: question.principal };
}

function responseOf({ result, revision }: Answer<DecidedOf>): CheckResponse {
  countDecision(result);
  const { allowed, holder } = result;
  return holder === undefined ? plainAnswer(allowed, revision) : { allowed, revision, holderId: holder };
}
