// Which of our own services may call which RPC. Who shows a credential of their own (service tokens, sidecars) is judged
// by what that credential allows, and is not in here.

import type { AuditService } from "./gen/portcullis/audit/v1/audit.ts";
import type { DecisionService } from "./gen/portcullis/decision/v1/decision.ts";
import type { FactsService } from "./gen/portcullis/facts/v1/facts.ts";
import type { GrantsService } from "./gen/portcullis/grants/v1/grants.ts";
import type { GroupsService } from "./gen/portcullis/groups/v1/groups.ts";
import type { IdentityService } from "./gen/portcullis/identity/v1/identity.ts";
import type { TokensService } from "./gen/portcullis/tokens/v1/tokens.ts";
import type { UpstreamService } from "./gen/portcullis/upstream/v1/upstream.ts";

/** The services that call others with the service credential, under these names. */
type CallingService = "identity" | "groups" | "grants" | "tokens" | "decision" | "admin";

/** Which of our own services may call each RPC of a contract; those that are not named are called by the `rest`. */
export type Callers<Definition, Service extends string = CallingService> = {
  readonly [Method in keyof Definition]?: readonly Service[];
} & { readonly rest: readonly Service[] };

const whoFollows = ["identity", "groups", "grants", "tokens", "decision"] as const;

export const identityCallers = {
  rest: ["admin"],
  getOrganization: ["admin", "decision"],
  getMembers: ["admin", "decision"],
  findMembers: ["decision"],
} satisfies Callers<typeof IdentityService>;

export const groupsCallers = {
  rest: ["admin"],
  listGroups: ["admin", "decision"],
  reserveDeparture: ["identity"],
  releaseDeparture: ["identity"],
  findEmptyGroups: ["decision"],
  findPrincipals: ["decision"],
} satisfies Callers<typeof GroupsService>;

export const grantsCallers = {
  rest: ["admin"],
  listObjects: ["admin", "decision"],
  listRoles: ["admin", "decision"],
  listAcls: ["admin", "decision"],
  hasGrant: ["identity", "decision"],
  findObjects: ["decision"],
  listAclsNaming: ["decision"],
  listObjectsBelow: ["decision"],
} satisfies Callers<typeof GrantsService>;

export const tokensCallers = {
  rest: ["admin"],
  listCredentials: ["admin", "identity"],
  recordUses: ["decision"],
} satisfies Callers<typeof TokensService>;

export const decisionCallers = { rest: ["admin"] } satisfies Callers<typeof DecisionService>;

/** Sidecars alone, each with the token of its organisation. */
export const upstreamCallers = { rest: [] } satisfies Callers<typeof UpstreamService>;

export const factsCallers = {
  rest: whoFollows,
  heads: [...whoFollows, "admin"],
  loadStream: ["decision"],
} satisfies Callers<typeof FactsService>;

export const auditCallers = { rest: ["admin"] } satisfies Callers<typeof AuditService>;
