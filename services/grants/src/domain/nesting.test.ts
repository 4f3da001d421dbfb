import { chainMax, type RoleId } from "@portcullis/policy";
import fc from "fast-check";
import { expect, test } from "vitest";
import { checkNesting } from "./nesting.ts";

function id(name: number): RoleId {
  return `role ${name}` as RoleId;
}

function outcome(role: RoleId, members: RoleId[], others: Map<RoleId, RoleId[]>): string {
  try {
    checkNesting(role, members, others);
    return "allowed";
  } catch (error) {
    return error instanceof Error && error.message.includes("member of itself") ? "cycle" : "too deep";
  }
}

test("an edit is allowed if and only if the roles stay without a cycle and no chain is too long", () => {
  const edges = fc.array(fc.tuple(fc.nat(9), fc.nat(9)), { maxLength: 30 });
  fc.assert(
    fc.property(edges, fc.nat(9), fc.uniqueArray(fc.nat(9), { maxLength: 4 }), (wanted, edited, members) => {
      const others = new Map<RoleId, RoleId[]>();
      for (const [from, to] of wanted) {
        if (from > to) others.set(id(from), [...(others.get(id(from)) ?? []), id(to)]);
      }
      const after = new Map(others).set(id(edited), members.map(id));
      const cyclic = [...after.keys()].some((start) => onCycle(start, after));
      expect(outcome(id(edited), members.map(id), others)).toBe(cyclic ? "cycle" : "allowed");
    }),
    { numRuns: 500 },
  );
});

test("a chain of the greatest length is allowed, one more role at either end or in between is not", () => {
  const chain = new Map<RoleId, RoleId[]>();
  for (let at = 0; at < chainMax - 1; at++) chain.set(id(at), at === 0 ? [] : [id(at - 1)]);
  const [top, bottom] = [id(chainMax - 2), id(0)];
  const fresh = id(chainMax);
  expect(outcome(fresh, [top], chain)).toBe("allowed");
  chain.set(fresh, [top]);
  expect(outcome(id(-1), [fresh], chain)).toBe("too deep");
  expect(outcome(bottom, [id(-1)], chain)).toBe("too deep");
  chain.set(id(-1), [bottom]);
  expect(outcome(id(1), [bottom, id(-1)], chain)).toBe("too deep");
});

test("a cycle that got in elsewhere does not hang the check", () => {
  const others = new Map([
    [id(1), [id(2)]],
    [id(2), [id(1)]],
  ]);
  expect(outcome(id(3), [id(1)], others)).toBe("too deep");
  expect(outcome(id(3), [], others)).toBe("allowed");
});

test("ten thousand roles in a dense mesh are judged in one go", () => {
  const others = new Map(
    Array.from({ length: 10_000 }, (_, at) => [
      id(at),
      at < 200 ? [] : Array.from({ length: 50 }, (_, next) => id((Math.floor(at / 200) - 1) * 200 + next)),
    ]),
  );
  expect(outcome(id(-1), [id(9999)], others)).toBe("allowed");
});

function onCycle(start: RoleId, members: ReadonlyMap<RoleId, readonly RoleId[]>): boolean {
  const met = new Set(members.get(start));
  for (const role of met) for (const next of members.get(role) ?? []) met.add(next);
  return met.has(start);
}
