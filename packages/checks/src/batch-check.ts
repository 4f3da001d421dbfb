import { Fault, invalid } from "@portcullis/chassis/fault";
import { uuid } from "@portcullis/chassis/fields";
import { statusName } from "@portcullis/chassis/rpc/status";
import type { Facts } from "@portcullis/facts";
import type { FactKey, Needs, OrgId } from "@portcullis/policy";
import type {
  BatchCheckRequest,
  BatchCheckResponse,
  BatchCheckResult,
  CheckRequest,
} from "@portcullis/proto/decision/v1/decision";
import { type Asking, mayAskAbout } from "./callers.ts";
import {
  type AskedQuestion,
  alone,
  amongMany,
  type DecidedOf,
  type Deciding,
  decideOver,
  QuestionAsItCame,
  type Way,
} from "./check.ts";
import { type NotedQuestion, noting } from "./decision-log.ts";
import { countDecision } from "./metrics.ts";
import type { PrincipalOf } from "./principal.ts";
import { consistencyFromWire, verifyIds } from "./wire.ts";

const checksMax = 1000;
/** From so many on. Fewer are answered sooner with a round of loading less. */
const many = 50;

/** All questions are decided at one moment; a bad one fails alone. */
export async function batchCheck(
  { facts, log }: Deciding,
  principalOf: PrincipalOf,
  request: BatchCheckRequest,
  call: Asking,
): Promise<BatchCheckResponse> {
  const org = uuid<OrgId>(request.orgId, "org_id");
  mayAskAbout(org, call);
  const { checks } = request;
  if (checks.length === 0) throw invalid("checks", "must not be empty");
  if (checks.length > checksMax)
    throw invalid("checks", `has ${checks.length} entries; at most ${checksMax} are allowed`);
  // Who asks as of now is about to change something, and asks again when the ACLs on these objects are others.
  const isFull = request.consistency?.kind?.$case === "fullyConsistent";
  const way = isFull && checks.length >= many ? amongMany : alone;
  const asked = (check: CheckRequest) => questionOfBatch(check, org, principalOf, way);
  const told: { readonly index: number; readonly question: NotedQuestion | null }[] = [];
  const questions = checks.map((check, index) => {
    if (!log.isDue()) return attempt(() => asked(check));
    const question = attempt(() => {
      verifyIds(check);
      return asked(check);
    });
    const noted = question instanceof Fault ? null : noting(question);
    told.push({ index, question: noted });
    return noted ?? question;
  });
  try {
    const answer = await facts.read(
      org,
      consistencyFromWire(request.consistency, org),
      (organization) => decideAll(questions, organization),
      call,
    );
    const { decisions } = answer.result;
    for (const { index, question } of told) {
      const decision = decisions[index];
      if (question === null || decision instanceof Fault) log.failed(question, decision, call);
      else log.decided(question, answer, call);
    }
    for (const question of questions) {
      if (question instanceof QuestionAsItCame) question.remember(answer.moment);
    }
    return { results: decisions.map(resultOf), revision: answer.revision };
  } catch (thrown) {
    for (const { question } of told) log.failed(question, thrown, call);
    throw thrown;
  }
}

function questionOfBatch(check: CheckRequest, org: OrgId, principalOf: PrincipalOf, way: Way): AskedQuestion {
  if (check.consistency !== undefined) throw invalid("consistency", "must be unset; it is the batch's");
  if (check.orgId !== "" && check.orgId !== org) throw invalid("org_id", "must be the batch's");
  return new QuestionAsItCame(check, org, principalOf, way);
}

/** What all questions together need, so that one round of loading serves them all. */
function decideAll(
  questions: readonly (AskedQuestion | Fault)[],
  facts: Facts,
): { readonly decisions: (DecidedOf | Fault)[] } | Needs {
  const missing: FactKey[] = [];
  const steps: Needs[] = [];
  const decisions: (DecidedOf | Fault)[] = [];
  for (const question of questions) {
    const step = question instanceof Fault ? question : attempt(() => decideOver(facts, question));
    if (step instanceof Fault || step.kind === "decided") decisions.push(step);
    else {
      missing.push(...step.keys);
      steps.push(step);
    }
  }
  if (missing.length === 0) return { decisions };
  return {
    kind: "needs",
    keys: missing,
    next: (lookup) => steps.flatMap(({ next }) => next?.(lookup) ?? []),
  };
}

function attempt<T>(make: () => T): T | Fault {
  try {
    return make();
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
}

const allowedResult: BatchCheckResult = Object.freeze({
  allowed: true,
  error: undefined,
  holderId: undefined,
});
const deniedResult: BatchCheckResult = Object.freeze({
  allowed: false,
  error: undefined,
  holderId: undefined,
});

function resultOf(decision: DecidedOf | Fault, index: number): BatchCheckResult {
  if (decision instanceof Fault) {
    const at = decision.kind === "invalid" ? `checks[${index}].` : "";
    return { allowed: false, error: { code: statusName(decision.kind), message: at + decision.message } };
  }
  countDecision(decision);
  const { allowed, holder } = decision;
  if (holder !== undefined) return { allowed, error: undefined, holderId: holder };
  return allowed ? allowedResult : deniedResult;
}
