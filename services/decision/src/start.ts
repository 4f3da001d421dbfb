import { descriptor } from "@portcullis/chassis/descriptor";
import type { Log } from "@portcullis/chassis/log";
import { openRedis } from "@portcullis/chassis/redis";
import { connect } from "@portcullis/chassis/rpc/client";
import { implement, serve } from "@portcullis/chassis/rpc/server";
import type { Running } from "@portcullis/chassis/run";
import { tlsOf } from "@portcullis/chassis/tls";
import {
  authenticateCallers,
  CredentialUses,
  decisionLog,
  findPrincipals,
  namedCheck,
  ServedDecision,
} from "@portcullis/checks";
import type { Ask } from "@portcullis/envoy";
import {
  FactMemory,
  FactReader,
  FollowInRedis,
  Follows,
  fromOwners,
  inRedis,
  joined,
  RedisSlots,
  watchFollows,
} from "@portcullis/facts";
import { decisionCallers, upstreamCallers } from "@portcullis/proto/callers";
import { FactsService } from "@portcullis/proto/facts/v1/facts";
import { GrantsService } from "@portcullis/proto/grants/v1/grants";
import { GroupsService } from "@portcullis/proto/groups/v1/groups";
import { IdentityService } from "@portcullis/proto/identity/v1/identity";
import { TokensService } from "@portcullis/proto/tokens/v1/tokens";
import { UpstreamService } from "@portcullis/proto/upstream/v1/upstream";
import type { Config } from "./config.ts";
import { hearDoorbells } from "./doorbells.ts";
import { eventLogs } from "./feed/event-logs.ts";
import { ownerOver } from "./owners.ts";
import { memoryOfServers, refuseEviction } from "./redis.ts";
import { handlers } from "./rpc/index.ts";
import { upstreamHandlers } from "./upstream/index.ts";

/** How often the heads of the owners' logs are confirmed; several times within the bound. */
const confirmEveryMs = 500;
/** Redis is asked in the middle of questions, and in their background. */
const questionMs = 20;
const backgroundMs = 2000;

/** Starts the service. Disposing what it answers undoes everything in reverse. */
export async function start(config: Config, log: Log): Promise<Running> {
  await using parts = new AsyncDisposableStack();
  const tls = tlsOf(config, "decision");
  const clock = () => performance.now();

  const to = (peer: string, address: string) =>
    parts.use(
      connect({
        peer,
        address,
        service: "decision",
        serviceCredential: config.PORTCULLIS_SERVICE_CREDENTIAL,
        tls,
      }),
    );
  const identity = to("identity", config.PORTCULLIS_IDENTITY_ADDRESS);
  const groups = to("groups", config.PORTCULLIS_GROUPS_ADDRESS);
  const grants = to("grants", config.PORTCULLIS_GRANTS_ADDRESS);
  const tokens = to("tokens", config.PORTCULLIS_TOKENS_ADDRESS);
  const stubs = {
    identity: identity.stub(FactsService),
    groups: groups.stub(FactsService),
    grants: grants.stub(FactsService),
    tokens: tokens.stub(FactsService),
  };
  const owners = {
    identity: ownerOver(stubs.identity, identity.questions(FactsService.loadStream), "identity"),
    groups: ownerOver(stubs.groups, groups.questions(FactsService.loadStream), "groups"),
    grants: ownerOver(stubs.grants, grants.questions(FactsService.loadStream), "grants"),
    tokens: ownerOver(stubs.tokens, tokens.questions(FactsService.loadStream), "tokens"),
  };

  const redis = parts.use(openRedis({ url: config.REDIS_URL, limitMs: backgroundMs }));
  await refuseEviction(() => memoryOfServers(redis), log);
  const slots = new RedisSlots(redis);
  const followInRedis = new FollowInRedis({ slots, owners, log });

  // Farthest first: each layer answers what it can, and asks the one before it for the rest.
  const fromAfar = fromOwners(owners);
  const shared = inRedis(fromAfar, { slots, follow: followInRedis, log, limitMs: questionMs });
  const source = joined(shared);
  const memory = new FactMemory({ idsMax: config.PORTCULLIS_MEMORY_IDS });
  const maxStalenessMs = config.PORTCULLIS_MAX_STALENESS_MS;
  const follows = parts.use(
    new Follows({
      owners,
      memory,
      clock,
      log,
      confirmEveryMs: Math.min(confirmEveryMs, maxStalenessMs / 4),
    }),
  );
  parts.use(watchFollows(follows));
  const facts = new FactReader({
    memory,
    follows,
    source,
    clock,
    maxStalenessMs,
  });

  const uses = parts.use(new CredentialUses(tokens.stub(TokensService), log));
  parts.use(hearDoorbells({ redisUrl: config.REDIS_URL, followInRedis, follows, log }));
  const authenticate = authenticateCallers(facts, uses.note);
  const principalsFor = findPrincipals(uses.note);
  const deciding = { facts, log: decisionLog(config.PORTCULLIS_DECISION_LOG_SAMPLE, log) };
  const answering = handlers(
    deciding,
    {
      facts: owners,
      identity: identity.stub(IdentityService),
      groups: groups.stub(GroupsService),
      grants: grants.stub(GrantsService),
    },
    principalsFor,
    { follows, clock, logs: eventLogs(stubs, clock) },
  );
  if (config.PORTCULLIS_HTTP_LISTEN !== undefined) {
    // This and Envoy's contract are a fifth of all modules, and loaded where they are used.
    const { serveAuthzen } = await import("@portcullis/authzen");
    const listen = config.PORTCULLIS_HTTP_LISTEN;
    const publicUrl = config.PORTCULLIS_HTTP_PUBLIC_URL ?? `${tls === null ? "http" : "https"}://${listen}`;
    parts.use(await serveAuthzen({ listen, tls, publicUrl, authenticate, decision: answering, log }));
  }
  const services = [
    implement(ServedDecision, decisionCallers, answering),
    implement(
      UpstreamService,
      upstreamCallers,
      upstreamHandlers({ source, follows, owners, noteUse: uses.note, clock }),
    ),
  ];
  if (config.PORTCULLIS_ENVOY_MAPPING_FILE !== undefined) {
    const { envoyAuthorization } = await import("@portcullis/envoy");
    const ask: Ask = (question, call) => namedCheck(deciding, principalsFor(call), question, call);
    services.push(envoyAuthorization(config.PORTCULLIS_ENVOY_MAPPING_FILE, ask, log));
  }
  const server = parts.use(
    await serve(
      {
        listen: config.PORTCULLIS_LISTEN,
        serviceCredential: config.PORTCULLIS_SERVICE_CREDENTIAL,
        tls,
        authenticate,
        descriptor: await descriptor(),
        log,
      },
      services,
    ),
  );
  const running = parts.move();
  // Whoever of the owners is there or not: it answers, and denies where it can't know.
  return { address: server.address, needs: [], [Symbol.asyncDispose]: () => running.disposeAsync() };
}
