// Who asks: established once for each request, before anything else of it is looked at.

import { Fault } from "@portcullis/chassis/fault";
import type { Hop } from "@portcullis/chassis/rpc/call";
import { scopeFromWire } from "@portcullis/facts/wire";
import {
  letsSee,
  type OrgId,
  organizationFace,
  type PrincipalId,
  type PrincipalKind,
  type Scope,
} from "@portcullis/policy";
import type { CheckRequest } from "@portcullis/proto/decision/v1/decision";
import type { WriteContext } from "@portcullis/proto/events/v1/events";
import type { Decision } from "./owners.ts";
import { badCredential, type ShownCredential } from "./session/shown-credential.ts";

/** The principal behind a request, and what goes with the request through all hops. */
export interface Caller {
  readonly org: OrgId;
  readonly principal: PrincipalId;
  readonly kind: PrincipalKind;
  /** What the principal showed, for who must look at it again later. It goes nowhere else. */
  readonly credential: string;
  /** api_key, service_token or session. */
  readonly credentialKind: string;
  /** What that credential is narrowed to; null: whatever the principal may do. */
  readonly scope: Scope | null;
  /** In Owners, nested groups included. */
  readonly owner: boolean;
  /** Holds any grant at all. */
  readonly hasGrant: boolean;
  /** Acts as this principal, and is somebody else. */
  readonly impersonated: boolean;
  readonly hop: Hop;
  /** Goes into the event of every write. */
  readonly context: WriteContext;
}

/** Whom decision is to be asked about, when it is about the caller: within the scope of its credential. */
export function aboutCaller(caller: Caller): NonNullable<CheckRequest["who"]> {
  // Nobody acts as somebody else with a credential that is narrowed.
  return caller.impersonated
    ? { $case: "principalId", value: caller.principal }
    : { $case: "credential", value: caller.credential };
}

/** Whether the caller may see all of this type that there is in its organisation: who has a grant sees who else does. */
export function sees(caller: Caller, type: "org_member" | "group" | "role"): boolean {
  if (!caller.hasGrant) return false;
  const organization = organizationFace("organization", caller.org);
  return caller.scope === null || letsSee(caller.scope, { type, organization });
}

/** Answers who bears this credential, as of now. One text for all that are not good, or not where they were shown. */
export async function identify(
  decision: Decision,
  request: { shown: ShownCredential; hop: Hop; sourceAddress: string },
): Promise<Caller> {
  const { shown, hop, sourceAddress } = request;
  const standing = await decision
    .standing(
      {
        orgId: "",
        who: { $case: "credential", value: shown.secret },
        consistency: { kind: { $case: "fullyConsistent", value: {} } },
      },
      hop,
    )
    .catch((thrown: unknown) => {
      throw thrown instanceof Fault && refusals.has(thrown.kind) ? badCredential() : thrown;
    });
  if ((standing.credentialKind === "session") !== (shown.by === "cookie")) throw badCredential();
  return {
    org: standing.orgId as OrgId,
    principal: standing.principalId as PrincipalId,
    kind: standing.principalKind === "service_account" ? "service_account" : "user",
    credential: shown.secret,
    credentialKind: standing.credentialKind,
    scope: scopeFromWire(standing.scope),
    owner: standing.owner,
    hasGrant: standing.hasGrant,
    impersonated: false,
    hop,
    context: {
      actor: {
        principalId: standing.principalId,
        credentialId: standing.credentialId,
        impersonatedId: "",
      },
      requestId: hop.requestId,
      sourceAddress,
      unchangedSince: [],
    },
  };
}

const refusals: ReadonlySet<string> = new Set(["unauthenticated", "invalid", "denied", "absent"]);
