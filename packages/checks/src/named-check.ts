import type { Call } from "@portcullis/chassis/rpc/call";
import { type Answer, type FactReader, type Facts, minimizeLatency } from "@portcullis/facts";
import { isNeeds, type Needs, type OrgId, type PrincipalId } from "@portcullis/policy";
import type { CheckRequest } from "@portcullis/proto/decision/v1/decision";
import { mayAskAbout } from "./callers.ts";
import { type AskedQuestion, type Deciding, QuestionAsItCame, questionOf } from "./check.ts";
import { type NotedQuestion, noting } from "./decision-log.ts";
import { countDecision } from "./metrics.ts";
import type { PrincipalOf } from "./principal.ts";

/** What a Check says, and about whom: for doors that let somebody in and pass on who it is. */
interface NamedCheck {
  readonly allowed: boolean;
  readonly org: OrgId;
  readonly principal: PrincipalId;
  readonly revision: string;
}

/** Like Check, as fast as can be; who it is and what they may are of one moment. */
export function namedCheck(
  { facts, log }: Deciding,
  principalOf: PrincipalOf,
  request: NamedRequest,
  call: Call,
): NamedCheck | Promise<NamedCheck> {
  if (log.isDue()) return checkAndTell({ facts, log }, principalOf, request, call);
  const question = new QuestionAsItCame({ ...request, consistency: undefined }, request.orgId, principalOf);
  const answer = read(facts, question, call);
  if (answer instanceof Promise) return answer.then((late) => remembering(question, late));
  return remembering(question, answer);
}

function remembering(question: QuestionAsItCame, answer: Answer<Named>): NamedCheck {
  question.remember(answer.moment);
  return together(answer);
}

type NamedRequest = Omit<CheckRequest, "consistency">;

async function checkAndTell(
  { facts, log }: Deciding,
  principalOf: PrincipalOf,
  request: NamedRequest,
  call: Call,
): Promise<NamedCheck> {
  let question: NotedQuestion | null = null;
  try {
    question = noting(questionOf({ ...request, consistency: undefined }, principalOf));
    const answer = await read(facts, question, call);
    log.decided(question, answer, call);
    return together(answer);
  } catch (thrown) {
    log.failed(question, thrown, call);
    throw thrown;
  }
}

type Named = Omit<NamedCheck, "revision">;

function read(facts: FactReader, question: AskedQuestion, call: Call) {
  const { org } = question;
  mayAskAbout(org, call);
  const decideNamed = (facts: Facts): Named | Needs => {
    const found = question.find(facts);
    if (isNeeds(found)) return found;
    const decided = question.decide(found, facts);
    return isNeeds(decided) ? decided : { allowed: decided.allowed, org, principal: found.principal };
  };
  return facts.read(org, minimizeLatency, decideNamed, call);
}

function together({ result, revision }: Answer<Named>): NamedCheck {
  countDecision(result);
  return { ...result, revision };
}
