import type { Answer, FactReader, Facts, Moment } from "@portcullis/facts";
import {
  type Decided,
  type Decision,
  decide,
  decideFromAbove,
  decideWithin,
  type FactKey,
  isNeeds,
  missingAbout,
  missingFromAbove,
  type Needs,
  type OrgId,
  type ParentsLookup,
  type Permission,
  type PrincipalId,
  type Question,
  type Scope,
  type Target,
} from "@portcullis/policy";
import type { CheckRequest, CheckResponse } from "@portcullis/proto/decision/v1/decision";
import { type Asking, mayAskAbout } from "./callers.ts";
import { type DecisionLog, type NotedQuestion, noting } from "./decision-log.ts";
import { countDecision, countRemembered } from "./metrics.ts";
import { plainAnswer } from "./plain-answers.ts";
import type { Principal, PrincipalOf } from "./principal.ts";
import { recall, remember } from "./remembered.ts";
import { consistencyFromWire, permissionFromWire, targetAsItCame, verifyIds, whoAsItCame } from "./wire.ts";

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
  const question = new QuestionAsItCame(request, request.orgId, principalOf);
  const found = read(facts, question, request, call);
  if (found instanceof Promise) return found.then((answer) => remembering(question, answer));
  return remembering(question, found);
}

function remembering(question: QuestionAsItCame, answer: Answer<DecidedOf>): CheckResponse {
  question.remember(answer.moment);
  return responseOf(answer);
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
  find(facts: Facts): QuestionWithin | Needs;
  decide(found: QuestionWithin, facts: Facts): DecidedOf | Needs;
}

/** A question, and the credential that its principal was found by. */
interface QuestionWithin extends Question {
  readonly byCredential: boolean;
  readonly scope: Scope | null;
}

/** How a question is decided, and which facts that takes whoever asks. */
export interface Way {
  readonly decide: (question: Question, lookup: ParentsLookup) => Decision;
  readonly missing: (org: OrgId, target: Target, lookup: ParentsLookup) => readonly FactKey[];
}

export const alone: Way = { decide, missing: missingAbout };
/** For one among many: another round of loading is less than all ACLs on each of their objects, if these must be read anew. */
export const amongMany: Way = { decide: decideFromAbove, missing: missingFromAbove };

/** What was decided, and of whom if a credential told. */
export type DecidedOf = Decided & { readonly holder?: PrincipalId };

export function decideOver(facts: Facts, question: AskedQuestion): DecidedOf | Needs {
  const found = question.find(facts);
  return isNeeds(found) ? found : question.decide(found, facts);
}

/** Throws the one error that names the field for a question that is malformed. */
export function questionOf(request: CheckRequest, principalOf: PrincipalOf): AskedQuestion {
  const question = new QuestionAsItCame(request, request.orgId, principalOf);
  verifyIds(request);
  return question;
}

/**
 * The same, but its ids are looked at only where they must be: to look at one takes longer than to find what is known of
 * it. What facts were found under is an id; for whatever else nothing is loaded or answered before it was looked at.
 */
export class QuestionAsItCame implements AskedQuestion {
  readonly org: OrgId;
  readonly #request: CheckRequest;
  readonly #who: Principal;
  readonly #permission: Permission;
  readonly #target: Target;
  readonly #way: Way;
  /** The question in full as it was decided in the last attempt, and how. Null: that is not to be remembered. */
  #found: QuestionWithin | null = null;
  #decided: Decided | null = null;

  /** `orgId`: which it is about, where the request does not say. */
  constructor(request: CheckRequest, orgId: string, principalOf: PrincipalOf, way: Way = alone) {
    this.#request = request;
    this.#way = way;
    this.#who = principalOf(whoAsItCame(request.who, orgId));
    this.org = this.#who.org;
    this.#permission = permissionFromWire(request.permission);
    this.#target = targetAsItCame(request.what);
  }

  find(facts: Facts): QuestionWithin | Needs {
    this.#found = null;
    const asked = this.#who.find(facts);
    if (isNeeds(asked)) {
      verifyIds(this.#request);
      return { ...asked, next: (lookup) => nextAfter(asked, this.org, this.#target, lookup, this.#way) };
    }
    const { principal, credential, scope } = asked;
    return {
      org: this.org,
      principal,
      permission: this.#permission,
      target: this.#target,
      nowMs: Date.now(),
      byCredential: credential !== null,
      scope,
    };
  }

  decide(found: QuestionWithin, facts: Facts): DecidedOf | Needs {
    const moment = found.scope === null ? facts.moment() : null;
    const known = moment === null ? null : recall(moment, found);
    if (known !== null) {
      facts.useMoment();
      countRemembered();
      return decidedOf(known, found);
    }
    const decided = decideWithin(found.scope, found, facts, this.#way.decide);
    if (isNeeds(decided) || !foundAll(decided)) verifyIds(this.#request);
    if (isNeeds(decided)) return decided;
    if (moment !== null) {
      this.#found = found;
      this.#decided = decided;
    }
    return decidedOf(decided, found);
  }

  /** Has it remembered, once the facts that it was decided over turned out to be all of this moment. */
  remember(moment: Moment): void {
    if (this.#found !== null && this.#decided !== null) remember(moment, this.#found, this.#decided);
  }
}

function decidedOf(decided: Decided, { byCredential, principal }: QuestionWithin): DecidedOf {
  return byCredential ? { ...decided, holder: principal } : decided;
}

/** What the decision takes besides, while it is looked up who asks. */
function nextAfter(
  { keys }: Needs,
  org: OrgId,
  target: Target,
  lookup: ParentsLookup,
  { missing }: Way,
): FactKey[] {
  const memberships = keys.flatMap((key): FactKey[] =>
    key.kind === "member" && lookup.memberships(key.principal) === undefined
      ? [{ kind: "memberships", org, principal: key.principal }]
      : [],
  );
  return [...memberships, ...missing(org, target, lookup)];
}

/** Whether facts were found of the principal as well as of the object. */
function foundAll(decided: Decided): boolean {
  return decided.allowed || decided.because === "no_grant";
}

function responseOf({ result, revision }: Answer<DecidedOf>): CheckResponse {
  countDecision(result);
  const { allowed, holder } = result;
  return holder === undefined ? plainAnswer(allowed, revision) : { allowed, revision, holderId: holder };
}
