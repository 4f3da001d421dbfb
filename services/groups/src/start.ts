import { descriptor } from "@portcullis/chassis/descriptor";
import type { Log } from "@portcullis/chassis/log";
import { connect } from "@portcullis/chassis/rpc/client";
import { implement, serve } from "@portcullis/chassis/rpc/server";
import type { Running } from "@portcullis/chassis/run";
import { tlsOf } from "@portcullis/chassis/tls";
import { AuditService } from "@portcullis/proto/audit/v1/audit";
import { auditCallers, factsCallers, groupsCallers } from "@portcullis/proto/callers";
import { FactsService } from "@portcullis/proto/facts/v1/facts";
import { GroupsService } from "@portcullis/proto/groups/v1/groups";
import { auditHandlers, Database, factsHandlers, needOf, otherLogs, startRelay } from "@portcullis/store";
import { databaseOf } from "@portcullis/store/config";
import type { Config } from "./config.ts";
import { followFormerMembers } from "./former-members.ts";
import { fromIdentity } from "./members.ts";
import { handlers } from "./rpc/index.ts";
import { GroupRow } from "./store/entities.ts";
import { readFacts } from "./store/facts.ts";
import { GroupsStore } from "./store/groups-store.ts";
import { migrations } from "./store/migrations.ts";

/** Starts the service. Disposing what it answers undoes everything in reverse. */
export async function start(config: Config, log: Log): Promise<Running> {
  await using parts = new AsyncDisposableStack();
  const tls = tlsOf(config, "groups");
  const redisUrl = config.REDIS_URL;
  const to = (peer: string, address: string) => {
    const { PORTCULLIS_SERVICE_CREDENTIAL: serviceCredential } = config;
    return parts
      .use(connect({ peer, address, service: "groups", serviceCredential, tls }))
      .stub(FactsService);
  };
  const identity = to("identity", config.PORTCULLIS_IDENTITY_ADDRESS);
  const database = parts.use(
    await Database.open({
      owner: "groups",
      ...databaseOf(config),
      entities: [GroupRow],
      migrations,
      otherLogs: otherLogs({
        identity,
        grants: to("grants", config.PORTCULLIS_GRANTS_ADDRESS),
        tokens: to("tokens", config.PORTCULLIS_TOKENS_ADDRESS),
      }),
      log,
    }),
  );
  parts.use(await startRelay({ database, redisUrl, followers: ["grants"], log }));
  const store = new GroupsStore(database, fromIdentity(identity));
  parts.use(await followFormerMembers({ database, identity, store, redisUrl, log }));
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
        implement(GroupsService, groupsCallers, handlers(store)),
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
