import { describe, expect, test } from "vitest";
import { judge, lives, type Outcome } from "./verdict.ts";

const file = "packages/policy/src/decide.ts";
const change = { file, line: "if (a < b) return;", original: "a < b", replacement: "a <= b" };

function outcome(status: string, more: Partial<Outcome> = {}): Outcome {
  return { ...change, at: "1:5", mutator: "EqualityOperator", status, ...more };
}

test.each([
  ["Survived", true],
  ["NoCoverage", true],
  ["Killed", false],
  ["Timeout", false],
])("a mutant that is %s lives: %s", (status, expected) => {
  expect(lives(outcome(status))).toBe(expected);
});

describe("a run", () => {
  test("is good when all that lives has its reason", () => {
    const verdict = judge(
      [file],
      [outcome("Survived"), outcome("Killed", { replacement: "true" })],
      [{ ...change, reason: "they are never equal" }],
    );
    expect(verdict).toEqual({ unexplained: [], needless: [] });
  });

  test("names what lives without a reason, and a reason for another change of the same line is none", () => {
    const other = { ...change, replacement: "a > b", reason: "of another" };
    const { unexplained } = judge([file], [outcome("Survived"), outcome("NoCoverage", other)], [other]);
    expect(unexplained).toEqual([outcome("Survived")]);
  });

  test("names reasons that nothing needs any more, but not those of files that were left out", () => {
    const gone = { ...change, reason: "once" };
    expect(judge([file], [outcome("Killed")], [gone]).needless).toEqual([gone]);
    expect(judge(["packages/policy/src/tree.ts"], [], [gone]).needless).toEqual([]);
  });
});
