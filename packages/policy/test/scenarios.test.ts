// The stories against decide, and against the rule itself.

import { describe, expect, test } from "vitest";
import { decide } from "../src/index.ts";
import { judge } from "./oracle.ts";
import { lookupOf } from "./organization-facts.ts";
import { type Expectation, loadScenarios } from "./scenarios.ts";
import { type Stage, setStage } from "./stage.ts";

const nowMs = Date.UTC(2027, 0, 15);

describe.each(loadScenarios())("$title", (scenario) => {
  test.each([
    ["decide", decideSays],
    ["the rule", ruleSays],
  ] as const)("%s", (_, says) => {
    const stage = setStage(scenario, { nowMs });
    expect(answers(says, stage, scenario.expectations)).toEqual(wanted(scenario.expectations));
    for (const { changes, expectations } of scenario.steps) {
      for (const change of changes) stage.change(change);
      expect(answers(says, stage, expectations)).toEqual(wanted(expectations));
    }
  });
});

test("every story both allows and denies, and says so for at least one thing", () => {
  for (const { file, expectations, steps } of loadScenarios()) {
    const all = [...expectations, ...steps.flatMap((step) => step.expectations)];
    expect(new Set(all.map(({ allowed }) => allowed)), file).toEqual(new Set([true, false]));
  }
});

type Says = (stage: Stage, expectation: Expectation) => boolean;

function decideSays(stage: Stage, expectation: Expectation): boolean {
  const decision = decide(stage.question(expectation), lookupOf(stage.facts()));
  if (decision.kind === "needs") throw new Error("everything was loaded");
  return decision.allowed;
}

function ruleSays(stage: Stage, expectation: Expectation): boolean {
  const { principal, permission, target } = stage.question(expectation);
  return judge(stage.facts(), { targets: [target], nowMs })(principal, permission, target);
}

function answers(says: Says, stage: Stage, expectations: readonly Expectation[]): readonly string[] {
  return expectations.map((expectation) => line(expectation, says(stage, expectation)));
}

function wanted(expectations: readonly Expectation[]): readonly string[] {
  return expectations.map((expectation) => line(expectation, expectation.allowed));
}

function line({ text, permission }: Expectation, allowed: boolean): string {
  return `${text}: ${permission} is ${allowed ? "allowed" : "denied"}`;
}
