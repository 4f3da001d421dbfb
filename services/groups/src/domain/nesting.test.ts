import { chainMax, type GroupId } from "@portcullis/policy";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  checkRoom,
  closureOf,
  isOnCycle,
  isTooDeep,
  type Nesting,
  withMemberGroups,
  withoutGroup,
} from "./nesting.ts";

const group = (name: string | number) => `${name}` as GroupId;

function nestingOf(edges: Readonly<Record<string, readonly string[]>>): Nesting {
  return new Map(Object.entries(edges).map(([outer, inner]) => [group(outer), inner.map(group)]));
}

/** 0 contains 1, which contains 2, and so on, by so many links. */
function chain(links: number): Nesting {
  return new Map(
    Array.from({ length: links + 1 }, (_, index) => [group(index), index < links ? [group(index + 1)] : []]),
  );
}

const anyNesting: fc.Arbitrary<Nesting> = fc
  .array(fc.tuple(fc.nat(6), fc.nat(6)), { maxLength: 14 })
  .map((edges) => {
    const nesting = new Map<GroupId, GroupId[]>();
    for (let index = 0; index <= 6; index++) nesting.set(group(index), []);
    for (const [outer, inner] of edges) nesting.get(group(outer))?.push(group(inner));
    return nesting;
  });

describe("closureOf", () => {
  test("holds the group itself and all below it, and ends on a cycle", () => {
    const nesting = nestingOf({ a: ["b", "c"], b: ["d"], c: [], d: ["b"], e: ["a"] });
    expect([...closureOf(nesting, group("a"))].sort()).toEqual(["a", "b", "c", "d"]);
    expect([...closureOf(nesting, group("unknown"))]).toEqual(["unknown"]);
  });
});

describe("isOnCycle", () => {
  test("a group that contains itself, near or far", () => {
    expect(isOnCycle(nestingOf({ a: ["a"] }), group("a"))).toBe(true);
    expect(isOnCycle(nestingOf({ a: ["b"], b: ["c"], c: ["a"] }), group("b"))).toBe(true);
  });

  test("not a group that merely leads to a cycle, nor two ways to one group", () => {
    expect(isOnCycle(nestingOf({ a: ["b"], b: ["c"], c: ["b"] }), group("a"))).toBe(false);
    expect(isOnCycle(nestingOf({ a: ["b", "c"], b: ["d"], c: ["d"], d: [] }), group("a"))).toBe(false);
  });

  test("says the same as walking every path", () => {
    fc.assert(
      fc.property(anyNesting, fc.nat(6), (nesting, start) => {
        const walk = (from: GroupId, path: readonly GroupId[]): boolean =>
          (nesting.get(from) ?? []).some(
            (next) => next === group(start) || (!path.includes(next) && walk(next, [...path, next])),
          );
        expect(isOnCycle(nesting, group(start))).toBe(walk(group(start), []));
      }),
    );
  });
});

describe("isTooDeep", () => {
  test("counts the links of the longest chain through the group, above and below it", () => {
    for (const place of [0, 1, chainMax / 2, chainMax]) {
      expect(isTooDeep(chain(chainMax), group(place))).toBe(false);
      expect(isTooDeep(chain(chainMax + 1), group(place))).toBe(true);
    }
  });

  test("takes the longest of several ways", () => {
    const shortcut = new Map([...chain(chainMax + 1), [group(0), [group(chainMax), group(1)]]]);
    expect(isTooDeep(shortcut, group(0))).toBe(true);
  });

  test("ends on a cycle", () => {
    expect(isTooDeep(nestingOf({ a: ["b"], b: ["a"] }), group("a"))).toBe(true);
  });

  test("comes to its end for a group that is in 100,000 others", { timeout: 2000 }, () => {
    const outer = Array.from({ length: 100_000 }, (_, index): [GroupId, GroupId[]] => [
      group(index),
      [group("inner")],
    ]);
    expect(isTooDeep(new Map([...outer, [group("inner"), []]]), group("inner"))).toBe(false);
  });
});

describe("checkRoom", () => {
  const of = (groups: number, inner: readonly GroupId[]): Nesting =>
    new Map(Array.from({ length: groups }, (_, index) => [group(index), index === 0 ? inner : []]));
  const many = Array.from({ length: 100_001 }, (_, index) => group(index));

  test("refuses one group and one member group too many, and nothing that makes less of them", () => {
    const full = of(100_000, many.slice(1));
    checkRoom(of(99_999, []), full);
    expect(() => checkRoom(full, of(100_001, []))).toThrow(/at most 100000 groups/);
    expect(() => checkRoom(full, of(100_000, many))).toThrow(/at most 100000 member groups/);
    checkRoom(of(100_002, many), of(100_002, many));
    checkRoom(of(100_002, many), of(100_001, many.slice(1)));
  });
});

describe("withMemberGroups, withoutGroup", () => {
  test("leave the nesting that they were given as it is", () => {
    const nesting = nestingOf({ a: ["b"], b: ["c"], c: [] });
    expect(withMemberGroups(nesting, group("a"), [group("c")]).get(group("a"))).toEqual(["c"]);
    const without = withoutGroup(nesting, group("b"));
    expect([...without]).toEqual([
      ["a", []],
      ["c", []],
    ]);
    expect(nesting).toEqual(nestingOf({ a: ["b"], b: ["c"], c: [] }));
  });
});
