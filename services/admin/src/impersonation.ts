// An Owner who acts as one of the organisation's users, to see what that user sees. It is asked as of now, like everything.

import { Fault, invalid } from "@portcullis/chassis/fault";
import { z } from "zod";
import type { Caller } from "./caller.ts";
import type { Decision, Owners } from "./owners.ts";

export const impersonationHeader = "x-bt-impersonate-user";

/** Who is a member of more organisations than this is impersonated by nobody. */
const organizationsMax = 100;

const uuid = z.uuid();

/**
 * The user whom the caller acts as, given by id or e-mail address. The caller must be in Owners of every organisation of
 * that user: whoever could be asked for more than the caller may see is out of its reach.
 */
export async function impersonate(
  caller: Caller,
  named: readonly string[],
  { decision, identity }: { readonly decision: Decision; readonly identity: Owners["identity"] },
): Promise<Caller> {
  const [user, ...more] = named;
  if (user === undefined || user.trim() === "")
    throw invalid(impersonationHeader, "must be an id or an e-mail address");
  if (more.length > 0) throw invalid(impersonationHeader, "was sent more than once");
  // Whoever acts as a user may do all that the user may.
  if (!caller.owner || caller.scope !== null) throw refused();
  const principal = await memberOf(caller, user.trim(), identity);
  const { orgIds, more: inMore } = await identity.findMemberships(
    { principalId: principal, limit: organizationsMax },
    caller.hop,
  );
  if (inMore || !orgIds.includes(caller.org)) throw refused();
  const others = orgIds.filter((org) => org !== caller.org);
  const owns = await Promise.all(others.map((org) => isOwner(org, caller, decision)));
  if (owns.includes(false)) throw refused();
  const standing = await decision.standing(standingOf(caller.org, principal), caller.hop).catch(refuse);
  const { actor } = caller.context;
  if (actor === undefined) throw new Fault("internal", "internal");
  return {
    ...caller,
    principal: standing.principalId as Caller["principal"],
    kind: "user",
    owner: standing.owner,
    hasGrant: standing.hasGrant,
    impersonated: true,
    context: { ...caller.context, actor: { ...actor, impersonatedId: standing.principalId } },
  };
}

async function memberOf(caller: Caller, user: string, identity: Owners["identity"]): Promise<string> {
  const isId = uuid.safeParse(user).success;
  const { members } = await identity
    .listMembers(
      {
        orgId: caller.org,
        page: undefined,
        ids: isId ? [user.toLowerCase()] : [],
        emails: isId ? [] : [user],
        givenNames: [],
        familyNames: [],
        kind: "user",
      },
      caller.hop,
    )
    .catch(refuse);
  const [member] = members;
  if (member === undefined) throw refused();
  return member.id;
}

async function isOwner(org: string, caller: Caller, decision: Decision): Promise<boolean> {
  const { owner } = await decision.standing(standingOf(org, caller.principal), caller.hop).catch(refuse);
  return owner;
}

function standingOf(orgId: string, principal: string) {
  return {
    orgId,
    who: { $case: "principalId", value: principal },
    consistency: { kind: { $case: "fullyConsistent", value: {} } },
  } as const;
}

/** One text for whom nobody knows and whom the caller may not act as. */
function refused(): Fault {
  return new Fault(
    "denied",
    `${impersonationHeader}: it takes a user of this organization, and an Owner of every organization of that user`,
    { field: impersonationHeader },
  );
}

const refusals: ReadonlySet<string> = new Set(["unauthenticated", "invalid", "denied", "absent"]);

function refuse(thrown: unknown): never {
  throw thrown instanceof Fault && refusals.has(thrown.kind) ? refused() : thrown;
}
