import { descriptor } from "@portcullis/chassis/descriptor";
import type { Log } from "@portcullis/chassis/log";
import { connect } from "@portcullis/chassis/rpc/client";
import { implement, type RunningServer, serve } from "@portcullis/chassis/rpc/server";
import { AuditService } from "@portcullis/proto/audit/v1/audit";
import { FactsService } from "@portcullis/proto/facts/v1/facts";
import { GrantsService } from "@portcullis/proto/grants/v1/grants";
import { GroupsService } from "@portcullis/proto/groups/v1/groups";
import { IdentityService } from "@portcullis/proto/identity/v1/identity";
import { TokensService } from "@portcullis/proto/tokens/v1/tokens";
import { auditHandlers, Database, factsHandlers, startRelay } from "@portcullis/store";
import type { Config } from "./config.ts";
import { departuresOf } from "./departures.ts";
import { handlers } from "./rpc/index.ts";
import { ActiveMemberRow, OrganizationRow, PrincipalRow } from "./store/entities.ts";
import { readFacts } from "./store/facts.ts";
import { MembersStore } from "./store/members-store.ts";
import { migrations } from "./store/migrations.ts";
import { OrganizationsStore } from "./store/organizations-store.ts";

/** Starts the service. Disposing what it answers undoes everything in reverse. */
export async function start(config: Config, log: Log): Promise<RunningServer> {
  await using parts = new AsyncDisposableStack();
  const database = parts.use(
    await Database.open({
      owner: "identity",
      url: config.DATABASE_URL,
      entities: [OrganizationRow, PrincipalRow, ActiveMemberRow],
      migrations,
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
  const to = (peer: string, address: string) =>
    parts.use(
      connect({
        peer,
        address,
        service: "identity",
        serviceCredential: config.PORTCULLIS_SERVICE_CREDENTIAL,
      }),
    );
  const groups = to("groups", config.PORTCULLIS_GROUPS_ADDRESS);
  const departures = departuresOf({
    groups: groups.stub(GroupsService),
    groupsFacts: groups.stub(FactsService),
    grants: to("grants", config.PORTCULLIS_GRANTS_ADDRESS).stub(GrantsService),
    tokens: to("tokens", config.PORTCULLIS_TOKENS_ADDRESS).stub(TokensService),
  });
  const organizations = new OrganizationsStore(database);
  const members = new MembersStore(database, departures);
  const server = parts.use(
    await serve(
      {
        listen: config.PORTCULLIS_LISTEN,
        serviceCredential: config.PORTCULLIS_SERVICE_CREDENTIAL,
        descriptor: await descriptor(),
        log,
      },
      [
        implement(IdentityService, handlers(organizations, members)),
        implement(FactsService, factsHandlers(database, readFacts)),
        implement(AuditService, auditHandlers(database)),
      ],
    ),
  );
  const running = parts.move();
  return { address: server.address, [Symbol.asyncDispose]: () => running.disposeAsync() };
}
