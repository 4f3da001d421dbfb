import { describe, expect, test } from "vitest";
import { Follow } from "../src/follow.ts";
import { org } from "./reading-world.ts";

function newFollow(head: number): { follow: Follow; gen: symbol } {
  const follow = new Follow(org, "identity");
  follow.restart(null, "first", head, 0);
  return { follow, gen: follow.mark?.gen ?? Symbol("none") };
}

describe("a confirmation", () => {
  test("counts from when it was asked for", () => {
    const { follow, gen } = newFollow(5);
    follow.confirm(gen, 100, 5);
    expect(follow.confirmedAt).toBe(100);
  });
  test("does not count before the mark has got to the head that it names", () => {
    const { follow, gen } = newFollow(5);
    follow.confirm(gen, 100, 6);
    expect(follow.confirmedAt).toBe(Number.NEGATIVE_INFINITY);
  });
  test("that comes after a later one takes nothing back", () => {
    const { follow, gen } = newFollow(5);
    follow.confirm(gen, 200, 5);
    follow.confirm(gen, 100, 5);
    expect(follow.confirmedAt).toBe(200);
  });
  test("of another generation does not count", () => {
    const { follow, gen } = newFollow(5);
    follow.restart(follow.mark, "second", 5, 0);
    follow.confirm(gen, 100, 5);
    expect(follow.confirmedAt).toBe(Number.NEGATIVE_INFINITY);
  });
});

describe("a follow begins anew", () => {
  test("with nothing confirmed", () => {
    const { follow, gen } = newFollow(5);
    follow.confirm(gen, 100, 5);
    expect(follow.restart(follow.mark, "second", 3, 0)).toBe(true);
    expect(follow).toMatchObject({ mark: { app: 3 }, confirmedAt: Number.NEGATIVE_INFINITY });
    expect(follow.mark?.gen).not.toBe(gen);
  });
  test("not when it can go on", () => {
    const { follow, gen } = newFollow(5);
    expect(follow.restart(follow.mark, "first", 9, 0)).toBe(false);
    expect(follow.mark).toMatchObject({ gen, app: 5 });
  });
  test("not when it has begun anew since the head was asked for", () => {
    const { follow } = newFollow(5);
    const seen = follow.mark;
    follow.restart(seen, "second", 3, 0);
    expect(follow.restart(seen, "third", 1, 0)).toBe(false);
    expect(follow.mark).toMatchObject({ incarnation: "second", app: 3 });
  });
});
