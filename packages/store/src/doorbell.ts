// A doorbell says that an owner's log has grown, and nothing else: who hears it pulls the log.
// Lost, repeated, reordered and late ones are harmless.

import { type Owner, owners } from "@portcullis/policy";

/** The queue that decision listens to. */
export const invalidationQueue = "invalidate";

/** The queue on which an owner hears of another owner's log, or of its own. */
export function followerQueue(source: Owner, follower: Owner): string {
  return `${source}-${follower}`;
}

/** The queue whose delayed jobs tell grants that ACLs have expired; they come of no position. */
export const expiryQueue = "grants-expiry";

/** Every queue that a doorbell may be put into. */
export const doorbellQueues: readonly string[] = [
  invalidationQueue,
  expiryQueue,
  ...owners.flatMap((source) => owners.map((follower) => followerQueue(source, follower))),
];

/** All of BullMQ's keys share one hash tag, as a Redis Cluster demands. */
export const queuePrefix = "{bull}";

export interface Doorbell {
  readonly owner: string;
  readonly org: string;
  /** The position of the event that rang. */
  readonly position: number;
  /** In whose course it was made, where that was traced. */
  readonly traceparent?: string;
}
