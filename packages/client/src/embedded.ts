// Portcullis in this process: what a sidecar is, without the socket between.

import { Fault } from "@portcullis/chassis/fault";
import type { Hop } from "@portcullis/chassis/rpc/call";
import {
  batchCheck,
  CredentialUses,
  check,
  decisionLog,
  findPrincipals,
  permissions,
} from "@portcullis/checks";
import { DecisionService } from "@portcullis/proto/decision/v1/decision";
import { UpstreamService } from "@portcullis/proto/upstream/v1/upstream";
import { factsNearby } from "@portcullis/upstream";
import { type ConnectOptions, usualCheckMs } from "./connect.ts";
import { noAnswer } from "./no-answer.ts";
import { isAllowed, overDecision, patienceOf } from "./over-decision.ts";
import type { Asking, Checked, Portcullis } from "./portcullis.ts";
import type { Target, Who } from "./question.ts";
import { organizationOf, reach, tellOnStandardError } from "./reach.ts";
import { freshnessOf } from "./revisions.ts";
import { tellingLog } from "./telling-log.ts";
import { checkedFromWire, checkToWire, consistencyToWire } from "./wire.ts";

export interface EmbeddedOptions extends Omit<ConnectOptions, "orgId"> {
  /** Where decision listens; a sidecar does not serve what this needs. */
  readonly address: string;
  /** A service token without a scope. It is its organisation that is asked about. */
  readonly serviceToken: string;
  /** No decision uses a fact that its owner did not confirm within this time: 2000, and at least 200. */
  readonly maxStalenessMs?: number;
  /** How many ids the facts in memory may hold in all; about 200 bytes each. 200,000, and at least 1000. */
  readonly memoryIds?: number;
}

/** Checks and permissions are decided here, from facts in memory; what takes the owners' indexes is asked of decision. */
export interface Embedded extends Portcullis {
  /**
   * May they? Answered at once if memory holds all facts that it takes, and only else with a promise. Throws
   * {@link NoAnswer}, at once or later, which must be treated as *no*.
   */
  checkNow(who: Who, permission: string, object: Target, asking?: Asking): Checked | Promise<Checked>;
}

/** Throws a TypeError that names the option that is wrong. */
export function connectEmbedded(options: EmbeddedOptions): Embedded {
  const { checkWithinMs: checkMs = usualCheckMs, onNoAnswer = tellOnStandardError } = options;
  const { maxStalenessMs = 2000, memoryIds: idsMax = 200_000 } = options;
  if (!(maxStalenessMs >= 200)) throw new TypeError("maxStalenessMs: must be a number of at least 200");
  if (!(idsMax >= 1000)) throw new TypeError("memoryIds: must be a number of at least 1000");
  const org = organizationOf(options.serviceToken);
  const connection = reach(options);
  const upstream = connection.stub(UpstreamService);
  const log = tellingLog();
  const nearby = factsNearby({ upstream, org, maxStalenessMs, idsMax, log });
  const uses = new CredentialUses(upstream, log);

  const { facts } = nearby;
  const deciding = { facts, log: decisionLog(0, log) };
  // Whoever runs in this process may ask, and about this organisation alone.
  const caller = { kind: "other", principalId: "", orgId: org } as const;
  const asked = { caller };
  const principalOf = findPrincipals(uses.note)(asked);

  const portcullis = overDecision({
    decision: {
      ...connection.stub(DecisionService),
      check: (request, hop) => within(hop, async () => check(deciding, principalOf, request, asked)),
      batchCheck: (request, hop) => within(hop, () => batchCheck(deciding, principalOf, request, asked)),
      permissions: (request, hop) => within(hop, () => permissions(facts, principalOf, request, asked)),
    },
    orgId: org,
    checkMs,
    onNoAnswer,
    close() {
      nearby[Symbol.dispose]();
      void uses[Symbol.asyncDispose]().then(() => connection[Symbol.dispose]());
    },
  });

  function checkNow(
    who: Who,
    permission: string,
    object: Target,
    asking: Asking = usual,
  ): Checked | Promise<Checked> {
    try {
      const request = checkToWire({ who, permission, object }, org);
      request.consistency = consistencyToWire(freshnessOf(asking));
      const answer = check(deciding, principalOf, request, asked);
      if (!(answer instanceof Promise)) return checkedFromWire(request, answer);
      const { signal } = asking;
      const hop = { deadlineMs: Date.now() + patienceOf(asking, checkMs), ...(signal && { signal }) };
      return within(hop, () => answer).then(
        (late) => checkedFromWire(request, late),
        (thrown: unknown) => {
          throw noAnswer(thrown);
        },
      );
    } catch (thrown) {
      throw noAnswer(thrown);
    }
  }

  const checkLater = async (...question: Parameters<typeof checkNow>) => checkNow(...question);
  return {
    ...portcullis,
    checkNow,
    check: checkLater,
    isAllowed: (...question) => isAllowed(checkLater(...question), onNoAnswer),
  };
}

const usual: Asking = {};

/** Waits no longer than is said. What is being read is read on, as others may wait for the same. */
async function within<Answer>(
  { deadlineMs, signal }: Partial<Hop> = {},
  work: () => Promise<Answer>,
): Promise<Answer> {
  const { promise: given, reject: giveUp } = Promise.withResolvers<never>();
  const leave = () => giveUp(new Fault("cancelled", "nobody waits any more"));
  const leftMs = (deadlineMs ?? Number.POSITIVE_INFINITY) - Date.now();
  const timer = Number.isFinite(leftMs)
    ? setTimeout(() => giveUp(new Fault("timeout", "it took too long")), leftMs)
    : undefined;
  if (signal?.aborted === true) leave();
  signal?.addEventListener("abort", leave, { once: true });
  try {
    return await Promise.race([work(), given]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", leave);
  }
}
