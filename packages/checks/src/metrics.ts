import { counter } from "@portcullis/chassis/metrics";
import type { Decided } from "@portcullis/policy";

const decisions = { allowed: 0, denied: 0 };

counter("portcullis_decisions_total", "Questions that were decided", ["outcome"]).readBy(() =>
  Object.entries(decisions).map(([outcome, value]) => [{ outcome }, value]),
);

const remembered = { decisions: 0 };

counter("portcullis_decisions_remembered_total", "Decisions that were not worked out again").readBy(() => [
  [{}, remembered.decisions],
]);

export function countRemembered(): void {
  remembered.decisions++;
}

export function countDecision({ allowed }: Pick<Decided, "allowed">): void {
  if (allowed) decisions.allowed++;
  else decisions.denied++;
}
