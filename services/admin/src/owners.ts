import { connect, type Stub } from "@portcullis/chassis/rpc/client";
import type { Tls } from "@portcullis/chassis/tls";
import type { Owner } from "@portcullis/policy";
import { AuditService } from "@portcullis/proto/audit/v1/audit";
import { DecisionService } from "@portcullis/proto/decision/v1/decision";
import { FactsService } from "@portcullis/proto/facts/v1/facts";
import { GrantsService } from "@portcullis/proto/grants/v1/grants";
import { GroupsService } from "@portcullis/proto/groups/v1/groups";
import { IdentityService } from "@portcullis/proto/identity/v1/identity";
import { TokensService } from "@portcullis/proto/tokens/v1/tokens";
import type { Config } from "./config.ts";

/** Who keeps what the facade shows and changes. */
export interface Owners {
  readonly identity: Stub<typeof IdentityService>;
  readonly groups: Stub<typeof GroupsService>;
  readonly grants: Stub<typeof GrantsService>;
  readonly tokens: Stub<typeof TokensService>;
}

/** What was changed: each owner's own log. */
export type AuditLogs = Readonly<Record<Owner, Stub<typeof AuditService>>>;

/** Where an owner's logs stand. */
export interface Heads {
  readonly owner: Owner;
  readonly facts: Pick<Stub<typeof FactsService>, "heads">;
}

/** Who decides. */
export type Decision = Stub<typeof DecisionService>;

type Addresses = Pick<
  Config,
  | "PORTCULLIS_IDENTITY_ADDRESS"
  | "PORTCULLIS_GROUPS_ADDRESS"
  | "PORTCULLIS_GRANTS_ADDRESS"
  | "PORTCULLIS_TOKENS_ADDRESS"
  | "PORTCULLIS_DECISION_ADDRESS"
  | "PORTCULLIS_SERVICE_CREDENTIAL"
>;

interface Connections extends Disposable {
  readonly owners: Owners;
  readonly logs: AuditLogs;
  readonly heads: readonly Heads[];
  readonly decision: Decision;
}

/** Connections to all whom the facade asks. They connect when first used. */
export function connectOwners(config: Addresses, tls: Tls | null): Connections {
  using parts = new DisposableStack();
  const to = (peer: string, address: string) =>
    parts.use(
      connect({
        peer,
        address,
        service: "admin",
        serviceCredential: config.PORTCULLIS_SERVICE_CREDENTIAL,
        tls,
      }),
    );
  const identity = to("identity", config.PORTCULLIS_IDENTITY_ADDRESS);
  const groups = to("groups", config.PORTCULLIS_GROUPS_ADDRESS);
  const grants = to("grants", config.PORTCULLIS_GRANTS_ADDRESS);
  const tokens = to("tokens", config.PORTCULLIS_TOKENS_ADDRESS);
  const owners = {
    identity: identity.stub(IdentityService),
    groups: groups.stub(GroupsService),
    grants: grants.stub(GrantsService),
    tokens: tokens.stub(TokensService),
  };
  const logs = {
    identity: identity.stub(AuditService),
    groups: groups.stub(AuditService),
    grants: grants.stub(AuditService),
    tokens: tokens.stub(AuditService),
  };
  const heads = Object.entries({ identity, groups, grants, tokens }).map(([owner, connection]) => ({
    owner: owner as Owner,
    facts: connection.stub(FactsService),
  }));
  const decision = to("decision", config.PORTCULLIS_DECISION_ADDRESS).stub(DecisionService);
  const connections = parts.move();
  return { owners, logs, heads, decision, [Symbol.dispose]: () => connections.dispose() };
}
