import { describe, expect, test } from "vitest";
import { Follow } from "../src/follow.ts";
import { FactMemory } from "../src/memory.ts";
import type { LogEntry } from "../src/source.ts";
import { aliceIsMember, bobIsMember, org } from "./reading-world.ts";

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
  test("of the same time changes nothing", () => {
    const { follow, gen } = newFollow(5);
    follow.confirm(gen, 100, 5);
    follow.confirm(gen, 100, 4);
    expect(follow.confirmedHead).toBe(5);
  });
  test("of nothing that is followed does not count", () => {
    const follow = new Follow(org, "identity");
    follow.confirm(Symbol("none"), 100, 0);
    expect(follow.confirmedAt).toBe(Number.NEGATIVE_INFINITY);
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

describe("what a follow demands of the others", () => {
  test("is nothing before it begins, and nothing of a log without events", () => {
    expect(new Follow(org, "identity")).toMatchObject({ mark: null, history: "", prerequisites: [] });
    expect(newFollow(0).follow.prerequisites).toEqual([]);
  });
  test("is all that they had when it began behind events that it did not read, but not of itself", () => {
    const follow = new Follow(org, "identity");
    follow.restart(null, "first", 5, 100);
    expect(follow.prerequisites.map(({ owner }) => owner).sort()).toEqual(["grants", "groups", "tokens"]);
    for (const prerequisite of follow.prerequisites) {
      expect(prerequisite).toMatchObject({ place: null, headSince: 100, learnedAt: 100 });
    }
  });
  test("grows with the events that it applies, and not with those that it has applied before", () => {
    const { follow } = newFollow(0);
    const after = (position: number) => [
      { owner: "groups" as const, place: { incarnation: "first", position } },
    ];
    const events = [
      event(1, { dependsOn: after(3) }),
      event(2, { dependsOn: after(4) }),
      event(3, { dependsOn: after(9) }),
    ];
    follow.apply(memory(), { incarnation: "first", head: 3, entries: events.slice(0, 2) }, 100);
    expect(follow.prerequisites).toMatchObject([{ owner: "groups", place: { position: 4 }, learnedAt: 100 }]);
    follow.apply(memory(), { incarnation: "first", head: 3, entries: events.slice(1) }, 200);
    expect(follow.prerequisites).toMatchObject([{ owner: "groups", place: { position: 9 }, learnedAt: 200 }]);
    follow.apply(memory(), { incarnation: "first", head: 3, entries: events.slice(2) }, 300);
    expect(follow.prerequisites).toMatchObject([{ owner: "groups", learnedAt: 200 }]);
  });
  test("does not begin anew with what overlaps", () => {
    const { follow } = newFollow(0);
    const entry = event(1, { dependsOn: [{ owner: "groups", place: null }] });
    follow.apply(memory(), { incarnation: "first", head: 1, entries: [entry] }, 100);
    follow.apply(memory(), { incarnation: "first", head: 2, entries: [entry, event(2)] }, 200);
    expect(follow.prerequisites).toMatchObject([{ owner: "groups", headSince: 100, learnedAt: 100 }]);
  });
});

describe("events that were read", () => {
  test("are not applied when some are missing before them, nor to what is not followed", () => {
    const { follow } = newFollow(5);
    const { mark } = follow;
    follow.apply(memory(), { incarnation: "first", head: 8, entries: [event(7), event(8)] }, 100);
    expect(follow.mark).toBe(mark);
    const none = new Follow(org, "identity");
    none.apply(memory(), { incarnation: "first", head: 1, entries: [event(1)] }, 100);
    expect(none.mark).toBeNull();
  });
  test("bury what they touch and nothing else, and void the kinds that they name", () => {
    const { follow } = newFollow(5);
    const facts = memory();
    for (const key of [aliceIsMember, bobIsMember]) {
      const value = { kind: "user" as const };
      const fact = { key, incarnation: "first", lo: 5, hi: 5, value, layer: "owner" as const };
      const held = {
        kind: "held" as const,
        value: fact.value,
        lo: 5,
        hi: 5,
        gen: follow.mark?.gen ?? Symbol(),
      };
      expect(facts.fill(follow.mark, fact, held)).toBeNull();
    }
    const isHeld = (key: typeof aliceIsMember | typeof bobIsMember) =>
      follow.mark !== null && facts.read(follow.mark, key) !== null;
    follow.apply(
      facts,
      { incarnation: "first", head: 6, entries: [event(6, { touches: [aliceIsMember] })] },
      100,
    );
    expect([isHeld(aliceIsMember), isHeld(bobIsMember)]).toEqual([false, true]);
    follow.apply(facts, { incarnation: "first", head: 7, entries: [event(7, { kinds: ["member"] })] }, 100);
    expect(isHeld(bobIsMember)).toBe(false);
    expect(follow.mark?.floors).toEqual({ member: 7 });
  });
});

function memory(): FactMemory {
  return new FactMemory({ idsMax: 100 });
}

function event(position: number, rest: Partial<LogEntry> = {}): LogEntry {
  return { position, touches: [], kinds: [], dependsOn: [], ...rest };
}
