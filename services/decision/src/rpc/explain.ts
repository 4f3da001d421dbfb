import type { Call } from "@portcullis/chassis/rpc/call";
import { consistencyFromWire, mayAskAbout, type PrincipalOf, questionOf } from "@portcullis/checks";
import type { FactReader } from "@portcullis/facts";
import {
  type Explanation,
  explainWithin,
  type Grant,
  type GrantPath,
  isNeeds,
  type MissingStep,
  type Needs,
  type Question,
} from "@portcullis/policy";
import type {
  ExplainedAcl,
  ExplainRequest,
  ExplainResponse,
  Named,
  GrantPath as PathMessage,
  MissingStep as StepMessage,
} from "@portcullis/proto/decision/v1/decision";
import { fillInNames, type NameOwners } from "../names.ts";
import { sentenceOf } from "../sentence.ts";

export async function explain(
  facts: FactReader,
  owners: NameOwners,
  principalOf: PrincipalOf,
  request: ExplainRequest,
  call: Call,
): Promise<ExplainResponse> {
  const asked = questionOf(request, principalOf);
  const { org } = asked;
  mayAskAbout(org, call);
  const { result, revision } = await facts.read(
    org,
    consistencyFromWire(request.consistency, org),
    (organization): Explained | Needs => {
      const question = asked.find(organization);
      if (isNeeds(question)) return question;
      const explanation = explainWithin(question.scope, question, organization);
      return isNeeds(explanation) ? explanation : { question, explanation };
    },
    call,
  );
  const { question, explanation } = result;
  const things: Named[] = [];
  const named = (type: string, id: string): Named => {
    const thing = { type, id, name: "" };
    things.push(thing);
    return thing;
  };
  const { target } = question;
  const object = target.kind === "place" ? target.parent : target.object;
  const about = {
    principal: named("principal", question.principal),
    permission: question.permission,
    object: named(object.type, object.id),
    place: target.kind === "place" ? target.type : null,
  };
  const response = {
    ...responseOf(explanation, named),
    principal: about.principal,
    revision,
  };
  await fillInNames(things, org, owners, call);
  return { ...response, sentence: sentenceOf(response, about) };
}

interface Explained {
  readonly question: Question;
  readonly explanation: Explanation;
}

export type Name = (type: string, id: string) => Named;

function responseOf({ decision, paths, arePathsCut, misses, areMissesCut }: Explanation, named: Name) {
  return {
    allowed: decision.allowed,
    reason: reasonOf(decision),
    paths: paths.map((path) => pathMessage(path, named)),
    pathsCut: arePathsCut,
    nearest: misses.map(({ grant, missing }) => ({
      acl: grant === null ? undefined : aclMessage(grant, named),
      missing: missing.map((step) => stepMessage(step, named)),
    })),
    nearestCut: areMissesCut,
  };
}

function reasonOf(decision: Explanation["decision"]): string {
  if (!decision.allowed) return decision.because;
  return decision.because === "public" ? "public" : "grant";
}

/** A path on the wire; `named` makes the names that are filled in later. */
export function pathMessage({ acl, groups, roles, objects }: GrantPath, named: Name): PathMessage {
  const on = objects.at(-1);
  return {
    acl: on === undefined ? undefined : aclMessage({ acl, on }, named),
    groups: groups.map((id) => named("group", id)),
    roles: roles.map((id) => named("role", id)),
    objects: objects.map(({ type, id }) => named(type, id)),
  };
}

/** An ACL on the wire. */
export function aclMessage({ acl, on }: Grant, named: Name): ExplainedAcl {
  const { subject, grant, expiresAtMs } = acl;
  return {
    id: acl.id,
    on: named(on.type, on.id),
    subject: named(subject.kind, subject.id),
    permission: grant.kind === "permission" ? grant.permission : "",
    role: grant.kind === "role" ? named("role", grant.id) : undefined,
    restrictObjectType: grant.kind === "permission" ? (grant.restrictObjectType ?? "") : "",
    expiresAt: expiresAtMs === null ? undefined : new Date(expiresAtMs),
  };
}

function stepMessage(step: MissingStep, named: Name): StepMessage {
  return {
    kind: step.kind,
    expiredAt: step.kind === "in_force" ? new Date(step.expiredAtMs) : undefined,
    grantedTypes: step.kind === "object_type" ? [...step.grantedTypes] : [],
    group: step.kind === "group" ? named("group", step.group) : undefined,
    grantedPermissions: step.kind === "permission" ? [...step.grantedPermissions] : [],
    isEnough: step.kind === "membership" && step.isEnough,
  };
}
