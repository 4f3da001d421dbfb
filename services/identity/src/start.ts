import { descriptor } from "@portcullis/chassis/descriptor";
import type { Log } from "@portcullis/chassis/log";
import { connect } from "@portcullis/chassis/rpc/client";
import { implement, serve } from "@portcullis/chassis/rpc/server";
import type { Running } from "@portcullis/chassis/run";
import { tlsOf } from "@portcullis/chassis/tls";
import { AuditService } from "@portcullis/proto/audit/v1/audit";
import { auditCallers, factsCallers, identityCallers } from "@portcullis/proto/callers";
import { FactsService } from "@portcullis/proto/facts/v1/facts";
import { GrantsService } from "@portcullis/proto/grants/v1/grants";
import { GroupsService } from "@portcullis/proto/groups/v1/groups";
import { IdentityService } from "@portcullis/proto/identity/v1/identity";
import { TokensService } from "@portcullis/proto/tokens/v1/tokens";
import { auditHandlers, Database, factsHandlers, needOf, otherLogs, startRelay } from "@portcullis/store";
import { databaseOf } from "@portcullis/store/config";
import type { Config } from "./config.ts";
import { departuresOf } from "./departures.ts";
import { handlers } from "./rpc/index.ts";
import { ActiveMemberRow, OrganizationRow, PrincipalRow } from "./store/entities.ts";
import { readFacts } from "./store/facts.ts";
import { MembersStore } from "./store/members-store.ts";
import { migrations } from "./store/migrations.ts";
import { OrganizationsStore } from "./store/organizations-store.ts";
import { ProvisioningStore } from "./store/provisioning-store.ts";

/** Starts the service. Disposing what it answers undoes everything in reverse. */
export async function start(config: Config, log: Log): Promise<Running> {
  await using parts = new AsyncDisposableStack();
  const tls = tlsOf(config, "identity");
  const to = (peer: string, address: string) => {
    const { PORTCULLIS_SERVICE_CREDENTIAL: serviceCredential } = config;
    return parts.use(connect({ peer, address, service: "identity", serviceCredential, tls }));
  };
  const groups = to("groups", config.PORTCULLIS_GROUPS_ADDRESS);
  const grants = to("grants", config.PORTCULLIS_GRANTS_ADDRESS);
  const tokens = to("tokens", config.PORTCULLIS_TOKENS_ADDRESS);
  const groupsFacts = groups.stub(FactsService);
  const database = parts.use(
    await Database.open({
      owner: "identity",
      ...databaseOf(config),
      entities: [OrganizationRow, PrincipalRow, ActiveMemberRow],
      migrations,
      otherLogs: otherLogs({
        groups: groupsFacts,
        grants: grants.stub(FactsService),
        tokens: tokens.stub(FactsService),
      }),
      log,
    }),
  );
  parts.use(
    await startRelay({
      database,
      redisUrl: config.REDIS_URL,
      followers: ["groups", "grants", "tokens"],
      log,
    }),
  );
  const departures = departuresOf({
    groups: groups.stub(GroupsService),
    groupsFacts,
    grants: grants.stub(GrantsService),
    tokens: tokens.stub(TokensService),
  });
  const organizations = new OrganizationsStore(database);
  const members = new MembersStore(database, departures);
  const provisioning = new ProvisioningStore(database);
  const server = parts.use(
    await serve(
      {
        listen: config.PORTCULLIS_LISTEN,
        serviceCredential: config.PORTCULLIS_SERVICE_CREDENTIAL,
        tls,
        descriptor: await descriptor(),
        log,
      },
      [
        implement(IdentityService, identityCallers, handlers(organizations, members, provisioning)),
        implement(FactsService, factsCallers, factsHandlers(database, readFacts)),
        implement(AuditService, auditCallers, auditHandlers(database)),
      ],
    ),
  );
  const running = parts.move();
  return {
    address: server.address,
    needs: [needOf(database)],
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}
