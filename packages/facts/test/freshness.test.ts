import { describe, expect, test } from "vitest";
import { Follow } from "../src/follow.ts";
import { type Consistency, Demand, minimizeLatency } from "../src/freshness.ts";
import { historyOf, type Seen } from "../src/revision.ts";
import { aliceIsMember, maxStalenessMs, org, ReadingWorld } from "./reading-world.ts";

const arrivedAt = 10_000;

/** Identity's log, followed to position 5. */
function follow({ confirmedAt }: { confirmedAt: number }): Follow {
  const one = new Follow(org, "identity");
  one.restart(null, "first", 5, 0);
  if (one.mark !== null) one.confirm(one.mark.gen, confirmedAt, 5);
  return one;
}

const seen = (position: number, of: Partial<Seen> = {}): Consistency => ({
  kind: "at_least_as_fresh",
  revision: { org, seen: [{ owner: "identity", history: historyOf("first"), position, ...of }] },
});
const demand = (consistency: Consistency) => new Demand(consistency, arrivedAt, maxStalenessMs);

describe("what memory holds may be used", () => {
  test("while it was confirmed within the bound, when the least latency is asked for", () => {
    const least = demand(minimizeLatency);
    expect(least.isMetBy(follow({ confirmedAt: arrivedAt - maxStalenessMs }), arrivedAt)).toBe(true);
    expect(least.isMetBy(follow({ confirmedAt: arrivedAt - maxStalenessMs - 1 }), arrivedAt)).toBe(false);
    expect(least.isMetBy(follow({ confirmedAt: arrivedAt }), arrivedAt + maxStalenessMs + 1)).toBe(false);
  });
  test("never while the log is not followed", () => {
    for (const consistency of [minimizeLatency, seen(0)]) {
      expect(demand(consistency).isMetBy(new Follow(org, "identity"), arrivedAt)).toBe(false);
    }
  });
  test("when it was confirmed since the question came in, if all of it is asked for", () => {
    const nothing: Consistency = { kind: "at_least_as_fresh", revision: null };
    for (const consistency of [{ kind: "fully_consistent" }, nothing] as const) {
      const full = demand(consistency);
      expect(full.isMetBy(follow({ confirmedAt: arrivedAt }), arrivedAt + 1)).toBe(true);
      expect(full.isMetBy(follow({ confirmedAt: arrivedAt - 1 }), arrivedAt + 1)).toBe(false);
      const late = arrivedAt + maxStalenessMs + 1;
      expect(full.isMetBy(follow({ confirmedAt: arrivedAt }), late)).toBe(false);
    }
  });
  test("when it has come as far as a revision has seen", () => {
    const fresh = follow({ confirmedAt: arrivedAt - 1 });
    expect(demand(seen(5)).isMetBy(fresh, arrivedAt)).toBe(true);
    expect(demand(seen(6)).isMetBy(fresh, arrivedAt)).toBe(false);
    expect(demand(seen(1, { history: historyOf("second") })).isMetBy(fresh, arrivedAt)).toBe(false);
    const stale = follow({ confirmedAt: arrivedAt - maxStalenessMs - 1 });
    expect(demand(seen(5)).isMetBy(stale, arrivedAt)).toBe(false);
  });
  test("whatever the revision says of other owners' logs", () => {
    expect(demand(seen(9, { owner: "groups" })).isMetBy(follow({ confirmedAt: arrivedAt }), arrivedAt)).toBe(
      true,
    );
  });
});

describe("an owner is asked", () => {
  /** Identity's log is followed to its head, confirmed now. */
  async function followed(): Promise<{ world: ReadingWorld; follow: Follow }> {
    const world = new ReadingWorld();
    for (let index = 0; index < 5; index += 1)
      world.owners.identity.commit([[aliceIsMember, { kind: "user" }]]);
    const { identity } = world.follows.of(org, world.now).byOwner;
    await world.follows.confirm(identity, world.now);
    return { world, follow: identity };
  }
  async function callsToMeet(
    { world, follow: one }: Awaited<ReturnType<typeof followed>>,
    consistency: Consistency,
    { later }: { later: number },
  ) {
    const question = new Demand(consistency, world.now, maxStalenessMs);
    world.now += later;
    const { heads, readLog } = world.owners.identity.calls;
    await question.meet(one, world.follows, world.now);
    const { calls } = world.owners.identity;
    return {
      heads: calls.heads - heads,
      readLog: calls.readLog - readLog,
      isMet: question.isMetBy(one, world.now),
    };
  }

  test("nothing while what it confirmed is fresh enough", async () => {
    const at = await followed();
    using _ = at.world;
    expect(await callsToMeet(at, minimizeLatency, { later: maxStalenessMs })).toEqual({
      heads: 0,
      readLog: 0,
      isMet: true,
    });
    const elsewhere = seen(9, { owner: "groups" });
    expect(await callsToMeet(at, elsewhere, { later: 0 })).toEqual({
      heads: 0,
      readLog: 0,
      isMet: true,
    });
  });
  test("for its head, when what it confirmed is too old", async () => {
    const at = await followed();
    using _ = at.world;
    const later = maxStalenessMs + 1;
    expect(await callsToMeet(at, minimizeLatency, { later })).toMatchObject({ heads: 1, isMet: true });
  });
  test("for its head, when its log is not followed yet", async () => {
    using fresh = new ReadingWorld();
    const { identity } = fresh.follows.of(org, fresh.now).byOwner;
    const fromNothing = { world: fresh, follow: identity };
    expect(await callsToMeet(fromNothing, minimizeLatency, { later: 0 })).toMatchObject({
      heads: 1,
      isMet: true,
    });
  });
  test("nothing for a place that has been reached, and that alone is demanded afterwards", async () => {
    const at = await followed();
    using _ = at.world;
    const question = new Demand(seen(5), at.world.now + 1, maxStalenessMs);
    await question.meet(at.follow, at.world.follows, at.world.now + 1);
    expect(question.isMetBy(at.follow, at.world.now + 1)).toBe(true);
  });
  test("for its log, when a revision has seen more", async () => {
    const at = await followed();
    using _ = at.world;
    at.world.owners.identity.commit([[aliceIsMember, null]]);
    expect(await callsToMeet(at, seen(6), { later: 0 })).toMatchObject({
      heads: 0,
      readLog: 1,
      isMet: true,
    });
    expect(at.follow.mark?.app).toBe(6);
  });
  test("for its head, asked for after the question came in, when its log has no such place", async () => {
    const at = await followed();
    using _ = at.world;
    at.world.now += 1;
    for (const lost of [seen(9), seen(1, { history: historyOf("second") })]) {
      const question = new Demand(lost, at.world.now, maxStalenessMs);
      await question.meet(at.follow, at.world.follows, at.world.now);
      expect(question.isMetBy(at.follow, at.world.now)).toBe(false);
      await question.meet(at.follow, at.world.follows, at.world.now);
      expect(question.isMetBy(at.follow, at.world.now)).toBe(true);
      at.world.now += 1;
    }
  });
});
