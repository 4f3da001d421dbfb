import type { Log } from "@portcullis/chassis/log";
import type { Need } from "@portcullis/chassis/need";
import { FactMemory, FactReader, Follows, joined, watchFollows } from "@portcullis/facts";
import { type OrgId, owners } from "@portcullis/policy";
import { hearNews } from "./news.ts";
import { logsOver } from "./owners.ts";
import { fromUpstream } from "./source.ts";
import type { UpstreamStub } from "./stub.ts";

export interface FactsNearbyOptions {
  readonly upstream: UpstreamStub;
  readonly org: OrgId;
  /** No decision uses a fact that its owner did not confirm within this time. */
  readonly maxStalenessMs: number;
  /** How many ids the facts in memory may hold in all. */
  readonly idsMax: number;
  readonly log: Log;
  /** Monotonic milliseconds. */
  readonly clock?: () => number;
}

/** The facts of one organisation, in this process' memory over a decision service's. */
export interface FactsNearby extends Disposable {
  readonly facts: FactReader;
  readonly memory: FactMemory;
  readonly follows: Follows;
  /** Where each log stands was confirmed once. Asking for it asks the upstream, as long as it was not. */
  readonly need: Need;
}

/** The rules are those of a decision service; only what is asked of owners there is asked of it here. */
export function factsNearby(options: FactsNearbyOptions): FactsNearby {
  const { upstream, org, maxStalenessMs, idsMax, log, clock = () => performance.now() } = options;
  using parts = new DisposableStack();
  const confirmEveryMs = maxStalenessMs / 4;
  const memory = new FactMemory({ idsMax });
  const follows = parts.use(
    new Follows({
      owners: logsOver(upstream, org),
      memory,
      clock,
      log,
      confirmEveryMs,
      // Every head that is asked for in advance may be as old as one here may grow until the next: half the bound is left.
      inheritedMs: confirmEveryMs,
    }),
  );
  parts.use(watchFollows(follows));
  parts.use(hearNews(upstream, org, follows, log));
  const source = joined(fromUpstream(upstream, org));
  const facts = new FactReader({ memory, follows, source, clock, maxStalenessMs });
  let isConfirmed = false;
  const need: Need = {
    name: "decision",
    async isThere() {
      if (isConfirmed) return;
      const since = clock();
      const { byOwner } = follows.of(org, since);
      await Promise.all(owners.map((owner) => follows.confirm(byOwner[owner], since)));
      isConfirmed = true;
    },
  };
  const running = parts.move();
  return { facts, memory, follows, need, [Symbol.dispose]: () => running.dispose() };
}
