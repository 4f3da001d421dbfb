import type { Log } from "@portcullis/chassis/log";
import { connect } from "@portcullis/chassis/rpc/client";
import { implement, serve } from "@portcullis/chassis/rpc/server";
import type { Running } from "@portcullis/chassis/run";
import { authorityOfSetting } from "@portcullis/chassis/tls";
import { CredentialUses, decisionLog, findPrincipals, namedCheck, ServedDecision } from "@portcullis/checks";
import type { Ask } from "@portcullis/envoy";
import { decisionCallers } from "@portcullis/proto/callers";
import { DecisionService } from "@portcullis/proto/decision/v1/decision";
import { UpstreamService } from "@portcullis/proto/upstream/v1/upstream";
import { factsNearby } from "@portcullis/upstream";
import type { Config } from "./config.ts";
import { denyWhenUnavailable } from "./deny-when-unavailable.ts";
import { handlers } from "./rpc/index.ts";
import { serviceToken } from "./service-token.ts";
import { warmFacts } from "./warm-facts.ts";

/** Starts the sidecar. It holds no database and no Redis, and asks nobody but its upstream. */
export async function start(config: Config, log: Log): Promise<Running> {
  await using parts = new AsyncDisposableStack();
  const token = parts.use(serviceToken(config, log));
  const { org } = token;
  const authorityFile = config.PORTCULLIS_TLS_CA_FILE;
  const upstream = parts.use(
    connect({
      peer: "decision",
      address: config.PORTCULLIS_DECISION_ADDRESS,
      serviceToken: token.current,
      ...(authorityFile !== undefined && {
        certificateAuthority: authorityOfSetting("PORTCULLIS_TLS_CA_FILE", authorityFile),
      }),
    }),
  );
  const stub = upstream.stub(UpstreamService);
  const nearby = parts.use(
    factsNearby({
      upstream: stub,
      org,
      maxStalenessMs: config.PORTCULLIS_MAX_STALENESS_MS,
      idsMax: config.PORTCULLIS_MEMORY_IDS,
      log,
    }),
  );
  if (config.PORTCULLIS_STATE_FILE !== undefined) {
    parts.use(warmFacts({ file: config.PORTCULLIS_STATE_FILE, org, ...nearby, log }));
  }
  const uses = parts.use(new CredentialUses(stub, log));
  const principalsFor = findPrincipals(uses.note);
  const deciding = { facts: nearby.facts, log: decisionLog(config.PORTCULLIS_DECISION_LOG_SAMPLE, log) };
  const answering = handlers(deciding, principalsFor, upstream.stub(DecisionService));
  const isDenying = config.PORTCULLIS_WHEN_UNAVAILABLE === "deny";
  const decision = isDenying ? denyWhenUnavailable(answering, log) : answering;
  const contracts = [implement(ServedDecision, decisionCallers, decision)];
  if (config.PORTCULLIS_ENVOY_MAPPING_FILE !== undefined) {
    const { envoyAuthorization } = await import("@portcullis/envoy");
    // Over the facts themselves: Envoy can be told that there is no answer, whatever others are told.
    const ask: Ask = (question, call) => namedCheck(deciding, principalsFor(call), question, call);
    contracts.push(envoyAuthorization(config.PORTCULLIS_ENVOY_MAPPING_FILE, ask, log));
  }
  // Whoever can connect may ask, and about this organisation alone.
  const authenticate = () => ({ kind: "other", principalId: "", orgId: org }) as const;
  if (config.PORTCULLIS_HTTP_LISTEN !== undefined) {
    // Loaded only here, as a sidecar is small.
    const { serveAuthzen } = await import("@portcullis/authzen");
    const listen = config.PORTCULLIS_HTTP_LISTEN;
    // Over a socket any host will do.
    const publicUrl = `http://${listen.startsWith("unix:") ? "localhost" : listen}`;
    parts.use(await serveAuthzen({ listen, tls: null, publicUrl, authenticate, decision, log }));
  }
  const options = {
    serviceCredential: null,
    authenticate,
    descriptor: null,
    log,
  };
  const server = parts.use(await serve({ ...options, listen: config.PORTCULLIS_LISTEN }, contracts));
  if (config.PORTCULLIS_LISTEN_LOOPBACK !== undefined) {
    parts.use(await serve({ ...options, listen: config.PORTCULLIS_LISTEN_LOOPBACK }, contracts));
  }
  const running = parts.move();
  return {
    address: server.address,
    needs: [nearby.need],
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}
