// A scope lets through some of what its principal may do, on every question about small and nasty organisations.

import fc from "fast-check";
import { expect, test } from "vitest";
import { decideWithin, type ObjectRef, objectTypeNames, permissions, type Scope } from "../src/index.ts";
import { typeOf } from "../src/tree.ts";
import { loadedOnDemand } from "./loaded-on-demand.ts";
import { atAndAbove, judge } from "./oracle.ts";
import { lookupOf, type OrganizationFacts, objectText } from "./organization-facts.ts";
import { sampling } from "./sampling.ts";
import { questionsAbout, targetsIn, worlds } from "./worlds.ts";

const { seed, numRuns } = sampling({ numRuns: 1500 });

/** Scopes of what there is in an organisation, each part now and then left open. */
function scopesIn(facts: OrganizationFacts): fc.Arbitrary<Scope> {
  const objects = targetsIn(facts).flatMap((target) => (target.kind === "object" ? [target.object] : []));
  const some = <Item>(items: readonly Item[]) => fc.option(fc.subarray([...items]), { freq: 2 });
  return fc.record({
    permissions: some(permissions),
    objectTypes: some(objectTypeNames),
    objects: fc.option(fc.subarray<ObjectRef>(objects, { maxLength: 3 }), { freq: 2 }),
  });
}

test("what a scope lets through is what the principal may do, and the scope names", {
  timeout: 300_000,
}, () => {
  const counts = { narrowed: 0, allowed: 0 };
  fc.assert(
    fc.property(
      worlds().chain(({ nowMs, organizations: [facts] }) => {
        if (facts === undefined) throw new Error("a world without an organisation");
        return scopesIn(facts).map((scope) => ({ nowMs, facts, scope }));
      }),
      ({ nowMs, facts, scope }) => {
        const lookup = lookupOf(facts);
        const targets = targetsIn(facts);
        const allows = judge(facts, { targets, nowMs });
        const above = atAndAbove(facts, targets);
        for (const question of questionsAbout(facts, { targets, nowMs })) {
          const { principal, permission, target } = question;
          const type = typeOf(target);
          const isNamed =
            (scope.permissions === null || scope.permissions.includes(permission)) &&
            (scope.objectTypes === null || scope.objectTypes.some((one) => one === type)) &&
            (scope.objects === null || scope.objects.some((one) => above(target).has(objectText(one))));
          const may = allows(principal, permission, target);
          const decision = decideWithin(scope, question, lookup);
          if (may && !isNamed) counts.narrowed += 1;
          if (may && isNamed) counts.allowed += 1;
          if (decision.kind === "needs" || decision.allowed !== (may && isNamed)) {
            throw new Error(
              `${JSON.stringify(scope)} ${JSON.stringify(question)} ${JSON.stringify(decision)}`,
            );
          }
        }
      },
    ),
    { seed, numRuns },
  );
  expect(counts.narrowed).toBeGreaterThan(numRuns / 2);
  expect(counts.allowed).toBeGreaterThan(numRuns / 2);
});

test("it asks for the facts that it takes, and for no more than there are", { timeout: 300_000 }, () => {
  fc.assert(
    fc.property(
      worlds().chain(({ nowMs, organizations: [facts] }) => {
        if (facts === undefined) throw new Error("a world without an organisation");
        return scopesIn(facts).map((scope) => ({ nowMs, facts, scope }));
      }),
      fc.nat(),
      ({ nowMs, facts, scope }, seedOfPick) => {
        const whole = lookupOf(facts);
        const questions = [...questionsAbout(facts, { targets: targetsIn(facts), nowMs })];
        const question = questions[seedOfPick % questions.length];
        if (question === undefined) return;
        const decided = loadedOnDemand(whole, (lookup) => decideWithin(scope, question, lookup));
        expect(decided).toMatchObject({ allowed: allowedOf(decideWithin(scope, question, whole)) });
      },
    ),
    { seed, numRuns },
  );
});

function allowedOf(decision: ReturnType<typeof decideWithin>): boolean {
  if (decision.kind === "needs") throw new Error("everything was loaded");
  return decision.allowed;
}
