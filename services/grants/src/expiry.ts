// ACLs whose time has come. They grant nothing from that instant on, since every decision looks at the clock; here their
// rows go, some time later. A delayed job says when to look, and a sweep looks where no job said so: lost, repeated,
// early and late jobs are harmless.

import type { Log } from "@portcullis/chassis/log";
import type { OrgId } from "@portcullis/policy";
import { JobAdder } from "@portcullis/store";
import { expiryQueue } from "@portcullis/store/doorbell";
import { workOn } from "@portcullis/store/queue-worker";
import type { AclStore } from "./store/acl-store.ts";

/** Clocks of machines differ: what this one thinks has just expired may still grant elsewhere, so it stays as long. */
const graceMs = 5000;
/** Jobs that were lost cost no more than this. */
const sweepMs = 60_000;
/** What expires later than this is left to the sweep. */
const delayMaxMs = 30 * 86_400_000;

export interface Expiries extends AsyncDisposable {
  /** Has somebody look when these times have come. Best effort: nothing depends on it but how soon rows go. */
  schedule(org: OrgId, times: Iterable<Date>): void;
  /** Removes what has expired, in all organisations. */
  sweep(): Promise<void>;
}

interface Options {
  readonly acls: Pick<AclStore, "removeExpired" | "organizationsWithExpired">;
  readonly redisUrl: string;
  readonly log: Log;
}

export function startExpiries({ acls, redisUrl, log }: Options): Expiries {
  const clearUp = (org: OrgId) => acls.removeExpired(org, new Date(Date.now() - graceMs));
  // The sweep goes on without either.
  const adder = new JobAdder([expiryQueue], redisUrl);
  const worker = workOn({
    queue: expiryQueue,
    redisUrl,
    jobsAtOnce: 1,
    work: ({ org }) => clearUp(org as OrgId),
    onFailed: (bell, reason) =>
      log.warn({ org: bell?.org, reason }, "can't remove expired ACLs; trying again"),
    log,
  });

  let isEnding = false;
  const sweep = async (): Promise<void> => {
    for (const org of await acls.organizationsWithExpired(new Date(Date.now() - graceMs))) {
      if (isEnding) return;
      // One organisation that can't be cleared up holds up no other.
      await clearUp(org).catch((error: unknown) =>
        log.warn({ org, reason: String(error) }, "can't remove expired ACLs; trying again"),
      );
    }
  };
  let sweeping = Promise.resolve();
  const sweepSoon = (): void => {
    sweeping = sweep().catch((error: unknown) =>
      log.warn({ reason: String(error) }, "can't remove expired ACLs; trying again"),
    );
  };
  sweepSoon();
  const timer = setInterval(() => void sweeping.then(sweepSoon), sweepMs);

  return {
    schedule(org, times) {
      const now = Date.now();
      const jobs = [...new Set(Array.from(times, (time) => time.getTime()))]
        .filter((ms) => ms + graceMs - now <= delayMaxMs)
        .map((ms) => ({
          name: "expiry",
          data: { owner: "grants", org, position: 0 },
          opts: {
            jobId: `exp-${org}-${ms}`,
            delay: Math.max(ms + graceMs - now, 0),
            attempts: 5,
            backoff: { type: "exponential", delay: 1000 },
            removeOnComplete: true,
            removeOnFail: 1000,
          },
        }));
      if (jobs.length > 0) adder.add(new Map([[expiryQueue, jobs]])).catch(() => undefined); // the sweep finds them
    },
    sweep,
    async [Symbol.asyncDispose]() {
      isEnding = true;
      clearInterval(timer);
      await sweeping;
      await worker[Symbol.asyncDispose]();
      await adder[Symbol.asyncDispose]();
    },
  };
}
