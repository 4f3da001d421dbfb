// Nobody hands on more than it holds: on small and nasty organisations, and in examples that spell it out.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  decide,
  decideHandingOn,
  type HandingOn,
  objectTypeNames,
  occursAtOrBelow,
  permissions,
  type RoleId,
  systemRoles,
} from "../src/index.ts";
import { atAndAbove, holdsThroughout } from "./oracle.ts";
import { lookupOf, type OrganizationFacts, objectText } from "./organization-facts.ts";
import { sampling } from "./sampling.ts";
import { principals, questionsAbout, targetsIn, worlds } from "./worlds.ts";

const { seed, numRuns } = sampling({ numRuns: 1500 });

interface Case {
  readonly nowMs: number;
  readonly facts: OrganizationFacts;
  readonly handing: HandingOn;
}

function cases(): fc.Arbitrary<Case> {
  return worlds().chain(({ nowMs, organizations: [facts] }) => {
    if (facts === undefined) throw new Error("a world without an organisation");
    const objects = targetsIn(facts).flatMap((target) => (target.kind === "object" ? [target.object] : []));
    const roles = [...facts.roles.keys(), ...Object.values(systemRoles).map(({ id }): RoleId => id)];
    return fc
      .record({
        org: fc.constant(facts.org),
        principal: fc.constantFrom(...principals),
        object: fc.constantFrom(...objects),
        grant: fc.oneof(
          fc.record({
            kind: fc.constant("permission" as const),
            permission: fc.constantFrom(...permissions),
            restrictObjectType: fc.option(fc.constantFrom(...objectTypeNames)),
          }),
          fc.record({ kind: fc.constant("role" as const), id: fc.constantFrom(...roles) }),
        ),
        expiresAtMs: fc.option(fc.constantFrom(nowMs - 1, nowMs, nowMs + 1, nowMs + 1_000_000)),
        nowMs: fc.constant(nowMs),
      })
      .map((handing) => ({ nowMs, facts, handing }));
  });
}

function isHeld({ facts, handing }: Case): boolean {
  const decided = decideHandingOn(handing, null, lookupOf(facts));
  if (decided.kind === "needs") throw new Error("everything was loaded");
  return decided.isHeld;
}

describe(`on ${numRuns} worlds, seed ${seed}`, () => {
  test("a permission is held where one ACL grants it on as much and for as long", {
    timeout: 300_000,
  }, () => {
    const counts = { held: 0, refused: 0 };
    fc.assert(
      fc.property(cases(), (given) => {
        const { facts, handing } = given;
        if (handing.grant.kind !== "permission") return;
        const held = holdsThroughout(facts, {
          principal: handing.principal,
          permission: handing.grant.permission,
          object: handing.object,
          type: handing.grant.restrictObjectType,
          fromMs: handing.nowMs,
          untilMs: handing.expiresAtMs,
        });
        counts[held ? "held" : "refused"] += 1;
        expect(isHeld(given)).toBe(held);
      }),
      { seed, numRuns },
    );
    expect(counts.held).toBeGreaterThan(numRuns / 50);
    expect(counts.refused).toBeGreaterThan(numRuns / 50);
  });

  test("whoever is handed what was held may do nothing that its giver may not", { timeout: 300_000 }, () => {
    let handedOn = 0;
    fc.assert(
      fc.property(cases(), (given) => {
        const { facts, handing, nowMs } = given;
        if (!isHeld(given)) return;
        handedOn += 1;
        const lookup = lookupOf(facts);
        const targets = targetsIn(facts);
        const above = atAndAbove(facts, targets);
        const gives = givenBy(handing, lookup);
        for (const question of questionsAbout(facts, { targets, nowMs })) {
          if (question.principal !== handing.principal) continue;
          if (!above(question.target).has(objectText(handing.object))) continue;
          const type = question.target.kind === "object" ? question.target.object.type : question.target.type;
          if (!gives(question.permission, type)) continue;
          expect(decide(question, lookup)).toMatchObject({ allowed: true });
        }
      }),
      { seed, numRuns: numRuns * 2 },
    );
    expect(handedOn).toBeGreaterThan(numRuns / 50);
  });
});

function givenBy({ grant }: HandingOn, lookup: ReturnType<typeof lookupOf>) {
  return (permission: (typeof permissions)[number], type: (typeof objectTypeNames)[number]): boolean =>
    grant.kind === "role"
      ? lookup.roles()?.grants(grant.id, permission, type) === true
      : grant.permission === permission &&
        (grant.restrictObjectType === null || grant.restrictObjectType === type);
}

test("every type occurs at or below itself, so that a restricted grant can be held", () => {
  for (const type of objectTypeNames) expect(occursAtOrBelow(type, type)).toBe(true);
});
