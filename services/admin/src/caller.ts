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

/** The principal behind a request, and what goes with the request through all hops. */
export interface Caller {
  readonly org: OrgId;
  readonly principal: PrincipalId;
  readonly kind: PrincipalKind;
  /** What the principal showed, for who must look at it again later. It goes nowhere else. */
  readonly credential: string;
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

/** Answers who bears this credential, as of now. One text for unknown, expired and revoked ones. */
export async function identify(
  decision: Decision,
  request: { authorizations: readonly string[]; hop: Hop; sourceAddress: string },
): Promise<Caller> {
  const { authorizations, hop, sourceAddress } = request;
  const [authorization, ...more] = authorizations;
  if (authorization === undefined) {
    throw new Fault("unauthenticated", "no credential was sent in the authorization header");
  }
  // Whoever stands between us and the caller may have looked at another one than we would.
  if (more.length > 0) throw new Fault("unauthenticated", "more than one credential was sent");
  const credential = /^Bearer +([\x21-\x7e]{1,512})$/i.exec(authorization)?.[1];
  if (credential === undefined) throw badCredential();
  const standing = await decision
    .standing(
      {
        orgId: "",
        who: { $case: "credential", value: credential },
        consistency: { kind: { $case: "fullyConsistent", value: {} } },
      },
      hop,
    )
    .catch((thrown: unknown) => {
      throw thrown instanceof Fault && refusals.has(thrown.kind) ? badCredential() : thrown;
    });
  return {
    org: standing.orgId as OrgId,
    principal: standing.principalId as PrincipalId,
    kind: standing.principalKind === "service_account" ? "service_account" : "user",
    credential,
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

function badCredential(): Fault {
  return new Fault("unauthenticated", "the credential is unknown, expired or revoked");
}
