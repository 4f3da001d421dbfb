// Which of our own services may call which RPC. Who shows a credential of their own (service tokens, sidecars) is judged
// by what that credential allows, and is not in here.

import { AuditService } from "./gen/portcullis/audit/v1/audit.ts";
import { DecisionService } from "./gen/portcullis/decision/v1/decision.ts";
import { FactsService } from "./gen/portcullis/facts/v1/facts.ts";
import { GrantsService } from "./gen/portcullis/grants/v1/grants.ts";
import { GroupsService } from "./gen/portcullis/groups/v1/groups.ts";
import { IdentityService } from "./gen/portcullis/identity/v1/identity.ts";
import { TokensService } from "./gen/portcullis/tokens/v1/tokens.ts";
import { UpstreamService } from "./gen/portcullis/upstream/v1/upstream.ts";

/** The services that call others with the service credential, under these names. */
export type CallingService = "identity" | "groups" | "grants" | "tokens" | "decision" | "admin";

/** The caller list of each RPC of a contract. */
export type Callers<Definition> = { readonly [Method in keyof Definition]: readonly CallingService[] };

const whoFollows = ["identity", "groups", "grants", "tokens", "decision"] as const;

export const identityCallers = callersOf(IdentityService, ["admin"], {
  getOrganization: ["admin", "decision"],
  getMembers: ["admin", "decision"],
  findMembers: ["decision"],
});

export const groupsCallers = callersOf(GroupsService, ["admin"], {
  listGroups: ["admin", "decision"],
  reserveDeparture: ["identity"],
  releaseDeparture: ["identity"],
  findEmptyGroups: ["decision"],
  findPrincipals: ["decision"],
});

export const grantsCallers = callersOf(GrantsService, ["admin"], {
  listObjects: ["admin", "decision"],
  listRoles: ["admin", "decision"],
  listAcls: ["admin", "decision"],
  hasGrant: ["identity", "decision"],
  findObjects: ["decision"],
  listAclsNaming: ["decision"],
  listObjectsBelow: ["decision"],
});

export const tokensCallers = callersOf(TokensService, ["admin"], {
  listCredentials: ["admin", "identity"],
  recordUses: ["decision"],
});

export const decisionCallers = callersOf(DecisionService, ["admin"], {});

/** Sidecars alone, each with the token of its organisation. */
export const upstreamCallers = callersOf(UpstreamService, [], {});

export const factsCallers = callersOf(FactsService, whoFollows, { heads: [...whoFollows, "admin"] });

export const auditCallers = callersOf(AuditService, ["admin"], {});

/** The same callers for all RPCs, but for those that say otherwise. */
function callersOf<Definition extends object>(
  definition: Definition,
  most: readonly CallingService[],
  others: Partial<Callers<Definition>>,
): Callers<Definition> {
  const methods = Object.keys(definition).map((method) => [method, most] as const);
  return { ...(Object.fromEntries(methods) as Callers<Definition>), ...others };
}
