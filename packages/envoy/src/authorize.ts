// From a request to the question that decides about it, and from the answer to Envoy's.

import { Fault } from "@portcullis/chassis/fault";
import type { Log } from "@portcullis/chassis/log";
import type { Call } from "@portcullis/chassis/rpc/call";
import { report } from "@portcullis/chassis/rpc/running-call";
import type { Handlers } from "@portcullis/chassis/rpc/server";
import type { CheckRequest as Question } from "@portcullis/proto/decision/v1/decision";
import {
  AuthorizationService,
  type CheckRequest,
  type CheckResponse,
} from "@portcullis/proto/envoy/service/auth/v3/external_auth";
import { allowed, type Refusal, refused } from "./answers.ts";
import { shownCredential, withoutCredential } from "./credential.ts";
import type { Mapping } from "./mapping.ts";
import { forgeable, ourHeaders } from "./our-headers.ts";
import { askedOf } from "./request.ts";
import { routesOf } from "./routes.ts";
import { targetOf } from "./target.ts";

/** Who asks, and whether they may, of one moment; throws a Fault where there is no answer. */
export type Ask = (question: Omit<Question, "consistency">, call: Call) => Named | Promise<Named>;

export interface Named {
  readonly allowed: boolean;
  readonly org: string;
  readonly principal: string;
  readonly revision: string;
}

/** Answers every request of Envoy's, whatever comes: what goes wrong is a refusal of ours, and nothing for Envoy to judge. */
export function authorizing(mapping: Mapping, ask: Ask, log: Log): Handlers<typeof AuthorizationService> {
  const answer = answering(mapping, ask);
  return {
    check(request, call) {
      const refuse = (thrown: unknown): CheckResponse => {
        report(thrown, AuthorizationService.check.path, call.requestId, log);
        return refused(refusalOf(thrown));
      };
      try {
        const answered = answer(request, call);
        return answered instanceof Promise ? answered.catch(refuse) : answered;
      } catch (thrown) {
        return refuse(thrown);
      }
    },
  };
}

function answering(mapping: Mapping, ask: Ask) {
  const findRule = routesOf(mapping.rules);
  return (request: CheckRequest, call: Call): CheckResponse | Promise<CheckResponse> => {
    const http = request.attributes?.request?.http;
    const asked = http === undefined ? null : askedOf(http);
    const found = asked === null ? "ambiguous" : findRule(asked);
    if (asked === null || found === "ambiguous") return refused("invalid");
    if (found === null) return refused("denied");
    const { needs } = found.rule;
    const forged = forgeable(asked.headers.keys());
    if (needs === null) return allowed({}, forged);

    const source = needs.credential ?? mapping.credential;
    const credential = shownCredential(source, asked.headers);
    if (credential === null) return refused("unauthenticated");
    const orgId = orgOf(call);
    const what = targetOf(needs.what, { parameters: found.parameters, headers: asked.headers, orgId });
    if (what === null) return refused("denied");
    const without = mapping.forward_credential ? nothing : withoutCredential(source, asked.headers);
    const answer = (named: Named): CheckResponse =>
      named.allowed
        ? allowed({ ...without.set, ...identity(named) }, new Set([...forged, ...without.remove]))
        : refused("denied");
    const who = { $case: "credential", value: credential } as const;
    const named = ask({ orgId, who, permission: needs.permission, what }, call);
    return named instanceof Promise ? named.then(answer) : answer(named);
  };
}

const nothing = { set: {}, remove: [] } as const;

/** The organization of the service token that is shown for Envoy: no other is ever asked about. */
function orgOf({ caller }: Call): string {
  if (caller.kind === "other") return caller.orgId;
  throw new Fault("unavailable", "whoever asks for Envoy must show a service token");
}

function identity({ principal, org, revision }: Named): Readonly<Record<string, string>> {
  return {
    [ourHeaders.principal]: principal,
    [ourHeaders.organization]: org,
    [ourHeaders.revision]: revision,
  };
}

/** What there is no answer for is no denial, and much less an allow. */
function refusalOf(thrown: unknown): Refusal {
  if (!(thrown instanceof Fault)) return "unavailable";
  return thrown.kind === "unauthenticated" || thrown.kind === "denied" ? thrown.kind : "unavailable";
}
