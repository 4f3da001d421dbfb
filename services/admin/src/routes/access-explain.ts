import { administration } from "@portcullis/policy";
import type {
  ExplainedAcl,
  ExplainResponse,
  GrantPath,
  MissingStep,
  Named,
} from "@portcullis/proto/decision/v1/decision";
import { z } from "zod";
import type { Access } from "../access.ts";
import type { Caller } from "../caller.ts";
import type { Decision } from "../owners.ts";
import { type Route, route } from "../route.ts";
import { idOrNull, present, renames, timeText } from "../wire.ts";
import { askedAbout, isSelf, mayAsk, questionToWire, single } from "./access-check.ts";

/** Something with its name. */
export const named = z.object({ type: z.string(), id: z.string(), name: z.string().nullable() });

const explainedAcl = z.object({
  id: z.string(),
  on: named,
  subject: named,
  permission: z.string().nullable(),
  role: named.nullable(),
  restrict_object_type: z.string().nullable(),
  expires_at: z.iso.datetime().nullable(),
});

const missingStep = z.object({
  kind: z.string(),
  expired_at: z.iso.datetime().nullable(),
  granted_types: z.array(z.string()),
  group: named.nullable(),
  granted_permissions: z.array(z.string()),
  is_enough: z.boolean(),
});

/** One way from a principal to an object. */
export const grantPath = z.object({
  acl: explainedAcl,
  groups: z.array(named),
  roles: z.array(named),
  objects: z.array(named),
});

const explanation = z.object({
  allowed: z.boolean(),
  reason: z.string(),
  sentence: z.string(),
  principal: named,
  paths: z.array(grantPath),
  paths_cut: z.boolean(),
  nearest: z.array(z.object({ acl: explainedAcl.nullable(), missing: z.array(missingStep) })),
  nearest_cut: z.boolean(),
  revision: z.string(),
});

/** Why decision decides what it does: about oneself, or for whoever may read the ACLs. */
export function explainRoutes(decision: Decision, access: Access): readonly Route[] {
  return [
    route({
      method: "POST",
      path: "/v1/access/explain",
      summary: "Ask why a principal may do something, or what it lacks for it",
      body: single,
      response: explanation,
      requires: ({ body }, caller) => mayAsk(body.principal_id, askedAbout(body), caller),
      async handle({ body }, caller) {
        const request = { ...questionToWire(body, caller), consistency: body.consistency };
        const told = await decision.explain(request, caller.hop);
        if (told.allowed || !isSelf(body.principal_id, caller)) return { body: show(told) };
        // What came nearest are ACLs for others on what the caller may not even know of.
        const [isOpen] = await access.allowed(caller, permissionNeeded, [askedAbout(body)]);
        return { body: isOpen === true ? show(told) : refusal(told, caller) };
      },
      fieldOf: renames(),
    }),
  ];
}

const { permission: permissionNeeded } = administration["access.ask"];

/** Says no more than that it is denied: one answer for what is not there and what is not granted. */
function refusal({ principal, revision }: ExplainResponse, caller: Caller): z.infer<typeof explanation> {
  return {
    allowed: false,
    reason: "no_grant",
    sentence: "you may not do this, or there is no such object",
    principal: showNamed(principal ?? { type: "principal", id: caller.principal, name: "" }),
    paths: [],
    paths_cut: false,
    nearest: [],
    nearest_cut: false,
    revision,
  };
}

function show(told: ExplainResponse): z.infer<typeof explanation> {
  return {
    allowed: told.allowed,
    reason: told.reason,
    sentence: told.sentence,
    principal: showNamed(present(told.principal)),
    paths: told.paths.map(showPath),
    paths_cut: told.pathsCut,
    nearest: told.nearest.map(({ acl, missing }) => ({
      acl: acl === undefined ? null : showAcl(acl),
      missing: missing.map(showStep),
    })),
    nearest_cut: told.nearestCut,
    revision: told.revision,
  };
}

export function showPath({ acl, groups, roles, objects }: GrantPath): z.infer<typeof grantPath> {
  return {
    acl: showAcl(present(acl)),
    groups: groups.map(showNamed),
    roles: roles.map(showNamed),
    objects: objects.map(showNamed),
  };
}

export function showNamed({ type, id, name }: Named): z.infer<typeof named> {
  return { type, id, name: name === "" ? null : name };
}

function showAcl(acl: ExplainedAcl): z.infer<typeof explainedAcl> {
  return {
    id: acl.id,
    on: showNamed(present(acl.on)),
    subject: showNamed(present(acl.subject)),
    permission: idOrNull(acl.permission),
    role: acl.role === undefined ? null : showNamed(acl.role),
    restrict_object_type: idOrNull(acl.restrictObjectType),
    expires_at: timeText(acl.expiresAt),
  };
}

function showStep(step: MissingStep): z.infer<typeof missingStep> {
  return {
    kind: step.kind,
    expired_at: timeText(step.expiredAt),
    granted_types: step.grantedTypes,
    group: step.group === undefined ? null : showNamed(step.group),
    granted_permissions: step.grantedPermissions,
    is_enough: step.isEnough,
  };
}
