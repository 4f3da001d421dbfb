import { connect, type Stub } from "@portcullis/chassis/rpc/client";
import { DecisionService } from "@portcullis/proto/decision/v1/decision";
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

/** Who decides. */
export type Decision = Stub<typeof DecisionService>;

type Addresses = Omit<Config, "PORTCULLIS_LISTEN" | "PORTCULLIS_CORS_ORIGINS" | "PORTCULLIS_LOG_LEVEL">;

/** Connections to all whom the facade asks. They connect when first used. */
export function connectOwners(config: Addresses): Disposable & { owners: Owners; decision: Decision } {
  using parts = new DisposableStack();
  const to = (peer: string, address: string) =>
    parts.use(
      connect({ peer, address, service: "admin", serviceCredential: config.PORTCULLIS_SERVICE_CREDENTIAL }),
    );
  const owners = {
    identity: to("identity", config.PORTCULLIS_IDENTITY_ADDRESS).stub(IdentityService),
    groups: to("groups", config.PORTCULLIS_GROUPS_ADDRESS).stub(GroupsService),
    grants: to("grants", config.PORTCULLIS_GRANTS_ADDRESS).stub(GrantsService),
    tokens: to("tokens", config.PORTCULLIS_TOKENS_ADDRESS).stub(TokensService),
  };
  const decision = to("decision", config.PORTCULLIS_DECISION_ADDRESS).stub(DecisionService);
  const connections = parts.move();
  return { owners, decision, [Symbol.dispose]: () => connections.dispose() };
}
