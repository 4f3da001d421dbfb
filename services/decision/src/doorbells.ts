import { isUuid } from "@portcullis/chassis/fields";
import type { Log } from "@portcullis/chassis/log";
import { openRedisForWorking } from "@portcullis/chassis/redis";
import type { FollowInRedis, Follows } from "@portcullis/facts";
import { type OrgId, type Owner, owners } from "@portcullis/policy";
import { invalidationQueue } from "@portcullis/store/doorbell";
import { workOn } from "@portcullis/store/queue-worker";

export interface DoorbellOptions {
  readonly redisUrl: string;
  /** What all decision processes share. */
  readonly followInRedis: FollowInRedis;
  /** What this one holds. */
  readonly follows: Follows;
  readonly log: Log;
}

/** On which one process, having heard of an event, tells all others and itself. */
const channel = "pc:doorbell";
const jobsAtOnce = 16;

/**
 * Listens for what owners commit, so that it is in force at once. Nothing depends on it: a doorbell says only where to
 * look, and without any, the heads that are confirmed all the time say the same a little later.
 */
export function hearDoorbells({ redisUrl, followInRedis, follows, log }: DoorbellOptions): AsyncDisposable {
  // Both reconnect; what was missed meanwhile is found by confirmation.
  const worker = workOn({
    queue: invalidationQueue,
    redisUrl,
    jobsAtOnce,
    async work(data, redis) {
      const bell = checked(data);
      if (bell === null) {
        log.warn({}, "a doorbell that names no place in a log was ignored");
        return;
      }
      // Memories follow the log by themselves, and need not wait until redis has.
      follows.hear(bell.owner, bell.org, bell.position);
      await redis.publish(channel, JSON.stringify(bell));
      await followInRedis.catchUp(bell.org, bell.owner, bell.position);
    },
    onFailed: (bell, reason) => log.warn({ org: bell?.org, reason }, "a doorbell failed"),
    log,
  });

  const subscriber = openRedisForWorking(redisUrl);
  subscriber.on("message", (_channel, message: string) => {
    const bell = checked(parsed(message));
    if (bell !== null) follows.hear(bell.owner, bell.org, bell.position);
  });
  subscriber.subscribe(channel).catch(() => undefined);

  return {
    async [Symbol.asyncDispose]() {
      subscriber.disconnect();
      await worker[Symbol.asyncDispose]();
    },
  };
}

interface Place {
  readonly owner: Owner;
  readonly org: OrgId;
  readonly position: number;
}

/** Whoever can write to Redis can ring; what rings is looked at before it is believed to name a place. */
function checked(data: unknown): Place | null {
  if (typeof data !== "object" || data === null) return null;
  const { owner: ownerName, org, position } = data as Partial<Record<keyof Place, unknown>>;
  const owner = owners.find((candidate) => candidate === ownerName);
  if (owner === undefined || typeof org !== "string" || !isUuid(org) || !Number.isSafeInteger(position)) {
    return null;
  }
  return { owner, org: org as OrgId, position: Number(position) };
}

function parsed(message: string): unknown {
  try {
    return JSON.parse(message) as unknown;
  } catch {
    return null;
  }
}
