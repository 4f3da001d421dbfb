// decide = oracle, on every question about every one of many small and nasty organisations.

import fc from "fast-check";
import { expect, test } from "vitest";
import { decide } from "../src/index.ts";
import { judge } from "./oracle.ts";
import { lookupOf } from "./organization-facts.ts";
import { sampling } from "./sampling.ts";
import { questionsAbout, targetsIn, worlds } from "./worlds.ts";

const { seed, numRuns } = sampling({ numRuns: 20_000 });

test("decide says what the rule says, on every question about every world", { timeout: 600_000 }, () => {
  const counts = { worlds: 0, questions: 0, allowed: 0 };
  fc.assert(
    fc.property(worlds(), fc.constantFrom(Infinity, 0, 1, 2), ({ nowMs, organizations }, inAccess) => {
      counts.worlds += 1;
      for (const facts of organizations) {
        const lookup = lookupOf(facts, inAccess);
        const targets = targetsIn(facts);
        const allows = judge(facts, { targets, nowMs });
        for (const question of questionsAbout(facts, { targets, nowMs })) {
          const decision = decide(question, lookup);
          const allowed = allows(question.principal, question.permission, question.target);
          counts.questions += 1;
          if (allowed) counts.allowed += 1;
          if (decision.kind === "needs" || decision.allowed !== allowed) {
            throw new Error(
              `the rule says ${allowed}, decide says ${JSON.stringify(decision)} to ${JSON.stringify(question)}`,
            );
          }
        }
      }
    }),
    { seed, numRuns },
  );
  const share = counts.allowed / counts.questions;
  process.stdout.write(
    `decide = oracle: ${counts.worlds} worlds, ${counts.questions} questions, ` +
      `${(share * 100).toFixed(1)} % allowed, seed ${seed}\n`,
  );
  // Worlds in which nearly everything is denied, or allowed, would prove little.
  expect(share).toBeGreaterThan(0.05);
  expect(share).toBeLessThan(0.95);
});
