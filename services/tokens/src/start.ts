import { descriptor } from "@portcullis/chassis/descriptor";
import type { Log } from "@portcullis/chassis/log";
import { connect } from "@portcullis/chassis/rpc/client";
import { implement, serve } from "@portcullis/chassis/rpc/server";
import type { Running } from "@portcullis/chassis/run";
import { tlsOf } from "@portcullis/chassis/tls";
import { AuditService } from "@portcullis/proto/audit/v1/audit";
import { auditCallers, factsCallers, tokensCallers } from "@portcullis/proto/callers";
import { FactsService } from "@portcullis/proto/facts/v1/facts";
import { TokensService } from "@portcullis/proto/tokens/v1/tokens";
import {
  auditHandlers,
  Database,
  factsHandlers,
  needOf,
  otherLogs,
  startFollower,
  startRelay,
} from "@portcullis/store";
import { databaseOf } from "@portcullis/store/config";
import type { Config } from "./config.ts";
import { membersRemoved } from "./departures.ts";
import { fromIdentity } from "./members.ts";
import { handlers } from "./rpc/index.ts";
import { CredentialsStore } from "./store/credentials-store.ts";
import { CredentialRow } from "./store/entities.ts";
import { readFacts } from "./store/facts.ts";
import { migrations } from "./store/migrations.ts";

/** Starts the service. Disposing what it answers undoes everything in reverse. */
export async function start(config: Config, log: Log): Promise<Running> {
  await using parts = new AsyncDisposableStack();
  const tls = tlsOf(config, "tokens");
  const to = (peer: string, address: string) => {
    const { PORTCULLIS_SERVICE_CREDENTIAL: serviceCredential } = config;
    return parts
      .use(connect({ peer, address, service: "tokens", serviceCredential, tls }))
      .stub(FactsService);
  };
  const identity = to("identity", config.PORTCULLIS_IDENTITY_ADDRESS);
  const database = parts.use(
    await Database.open({
      owner: "tokens",
      ...databaseOf(config),
      entities: [CredentialRow],
      migrations,
      otherLogs: otherLogs({
        identity,
        groups: to("groups", config.PORTCULLIS_GROUPS_ADDRESS),
        grants: to("grants", config.PORTCULLIS_GRANTS_ADDRESS),
      }),
      log,
    }),
  );
  parts.use(await startRelay({ database, redisUrl: config.REDIS_URL, log }));
  const memberKinds = fromIdentity(identity);
  parts.use(
    await startFollower({
      ...membersRemoved(memberKinds),
      database,
      facts: identity,
      redisUrl: config.REDIS_URL,
      log,
    }),
  );
  const store = new CredentialsStore(database, memberKinds);
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
        implement(TokensService, tokensCallers, handlers(store)),
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
