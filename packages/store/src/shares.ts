// Of the connections for writers each organisation has a share: its writers wait for each other's lock anyway, and must not
// wait on all connections, as those of others would find none.

import type { OrgId } from "@portcullis/policy";
import { tooBusy } from "./faults.ts";

interface Share {
  running: number;
  /** Each takes over a place. */
  readonly waiting: (() => void)[];
}

/** Has work done, of one organisation no more than `max` at a time, in the order in which it came. */
export function sharing(
  max: number,
  patienceMs: number,
): <Result>(org: OrgId, work: () => Promise<Result>) => Promise<Result> {
  const shares = new Map<OrgId, Share>();
  return async (org, work) => {
    const share = shares.get(org) ?? { running: 0, waiting: [] };
    shares.set(org, share);
    if (share.running < max) share.running++;
    else await placeIn(share, patienceMs);
    try {
      return await work();
    } finally {
      const next = share.waiting.shift();
      if (next !== undefined) next();
      else if (--share.running === 0) shares.delete(org);
    }
  };
}

function placeIn({ waiting }: Share, patienceMs: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const take = (): void => {
    clearTimeout(timer);
    resolve();
  };
  const timer = setTimeout(() => {
    waiting.splice(waiting.indexOf(take), 1);
    reject(tooBusy());
  }, patienceMs);
  waiting.push(take);
  return promise;
}
