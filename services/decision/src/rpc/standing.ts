import type { Call } from "@portcullis/chassis/rpc/call";
import type { Stub } from "@portcullis/chassis/rpc/client";
import {
  badCredential,
  consistencyFromWire,
  mayAskAbout,
  type PrincipalOf,
  whoFromWire,
} from "@portcullis/checks";
import type { FactReader } from "@portcullis/facts";
import { scopeToWire } from "@portcullis/facts/wire";
import {
  type Credential,
  type GroupId,
  isInBuiltIn,
  isNeeds,
  type Member,
  type Needs,
  type OrgId,
  type PrincipalId,
} from "@portcullis/policy";
import type { StandingRequest, StandingResponse } from "@portcullis/proto/decision/v1/decision";
import type { GrantsService } from "@portcullis/proto/grants/v1/grants";

interface Standing {
  readonly principal: PrincipalId;
  readonly credential: Credential | null;
  readonly member: Member;
  readonly groups: readonly GroupId[];
  readonly owner: boolean;
}

/** Whether somebody holds any grant at all is no fact: grants is asked each time. */
export async function standing(
  facts: FactReader,
  grants: Pick<Stub<typeof GrantsService>, "hasGrant">,
  principalOf: PrincipalOf,
  request: StandingRequest,
  call: Call,
): Promise<StandingResponse> {
  const who = principalOf(whoFromWire(request));
  mayAskAbout(who.org, call);
  const { result, revision } = await facts.read(
    who.org,
    consistencyFromWire(request.consistency, who.org),
    (organization): Standing | Needs => {
      const asked = who.find(organization);
      if (isNeeds(asked)) return asked;
      const { principal, credential } = asked;
      const member = organization.member(principal);
      const memberships = organization.memberships(principal);
      const groups = organization.groups();
      if (member === null) throw badCredential();
      if (member === undefined || memberships === undefined || groups === undefined) {
        return {
          kind: "needs",
          keys: [
            { kind: "member", org: who.org, principal },
            { kind: "memberships", org: who.org, principal },
            { kind: "groups", org: who.org },
          ],
        };
      }
      return {
        principal,
        credential,
        member,
        groups: [...groups.holding(memberships)],
        owner: isInBuiltIn("owners", memberships, groups),
      };
    },
    call,
  );
  const hasGrant = await holdsAny(grants, who.org, result, call);
  return {
    orgId: who.org,
    principalId: result.principal,
    principalKind: result.member.kind,
    credentialId: result.credential?.id ?? "",
    credentialKind: result.credential?.kind ?? "",
    owner: result.owner,
    hasGrant,
    revision,
    scope: scopeToWire(result.credential?.scope ?? null),
  };
}

/** As many groups as grants looks at for one question. */
const groupsAtOnce = 10_000;

async function holdsAny(
  grants: Pick<Stub<typeof GrantsService>, "hasGrant">,
  orgId: OrgId,
  { principal, groups }: Standing,
  call: Call,
): Promise<boolean> {
  for (let from = 0; from === 0 || from < groups.length; from += groupsAtOnce) {
    const groupIds = groups.slice(from, from + groupsAtOnce);
    const { hasGrant } = await grants.hasGrant({ orgId, principalId: principal, groupIds }, call);
    if (hasGrant) return true;
  }
  return false;
}
