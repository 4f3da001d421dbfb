import { describe, expect, test } from "vitest";
import { afterAll, isMet, withDependencies } from "../src/prerequisite.ts";

const never = Number.NEGATIVE_INFINITY;
const at = (incarnation: string, app: number, confirmedAt = never) => ({
  mark: { incarnation, app },
  confirmedAt,
});
const place = (position: number, incarnation = "first") => ({
  owner: "groups" as const,
  place: { incarnation, position },
});
const unknown = { owner: "groups", place: null } as const;

/** What one log demands of another after events that say this, each seen a tick later than the one before. */
function demandOf(...dependencies: (typeof unknown | ReturnType<typeof place>)[]) {
  let prerequisites: ReturnType<typeof withDependencies> = [];
  for (const [index, dependency] of dependencies.entries()) {
    prerequisites = withDependencies(prerequisites, [dependency], 100 + index);
  }
  const [only, ...more] = prerequisites;
  if (only === undefined || more.length > 0) throw new Error("one demand was expected");
  return only;
}

describe("a known place is met", () => {
  const demand = demandOf(place(5));
  test("by a mark at it or further", () => {
    expect(isMet(demand, at("first", 5))).toBe(true);
    expect(isMet(demand, at("first", 6))).toBe(true);
    expect(isMet(demand, at("first", 4))).toBe(false);
  });
  test("not by a mark of another history, nor by none", () => {
    expect(isMet(demand, at("second", 9))).toBe(false);
    expect(isMet(demand, { mark: null, confirmedAt: never })).toBe(false);
  });
  test("by a head that was asked for after the event was seen, whatever the history", () => {
    expect(isMet(demand, at("second", 0, 100))).toBe(true);
    expect(isMet(demand, at("second", 0, 99))).toBe(false);
  });
});

describe("of several places of one owner", () => {
  test("the furthest counts, in whichever order they come", () => {
    for (const demand of [demandOf(place(5), place(3)), demandOf(place(3), place(5))]) {
      expect(isMet(demand, at("first", 5))).toBe(true);
      expect(isMet(demand, at("first", 4))).toBe(false);
    }
  });
  test("of two histories, the earlier ones are met only by a head asked for after them", () => {
    const demand = demandOf(place(5), place(1, "second"));
    expect(isMet(demand, at("second", 9))).toBe(false);
    expect(isMet(demand, at("second", 9, 99))).toBe(false);
    expect(isMet(demand, at("second", 1, 100))).toBe(true);
    expect(isMet(demand, at("second", 0, 100))).toBe(false);
  });
});

describe("a place that is not known", () => {
  test("is met only by a head asked for after the event was seen", () => {
    expect(isMet(demandOf(unknown), at("first", 99))).toBe(false);
    expect(isMet(demandOf(unknown), at("first", 0, 99))).toBe(false);
    expect(isMet(demandOf(unknown), at("first", 0, 100))).toBe(true);
  });
  test("is not forgotten when a later event says where", () => {
    const demand = demandOf(unknown, place(5));
    expect(isMet(demand, at("first", 9))).toBe(false);
    expect(isMet(demand, at("first", 4, 100))).toBe(false);
    expect(isMet(demand, at("first", 5, 100))).toBe(true);
    expect(isMet(demand, at("first", 0, 101))).toBe(true);
  });
  test("does not make a known one forgotten", () => {
    const demand = demandOf(place(5), unknown);
    expect(isMet(demand, at("first", 9, 100))).toBe(false);
    expect(isMet(demand, at("first", 0, 101))).toBe(true);
  });
});

test("a log that was not read may have come after anything in the others", () => {
  const demands = afterAll(["groups", "grants"], 100);
  expect(demands.map((demand) => demand.owner)).toEqual(["groups", "grants"]);
  for (const demand of demands) {
    expect(isMet(demand, at("first", 99, 99))).toBe(false);
    expect(isMet(demand, at("first", 0, 100))).toBe(true);
  }
});

test("an event that names no places demands nothing more", () => {
  const known = [demandOf(place(5))];
  expect(withDependencies(known, [], 200)).toBe(known);
});

test("no place is met by no mark, wherever it stands", () => {
  const nowhere = { owner: "groups", place: null, headSince: 100, learnedAt: 102 } as const;
  expect(isMet(nowhere, at("first", 99, 101))).toBe(false);
});

test("each owner's places are kept apart", () => {
  const grants = { owner: "grants", place: { incarnation: "first", position: 7 } } as const;
  const demands = withDependencies([demandOf(place(5))], [grants], 200);
  expect(demands.map((demand) => [demand.owner, demand.place?.position])).toEqual([
    ["groups", 5],
    ["grants", 7],
  ]);
});
