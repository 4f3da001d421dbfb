// What is counted where facts are read. Each place adds to a plain number.

import { counter, gauge } from "@portcullis/chassis/metrics";
import { owners } from "@portcullis/policy";
import type { Follows } from "./follows.ts";

/** How far one had to look for a fact; each layer is asked for what the one before it does not have. */
export type Layer = "memory" | "redis" | "owner" | "upstream";

/** How many facts each layer was asked for, and how that ended. Layers that a process does not have stay at nothing. */
export const factReads = {
  memory: { hit: 0, miss: 0 },
  redis: { hit: 0, miss: 0, failed: 0 },
  owner: { hit: 0, failed: 0 },
  upstream: { hit: 0, failed: 0 },
} satisfies Record<Layer, object>;

counter("portcullis_fact_reads_total", "Facts that a layer was asked for, and whether it had them", [
  "layer",
  "outcome",
]).readBy(() =>
  Object.entries(factReads).flatMap(([layer, outcomes]) =>
    Object.entries(outcomes).map(([outcome, value]) => [{ layer, outcome }, value] as const),
  ),
);

const ages = gauge(
  "portcullis_watermark_age_seconds",
  "How long ago an owner confirmed its log, where that is longest",
  ["owner"],
);
const reachable = gauge("portcullis_owner_reachable", "1 if the owner answered when it was asked last", [
  "owner",
]);
const followed = gauge("portcullis_organizations_followed", "Organizations whose logs this process follows");

/** Tells how fresh is what this process knows of the owners' logs. */
export function watchFollows(follows: Follows): Disposable {
  const parts = new DisposableStack();
  parts.use(
    ages.readBy(() =>
      owners.flatMap((owner) => {
        const ageMs = follows.watermarkAgeMs(owner);
        return ageMs === null ? [] : [[{ owner }, ageMs / 1000] as const];
      }),
    ),
  );
  parts.use(reachable.readBy(() => owners.map((owner) => [{ owner }, follows.isReachable(owner) ? 1 : 0])));
  parts.use(followed.readBy(() => [[{}, follows.size]]));
  return parts;
}
