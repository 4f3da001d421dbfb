import type { Call } from "@portcullis/chassis/rpc/call";
import { type Answer, type FactReader, type Facts, minimizeLatency } from "@portcullis/facts";
import { decideWithin, isNeeds, type Needs, type OrgId, type PrincipalId } from "@portcullis/policy";
import type { CheckRequest } from "@portcullis/proto/decision/v1/decision";
import { mayAskAbout } from "./callers.ts";
import { questionOf } from "./check.ts";
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
  facts: FactReader,
  principalOf: PrincipalOf,
  request: Omit<CheckRequest, "consistency">,
  call: Call,
): NamedCheck | Promise<NamedCheck> {
  const { org, find } = questionOf({ ...request, consistency: undefined }, principalOf);
  mayAskAbout(org, call);
  const decide = (facts: Facts): Omit<NamedCheck, "revision"> | Needs => {
    const found = find(facts);
    if (isNeeds(found)) return found;
    const decided = decideWithin(found.scope, found.question, facts);
    return isNeeds(decided)
      ? decided
      : { allowed: decided.allowed, org, principal: found.question.principal };
  };
  const answer = facts.read(org, minimizeLatency, decide, call);
  return answer instanceof Promise ? answer.then(together) : together(answer);
}

function together({ result, revision }: Answer<Omit<NamedCheck, "revision">>): NamedCheck {
  return { ...result, revision };
}
