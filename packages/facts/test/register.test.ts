// The rules one by one. That together they are enough, and each is needed, the searches of protocol.test.ts show.

import { describe, expect, test } from "vitest";
import {
  advance,
  bury,
  fill,
  type Held,
  mustRebase,
  type Offer,
  type Register,
  rebase,
  standing,
  type Watermark,
} from "../src/register.ts";

const mark: Watermark<number> = { incarnation: "first", app: 5, gen: 1, floors: {} };
const offer: Offer<string, number> = {
  factKind: "member",
  incarnation: "first",
  gen: 1,
  lo: 2,
  hi: 5,
  value: "new",
};
const held = (hi: number, gen = 1): Held<string, number> => ({
  kind: "held",
  value: "old",
  lo: 1,
  hi,
  gen,
});
const tombstone = (hi: number, gen = 1): Register<string, number> => ({ kind: "tombstone", hi, gen });
const taken = { kind: "held", value: "new", lo: 2, hi: 5, gen: 1 };

describe("a fill is refused", () => {
  test("without a watermark", () => expect(fill(null, null, offer)).toBe("no watermark"));
  test("from another history", () =>
    expect(fill({ ...mark, incarnation: "second" }, null, offer)).toBe("another incarnation"));
  test("when the reader had seen another generation", () =>
    expect(fill({ ...mark, gen: 2 }, null, offer)).toBe("another generation"));
  test("below the floor of its kind, or of every kind", () => {
    for (const kind of ["member", "*"]) {
      const floored = { ...mark, floors: { [kind]: 6 } };
      expect(fill(floored, held(9), offer)).toBe("below the kind's floor");
      expect(fill(floored, held(6), { ...offer, hi: 6 })).toMatchObject({ value: "new" });
    }
  });
  test("into an empty place, when it is older than the watermark", () =>
    expect(fill({ ...mark, app: 6 }, null, offer)).toBe("older than the watermark"));
  test("over what was read or buried later", () => {
    expect(fill(mark, held(6), offer)).toBe("older than what stands");
    expect(fill(mark, tombstone(6), offer)).toBe("older than what stands");
  });
});

describe("a fill is taken", () => {
  test("at the watermark, and at a floor of another kind above it", () => {
    expect(fill(mark, null, offer)).toEqual(taken);
    expect(fill({ ...mark, floors: { access: 9 } }, null, offer)).toEqual(taken);
  });
  test("over what was read or buried at the same position or before", () => {
    for (const hi of [4, 5]) {
      expect(fill(mark, held(hi), offer)).toEqual(taken);
      expect(fill(mark, tombstone(hi), offer)).toEqual(taken);
    }
  });
  test("over what is void, however late", () => expect(fill(mark, held(9, 0), offer)).toEqual(taken));
});

describe("what stands", () => {
  test("is what bears the watermark's generation and is not below its kind's floor", () => {
    expect(standing(mark, held(3), "member")).toEqual(held(3));
    expect(standing(mark, held(3, 2), "member")).toBeNull();
    expect(standing({ ...mark, floors: { member: 4 } }, held(3), "member")).toBeNull();
    expect(standing({ ...mark, floors: { member: 3 } }, held(3), "member")).toEqual(held(3));
    expect(standing({ ...mark, floors: { "*": 4 } }, held(3), "member")).toBeNull();
    expect(standing({ ...mark, floors: { member: 2, "*": 4 } }, held(3), "member")).toBeNull();
  });
});

describe("a watermark moves", () => {
  const stretch = { incarnation: "first", from: 6, to: 8, kinds: {} };
  test("over events that join it or overlap it, and keeps its generation", () => {
    expect(advance(mark, stretch)).toEqual({ ...mark, app: 8 });
    expect(advance(mark, { ...stretch, from: 1 })).toEqual({ ...mark, app: 8 });
  });
  test("not over a gap", () => expect(advance(mark, { ...stretch, from: 7 })).toBe("gap"));
  test("not back, nor over what it has seen, nor along another history, nor from nowhere", () => {
    for (const to of [4, 5]) expect(advance(mark, { ...stretch, from: 1, to })).toBe("nothing new");
    expect(advance({ ...mark, incarnation: "second" }, stretch)).toBe("nothing new");
    expect(advance(null, stretch)).toBe("nothing new");
  });
  test("with floors that only rise", () => {
    const floored = { ...mark, floors: { member: 7, access: 2 } };
    const moved = advance(floored, { ...stretch, kinds: { member: 6, access: 6, roles: 8 } });
    expect(moved).toEqual({ ...mark, app: 8, floors: { member: 7, access: 6, roles: 8 } });
  });
});

describe("an event buries", () => {
  test("what was known before it, and leaves what is as late or later", () => {
    expect(bury(mark, held(5), "member", 6)).toEqual(tombstone(6));
    expect(bury(mark, tombstone(5), "member", 6)).toEqual(tombstone(6));
    for (const register of [held(6), held(7), tombstone(6), tombstone(7)]) {
      expect(bury(mark, register, "member", 6)).toBe(register);
    }
  });
  test("an empty place, and what is void, however late", () => {
    expect(bury(mark, null, "member", 6)).toEqual(tombstone(6));
    expect(bury(mark, held(9, 0), "member", 6)).toEqual(tombstone(6));
  });
});

describe("a layer begins anew", () => {
  const begin = { incarnation: "second", head: 3, gen: 2 };
  const anew = { incarnation: "second", app: 3, gen: 2, floors: {} };
  test("when nothing is there, or it still is as it was seen", () => {
    expect(rebase(null, begin, null)).toEqual(anew);
    expect(rebase(null, begin, mark)).toEqual(anew);
    expect(rebase({ ...mark, floors: { member: 4 } }, begin, { gen: 1, app: 5 })).toEqual(anew);
  });
  test("not when somebody else has moved it or begun it meanwhile", () => {
    expect(rebase(mark, begin, null)).toBe(mark);
    expect(rebase(mark, begin, { gen: 1, app: 4 })).toBe(mark);
    expect(rebase(mark, begin, { gen: 0, app: 5 })).toBe(mark);
  });
  test("must: from nothing, on another history, on a shorter one, and when too much is missing", () => {
    expect(mustRebase(null, "first", 5)).toBe(true);
    expect(mustRebase(mark, "second", 5)).toBe(true);
    expect(mustRebase(mark, "first", 4)).toBe(true);
    expect(mustRebase(mark, "first", 5)).toBe(false);
    expect(mustRebase(mark, "first", 10_005)).toBe(false);
    expect(mustRebase(mark, "first", 10_006)).toBe(true);
  });
});
