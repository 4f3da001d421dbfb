import { descriptor } from "@portcullis/chassis/descriptor";
import type { Log } from "@portcullis/chassis/log";
import { connect } from "@portcullis/chassis/rpc/client";
import { implement, serve } from "@portcullis/chassis/rpc/server";
import type { Running } from "@portcullis/chassis/run";
import { tlsOf } from "@portcullis/chassis/tls";
import type { OrgId } from "@portcullis/policy";
import { AuditService } from "@portcullis/proto/audit/v1/audit";
import { auditCallers, factsCallers, grantsCallers } from "@portcullis/proto/callers";
import type { Revision } from "@portcullis/proto/events/v1/events";
import { FactsService } from "@portcullis/proto/facts/v1/facts";
import { GrantsService } from "@portcullis/proto/grants/v1/grants";
import {
  auditHandlers,
  Database,
  factsHandlers,
  needOf,
  otherLogs,
  ownLog,
  startFollower,
  startRelay,
} from "@portcullis/store";
import { databaseOf } from "@portcullis/store/config";
import type { Config } from "./config.ts";
import { deletedHere, groupsChanged, membersRemoved } from "./departures.ts";
import { startExpiries } from "./expiry.ts";
import { neighboursOf } from "./neighbours.ts";
import type { FollowedGroups } from "./rpc/follow-groups.ts";
import { handlers } from "./rpc/index.ts";
import { AclStore } from "./store/acl-store.ts";
import { AttachmentStore } from "./store/attachment-store.ts";
import { AclRow, AttachmentRow, ObjectRow, RoleRow } from "./store/entities.ts";
import { readFacts } from "./store/facts.ts";
import { migrations } from "./store/migrations.ts";
import { ObjectStore } from "./store/object-store.ts";
import { ReachStore } from "./store/reach-store.ts";
import { RoleStore } from "./store/role-store.ts";

/** Starts the service. Disposing what it answers undoes everything in reverse. */
export async function start(config: Config, log: Log): Promise<Running> {
  await using parts = new AsyncDisposableStack();
  const tls = tlsOf(config, "grants");
  const to = (peer: string, address: string) => {
    const { PORTCULLIS_SERVICE_CREDENTIAL: serviceCredential } = config;
    return parts
      .use(connect({ peer, address, service: "grants", serviceCredential, tls }))
      .stub(FactsService);
  };
  const identity = to("identity", config.PORTCULLIS_IDENTITY_ADDRESS);
  const groups = to("groups", config.PORTCULLIS_GROUPS_ADDRESS);
  const tokens = to("tokens", config.PORTCULLIS_TOKENS_ADDRESS);
  const database = parts.use(
    await Database.open({
      owner: "grants",
      ...databaseOf(config),
      entities: [ObjectRow, AttachmentRow, RoleRow, AclRow],
      migrations,
      otherLogs: otherLogs({ identity, groups, tokens }),
      log,
    }),
  );
  const ownFollowing = deletedHere();
  const { actions: ownActions } = ownFollowing;
  parts.use(await startRelay({ database, redisUrl: config.REDIS_URL, ownActions, log }));
  const neighbours = neighboursOf(identity, groups);
  const follower = { database, redisUrl: config.REDIS_URL, log };
  parts.use(await startFollower({ ...follower, ...membersRemoved(neighbours), facts: identity }));
  const groupsFollower = parts.use(
    await startFollower({ ...follower, ...groupsChanged(neighbours), facts: groups }),
  );
  const followed: FollowedGroups = {
    catchUp: (org) => groupsFollower.catchUp(org),
    revision: (org) => revisionOf(database, org),
  };
  parts.use(await startFollower({ ...follower, ...ownFollowing, facts: ownLog(database) }));
  const stores = {
    objects: new ObjectStore(database, neighbours),
    attachments: new AttachmentStore(database),
    roles: new RoleStore(database, neighbours),
    acls: new AclStore(database, neighbours),
    reach: new ReachStore(database),
  };
  const expiries = parts.use(startExpiries({ acls: stores.acls, redisUrl: config.REDIS_URL, log }));
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
        implement(GrantsService, grantsCallers, handlers(stores, expiries, followed)),
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

async function revisionOf(database: Database, org: OrgId): Promise<Revision> {
  const { positions, incarnation } = await ownLog(database).heads({ orgIds: [org] });
  return { orgId: org, owner: database.owner, position: positions[0] ?? 0, incarnation };
}
