import { Fault } from "@portcullis/chassis/fault";
import type { CredentialDigest, CredentialId, FactKey, Needs, PrincipalId } from "@portcullis/policy";
import { describe, expect, onTestFinished, test } from "vitest";
import { minimizeLatency } from "../src/freshness.ts";
import { factReads } from "../src/metrics.ts";
import type { Facts } from "../src/reader.ts";
import { decodeRevision, encodeRevision, historyOf } from "../src/revision.ts";
import type { LoadedFact } from "../src/source.ts";
import {
  alice,
  aliceIsMember,
  alicesGroups,
  bob,
  bobIsMember,
  bobsGroups,
  crew,
  maxStalenessMs,
  org,
  project,
  ReadingWorld,
} from "./reading-world.ts";

const user = { kind: "user" } as const;
const here = { parent: null, alsoUnder: [], acls: [] };
const fully = { kind: "fully_consistent" } as const;

function newWorld(options?: ConstructorParameters<typeof ReadingWorld>[0]): ReadingWorld {
  const world = new ReadingWorld(options);
  onTestFinished(() => world[Symbol.dispose]());
  world.owners.identity.commit([[aliceIsMember, user]]);
  world.owners.groups.commit([[alicesGroups, [crew]]]);
  world.owners.grants.commit([[project, here]]);
  return world;
}

/** A point at which a call of an owner can be held up. */
function gate() {
  const { promise: opened, resolve: open } = Promise.withResolvers<void>();
  const { promise: reached, resolve: reach } = Promise.withResolvers<void>();
  return {
    open,
    reached,
    pass: () => {
      reach();
      return opened;
    },
  };
}

describe("what memory holds", () => {
  test("is answered at once, without a promise, and asks nobody", async () => {
    const world = newWorld();
    expect(await world.values([aliceIsMember, alicesGroups, project])).toEqual([user, [crew], here]);
    const before = world.calls;
    const { hit, miss } = factReads.memory;
    const answer = world.read([aliceIsMember, alicesGroups, project]);
    expect(answer).not.toBeInstanceOf(Promise);
    expect(answer).toMatchObject({ result: { values: [user, [crew], here] }, layer: "memory" });
    expect(world.calls).toBe(before);
    // Each was looked at twice, to see whether it is there and what it says.
    expect(factReads.memory).toEqual({ hit: hit + 6, miss });
    await world.values([bobIsMember]);
    expect(factReads.memory).toEqual({ hit: hit + 8, miss: miss + 1 });
  });
  test("is as near as the farthest of the facts that were not there", async () => {
    const beside = (fact: LoadedFact): LoadedFact => ({
      ...fact,
      layer: fact.key.kind === "member" ? "redis" : "owner",
    });
    for (const [keys, layer] of [
      [[aliceIsMember, bobIsMember], "redis"],
      [[aliceIsMember, alicesGroups], "owner"],
      [[alicesGroups, aliceIsMember], "owner"],
    ] as const) {
      expect(await newWorld({ beside }).read(keys)).toMatchObject({ layer });
    }
  });
  test("is answered to one question within another, each as it demands", async () => {
    const world = newWorld();
    await world.values([aliceIsMember, alicesGroups]);
    expect(world.read([aliceIsMember])).not.toBeInstanceOf(Promise);
    world.now += 1;
    const before = world.owners.identity.calls.heads;
    const within = () => expect(world.read([alicesGroups])).toMatchObject({ result: { values: [[crew]] } });
    expect(await world.read([aliceIsMember], fully, within)).toMatchObject({ result: { values: [user] } });
    expect(world.owners.identity.calls.heads).toBe(before + 1);
  });
  test("holds absence too", async () => {
    const world = newWorld();
    expect(await world.values([bobIsMember])).toEqual([null]);
    expect(world.read([bobIsMember])).not.toBeInstanceOf(Promise);
  });
  test("is good through what has been applied, so that other changes do not cost it", async () => {
    const world = newWorld();
    await world.values([aliceIsMember]);
    world.owners.identity.commit([[bobIsMember, user]]);
    world.now += maxStalenessMs + 1;
    await world.values([aliceIsMember]);
    expect(world.owners.identity.calls.load).toBe(1);
  });
  test("is one fact only, also when memory has no room for it", async () => {
    const world = newWorld({ idsMax: 2 });
    const groups = Array.from({ length: 5 }, () => crew);
    world.owners.groups.commit([[alicesGroups, groups]]);
    expect(await world.values([alicesGroups, aliceIsMember, project])).toEqual([groups, user, here]);
  });
});

describe("no fact is used that its owner did not confirm within the bound", () => {
  test("a revocation that nobody announced is in force after the bound", async () => {
    const world = newWorld();
    await world.values([aliceIsMember]);
    world.owners.identity.commit([[aliceIsMember, null]]);
    world.now += maxStalenessMs;
    expect(world.read([aliceIsMember])).toMatchObject({ result: { values: [user] } });
    world.now += 1;
    expect(await world.values([aliceIsMember])).toEqual([null]);
  });
  test("by kind of fact, too", async () => {
    const world = newWorld();
    await world.values([aliceIsMember]);
    world.owners.identity.commit([[aliceIsMember, null]], { byKind: true });
    world.now += maxStalenessMs + 1;
    expect(await world.values([aliceIsMember])).toEqual([null]);
  });
  test("an owner that is down is done without within the bound, and no longer", async () => {
    const world = newWorld();
    await world.values([aliceIsMember]);
    world.owners.identity.isDown = true;
    world.now += maxStalenessMs;
    expect(world.read([aliceIsMember])).toMatchObject({ result: { values: [user] } });
    world.now += 1;
    await expect(world.values([aliceIsMember])).rejects.toMatchObject({ kind: "unavailable" });
    world.owners.identity.isDown = false;
    expect(await world.values([aliceIsMember])).toEqual([user]);
  });
  test("only the owners that a question needs have to answer", async () => {
    const world = newWorld();
    world.owners.tokens.isDown = true;
    world.owners.grants.isDown = true;
    expect(await world.values([aliceIsMember, alicesGroups])).toEqual([user, [crew]]);
    await expect(world.values([project])).rejects.toMatchObject({ kind: "unavailable" });
  });
  test("an answer that the process was stopped over is thrown away", async () => {
    const world = newWorld();
    await world.values([aliceIsMember]);
    let isStopped = false;
    const answer = world.read([aliceIsMember], undefined, () => {
      if (isStopped) return;
      isStopped = true;
      world.owners.identity.commit([[aliceIsMember, null]]);
      world.now += 5000;
    });
    expect((await answer).result.values).toEqual([null]);
  });
  test("nothing is answered without a fact that is there and may not be used now", async () => {
    const world = newWorld();
    await world.values([aliceIsMember]);
    world.now += maxStalenessMs + 1;
    const answer = world.reader.read(org, minimizeLatency, (facts) => ({ member: facts.member(alice) }));
    expect((await answer).result).toEqual({ member: user });
  });
  test("the age of a confirmation counts from before it was asked for", async () => {
    const world = newWorld();
    const late = gate();
    world.owners.identity.after = (call) => (call === "heads" ? late.pass() : undefined);
    const answer = world.values([aliceIsMember]);
    await late.reached;
    world.owners.identity.commit([[aliceIsMember, null]]);
    world.now += maxStalenessMs + 1;
    world.owners.identity.after = () => undefined;
    late.open();
    expect(await answer).toEqual([null]);
  });
  test("organisations in use are confirmed in advance", async () => {
    const world = newWorld({ confirmEveryMs: 5 });
    await world.values([aliceIsMember]);
    world.now += maxStalenessMs / 2;
    const asked = gate();
    world.owners.identity.after = (call) => (call === "heads" ? void asked.pass() : undefined);
    await asked.reached;
    world.owners.identity.after = () => undefined;
    await world.follows.confirm(world.follows.of(org, world.now).byOwner.identity, world.now);
    world.now += maxStalenessMs;
    expect(world.read([aliceIsMember])).not.toBeInstanceOf(Promise);
  });
  test("an owner that was away is known to be back, though nobody asks about anything any more", async () => {
    const world = newWorld({ confirmEveryMs: 5 });
    world.owners.identity.isDown = true;
    await expect(world.values([aliceIsMember])).rejects.toMatchObject({ kind: "unavailable" });
    expect(world.follows.isReachable("identity")).toBe(false);
    world.now += 3_600_000;
    world.owners.identity.isDown = false;
    await expect.poll(() => world.follows.isReachable("identity")).toBe(true);
  });
});

describe("what was read slowly loses against what was committed meanwhile", () => {
  for (const events of [0, 1, 2, 30]) {
    test(`a load is held up between the read and the answer, with ${events} events in between`, async () => {
      const world = newWorld();
      await world.values([bobIsMember]);
      const slow = gate();
      world.owners.identity.after = (call) => (call === "load" ? slow.pass() : undefined);
      const answer = world.values([aliceIsMember]);
      await slow.reached;
      world.owners.identity.after = () => undefined;
      for (let event = 0; event < events; event++) {
        world.owners.identity.commit([[event === 0 ? aliceIsMember : bobIsMember, null]]);
      }
      const { identity } = world.follows.of(org, world.now).byOwner;
      await world.follows.advance(identity, world.owners.identity.head(org));
      slow.open();
      expect(await answer).toEqual([events === 0 ? user : null]);
      expect(world.read([aliceIsMember])).toMatchObject({ result: { values: [events === 0 ? user : null] } });
    });
  }
  test("a tombstone keeps out what was read before it", async () => {
    const world = newWorld();
    const { identity } = world.owners;
    await world.values([aliceIsMember, bobIsMember]);
    const { identity: follow } = world.follows.of(org, world.now).byOwner;
    await world.follows.advance(follow, identity.commit([[aliceIsMember, user]]));
    const slow = gate();
    identity.after = (call) => (call === "load" ? slow.pass() : undefined);
    const answer = world.values([aliceIsMember]);
    await slow.reached;
    identity.after = () => undefined;
    await world.follows.advance(follow, identity.commit([[aliceIsMember, null]]));
    slow.open();
    expect(await answer).toEqual([null]);
    expect(world.read([aliceIsMember])).toMatchObject({ result: { values: [null] } });
  });
  test("a position that was taken after a pull had begun is pulled all the same", async () => {
    const world = newWorld();
    const { identity } = world.owners;
    await world.values([aliceIsMember]);
    const { identity: follow } = world.follows.of(org, world.now).byOwner;
    const early = identity.commit([[aliceIsMember, user]]);
    const slow = gate();
    identity.after = (call) => (call === "readLog" ? slow.pass() : undefined);
    const first = world.follows.advance(follow, early);
    await slow.reached;
    const second = world.follows.advance(follow, identity.commit([[aliceIsMember, null]]));
    slow.open();
    expect([await first, await second]).toEqual([true, true]);
    expect(follow.mark?.app).toBe(identity.head(org));
  });
  test("a log is pulled to its end, page by page", async () => {
    const world = newWorld();
    const { identity } = world.owners;
    await world.values([aliceIsMember]);
    identity.logPage = 3;
    for (let event = 0; event < 10; event++) identity.commit([[bobIsMember, user]]);
    identity.commit([[aliceIsMember, null]]);
    world.now += 1;
    expect(await world.values([aliceIsMember], fully)).toEqual([null]);
    expect(identity.calls.readLog).toBe(4);
  });
  test("a doorbell takes effect at once, however far ahead or behind it rings", async () => {
    const world = newWorld();
    await world.values([aliceIsMember]);
    const position = world.owners.identity.commit([[aliceIsMember, null]]);
    const { identity } = world.follows.of(org, world.now).byOwner;
    for (const rung of [1, position, position + 1_000_000, position, 0, -1]) {
      world.follows.hear("identity", org, rung);
    }
    await world.follows.advance(identity, position);
    expect(await world.values([aliceIsMember])).toEqual([null]);
    expect(identity.mark?.app).toBe(position);
  });
});

describe("the moment of what says who may do what", () => {
  const all = [aliceIsMember, alicesGroups, project];
  const sayers = ["identity", "groups", "grants"] as const;
  const momentIn = (world: ReadingWorld) =>
    world.reader.read(org, minimizeLatency, (facts) => ({ moment: facts.moment() }));

  /** A world in which all was confirmed, and the log of this owner longer ago than the others. */
  async function worldBehind(behind: (typeof sayers)[number]): Promise<ReadingWorld> {
    const world = newWorld();
    await world.values(all);
    world.now += maxStalenessMs;
    const { byOwner } = world.follows.of(org, world.now);
    const others = sayers.filter((owner) => owner !== behind);
    await Promise.all(others.map((owner) => world.follows.confirm(byOwner[owner], world.now)));
    return world;
  }

  test("stays the same until one of their logs is seen to have moved, whatever others do", async () => {
    const world = newWorld();
    await world.values(all);
    const { moment } = await world.read(all);
    expect(await momentIn(world)).toMatchObject({ result: { moment } });
    world.owners.tokens.commit([[{ kind: "credential", org, digest: "d1" as CredentialDigest }, null]]);
    world.now += 1;
    expect((await world.read(all, fully)).moment).toBe(moment);
    for (const [owner, commit] of [
      ["identity", () => world.owners.identity.commit([[bobIsMember, null]])],
      ["groups", () => world.owners.groups.commit([[bobsGroups, []]])],
      ["grants", () => world.owners.grants.commit([[project, here]])],
    ] as const) {
      const before = (await world.read(all)).moment;
      await world.follows.advance(world.follows.of(org, world.now).byOwner[owner], commit());
      const after = (await world.read(all)).moment;
      expect(after).not.toBe(before);
      expect(after).not.toEqual(before);
    }
  });
  test.each(sayers)("is none while the log of %s may not be used", async (behind) => {
    const world = await worldBehind(behind);
    expect(await momentIn(world)).not.toMatchObject({ result: { moment: null } });
    world.now += 1;
    expect(await momentIn(world)).toMatchObject({ result: { moment: null } });
  });
  test.each(sayers)("is used only while the log of %s may be used", async (behind) => {
    const world = await worldBehind(behind);
    const { heads } = world.owners[behind].calls;
    let isStopped = false;
    const answer = await world.reader.read(org, minimizeLatency, (facts) => {
      facts.useMoment();
      if (!isStopped) world.now += 1;
      isStopped = true;
      return {};
    });
    expect(world.owners[behind].calls.heads).toBe(heads + 1);
    expect(answer.moment[behind]).not.toBeNull();
  });
});

test("facts of every kind are found, near and far", async () => {
  const object = { type: "project", id: project.object.id } as const;
  const subject = { kind: "principal", id: alice } as const;
  const keys: readonly FactKey[] = [
    aliceIsMember,
    alicesGroups,
    { kind: "groups", org },
    { kind: "roles", org },
    project,
    { kind: "parents", org, object },
    { kind: "acls", org, object },
    { kind: "acls_naming", org, object, subject },
    { kind: "credential", org, digest: "d1" as CredentialDigest },
  ];
  for (const idsMax of [10_000, 1]) {
    const world = newWorld({ idsMax });
    const index = { has: expect.any(Function) };
    expect(await world.values(keys)).toEqual([
      user,
      [crew],
      expect.objectContaining(index),
      expect.objectContaining(index),
      here,
      null,
      null,
      [],
      null,
    ]);
    expect(world.read(keys) instanceof Promise).toBe(idsMax === 1);
  }
});

describe("the facts of one owner held together", () => {
  test("a fact that was read before and one that began after are never seen as one", async () => {
    for (const isAliceFirst of [true, false]) {
      const world = newWorld();
      await world.values([aliceIsMember]); // alice is a member, bob is not
      world.owners.identity.commit([[aliceIsMember, null]]);
      world.owners.identity.commit([[bobIsMember, user]]);
      const [keys, values] = isAliceFirst
        ? [
            [aliceIsMember, bobIsMember],
            [null, user],
          ]
        : [
            [bobIsMember, aliceIsMember],
            [user, null],
          ];
      expect(await world.values(keys)).toEqual(values);
    }
  });
  test("also when one question reads both, with the changes in between", async () => {
    const world = newWorld();
    let isFirst = true;
    world.owners.identity.after = (call) => {
      if (call !== "load" || !isFirst) return;
      isFirst = false;
      world.owners.identity.commit([[aliceIsMember, null]]);
      world.owners.identity.commit([[bobIsMember, user]]);
    };
    const answer = await world.reader.read(org, { kind: "minimize_latency" }, (facts) => {
      const first = facts.member(alice);
      if (first === undefined) return { kind: "needs", keys: [aliceIsMember] };
      const second = facts.member(bob);
      if (second === undefined) return { kind: "needs", keys: [bobIsMember] };
      return { values: [first, second] };
    });
    expect(answer.result).not.toEqual({ values: [user, user] });
    expect(answer.result).toEqual({ values: [null, user] });
  });
});

test("a head that the log can't be followed to confirms nothing", async () => {
  const world = newWorld();
  await world.values([aliceIsMember]);
  world.owners.identity.commit([[aliceIsMember, null]]);
  world.owners.identity.readLog = () => Promise.resolve({ incarnation: "first", head: 1, entries: [] });
  world.now += maxStalenessMs + 1;
  await expect(world.values([aliceIsMember])).rejects.toMatchObject({ kind: "unavailable" });
});

describe("at least as fresh as a revision", () => {
  const seenIdentity = (position: number, incarnation = "first") =>
    ({
      kind: "at_least_as_fresh",
      revision: { org, seen: [{ owner: "identity", history: historyOf(incarnation), position }] },
    }) as const;

  test("one sees what one has written", async () => {
    const world = newWorld();
    await world.values([aliceIsMember]);
    const position = world.owners.identity.commit([[aliceIsMember, null]]);
    expect(await world.values([aliceIsMember])).toEqual([user]);
    expect(await world.values([aliceIsMember], seenIdentity(position))).toEqual([null]);
  });
  test("what is fresh enough already asks nobody", async () => {
    const world = newWorld();
    const { revision } = await world.read([aliceIsMember]);
    const before = world.calls;
    const consistency = { kind: "at_least_as_fresh", revision: decodeRevision(revision) } as const;
    expect(world.read([aliceIsMember], consistency)).not.toBeInstanceOf(Promise);
    expect(world.calls).toBe(before);
  });
  test.each([
    ["a position that the log has not got to", seenIdentity(1000)],
    ["another history", seenIdentity(1, "lost")],
    ["a token that can't be read", { kind: "at_least_as_fresh", revision: null } as const],
  ])("%s is answered as fully consistent", async (_what, consistency) => {
    const world = newWorld();
    await world.values([aliceIsMember]);
    world.owners.identity.commit([[aliceIsMember, null]]);
    world.now += 1;
    expect(await world.values([aliceIsMember], consistency)).toEqual([null]);
  });
  test("a token of very many places that the log does not have costs one look at it", async () => {
    const world = newWorld();
    await world.values([aliceIsMember]);
    world.now += 1;
    const seen = Array.from({ length: 64 }, (_, index) => seenIdentity(1000 + index).revision.seen).flat();
    const revision = { org, seen };
    const { heads, readLog } = world.owners.identity.calls;
    expect(await world.values([aliceIsMember], { kind: "at_least_as_fresh", revision })).toEqual([user]);
    expect(world.owners.identity.calls).toMatchObject({ heads: heads + 1, readLog: readLog + 1 });
  });
  test("other owners are not asked for it", async () => {
    const world = newWorld();
    await world.values([alicesGroups]);
    const before = world.owners.groups.calls.heads + world.owners.groups.calls.readLog;
    expect(await world.values([alicesGroups], seenIdentity(1))).toEqual([[crew]]);
    expect(world.owners.groups.calls.heads + world.owners.groups.calls.readLog).toBe(before);
  });
  test("an answer's revision is as far as what it has seen", async () => {
    const world = newWorld();
    const first = await world.read([aliceIsMember, alicesGroups]);
    expect(decodeRevision(first.revision)?.seen).toEqual([
      { owner: "identity", history: historyOf("first"), position: 1 },
      { owner: "groups", history: historyOf("first"), position: 1 },
    ]);
    world.owners.identity.commit([[aliceIsMember, null]]);
    world.now += 1;
    const second = await world.read([aliceIsMember], fully);
    expect(decodeRevision(second.revision)?.seen[0]).toMatchObject({ owner: "identity", position: 2 });
    expect(encodeRevision(decodeRevision(second.revision) ?? { org, seen: [] })).toBe(second.revision);
  });
});

test("whoever is refused is told so, at once where memory has all facts", async () => {
  const world = newWorld();
  const refuse = (facts: Facts): Needs => {
    if (facts.member(bob) === undefined) return { kind: "needs", keys: [bobIsMember] };
    throw new Fault("unauthenticated", "nobody");
  };
  await expect(world.reader.read(org, minimizeLatency, refuse)).rejects.toThrow("nobody");
  expect(() => world.reader.read(org, minimizeLatency, refuse)).toThrow("nobody");
});

test("what the log of an owner came after is nothing to a question that does not use it", async () => {
  const world = newWorld();
  await world.values([aliceIsMember, project]);
  world.now += 1;
  const position = world.owners.identity.commit([[bobIsMember, user]]);
  const dependsOn = [{ owner: "identity", place: { incarnation: "first", position } }] as const;
  const { grants } = world.follows.of(org, world.now).byOwner;
  await world.follows.advance(grants, world.owners.grants.commit([[project, null]], { dependsOn }));
  expect(world.read([aliceIsMember])).not.toBeInstanceOf(Promise);
  expect(world.read([aliceIsMember, project])).toBeInstanceOf(Promise);
});

test("nobody is refused over facts that an answer could not be made of", async () => {
  const world = newWorld();
  const key = { kind: "credential", org, digest: "d1" as CredentialDigest } as const;
  await world.values([bobIsMember, key]);
  world.now += 1;
  // Bob comes back and gets a key, and whoever asks has seen of that no more than the key.
  const position = world.owners.identity.commit([[bobIsMember, user]]);
  const dependsOn = [{ owner: "identity", place: { incarnation: "first", position } }] as const;
  const credential = {
    id: "c1" as CredentialId,
    kind: "api_key",
    principal: bob,
    expiresAtMs: null,
    scope: null,
  } as const;
  const made = world.owners.tokens.commit([[key, credential]], { dependsOn });
  const seen = [{ owner: "tokens", history: historyOf("first"), position: made }] as const;
  const answer = world.reader.read(
    org,
    { kind: "at_least_as_fresh", revision: { org, seen } },
    (facts): { readonly holder: PrincipalId } | Needs => {
      const shown = facts.credential(key.digest);
      if (shown === undefined) return { kind: "needs", keys: [key] };
      const member = shown === null ? null : facts.member(shown.principal);
      if (member === undefined) return { kind: "needs", keys: [bobIsMember] };
      if (shown === null || member === null) throw new Fault("unauthenticated", "nobody");
      return { holder: shown.principal };
    },
  );
  expect((await answer).result).toEqual({ holder: bob });
});

describe("fully consistent", () => {
  test("sees what was committed before it was asked", async () => {
    const world = newWorld();
    await world.values([aliceIsMember, alicesGroups]);
    world.owners.identity.commit([[aliceIsMember, null]]);
    world.owners.groups.commit([[alicesGroups, []]]);
    world.now += 1;
    expect(await world.values([aliceIsMember, alicesGroups], fully)).toEqual([null, []]);
  });
  test("does not join a confirmation that was asked for before", async () => {
    const world = newWorld();
    await world.values([aliceIsMember]);
    const slow = gate();
    world.owners.identity.after = (call) => (call === "heads" ? slow.pass() : undefined);
    world.now += maxStalenessMs + 1;
    const early = world.values([aliceIsMember]);
    await slow.reached;
    world.owners.identity.after = () => undefined;
    world.owners.identity.commit([[aliceIsMember, null]]);
    world.now += 1;
    const late = world.values([aliceIsMember], fully);
    expect(await late).toEqual([null]);
    slow.open();
    await early;
  });
  test("is unavailable when an owner that it needs is", async () => {
    const world = newWorld();
    await world.values([aliceIsMember]);
    world.owners.identity.isDown = true;
    world.now += 1;
    await expect(world.values([aliceIsMember], fully)).rejects.toMatchObject({ kind: "unavailable" });
    expect(world.read([aliceIsMember])).toMatchObject({ result: { values: [user] } });
  });
});

describe("another history", () => {
  test("voids what was known of the last one, though its positions look the same", async () => {
    const world = newWorld();
    world.owners.identity.commit([[bobIsMember, user]]);
    expect(await world.values([aliceIsMember, bobIsMember])).toEqual([user, user]);
    world.owners.identity.failOver(org, 1, "second");
    world.owners.identity.commit([[aliceIsMember, null]]);
    world.now += maxStalenessMs + 1;
    expect(await world.values([aliceIsMember, bobIsMember])).toEqual([null, null]);
  });
  test("that a load meets first makes the heads be asked for again", async () => {
    const world = newWorld();
    await world.values([aliceIsMember]);
    world.owners.identity.failOver(org, 0, "second");
    expect(await world.values([aliceIsMember, bobIsMember])).toEqual([null, null]);
  });
  test("that a pull meets first makes them be asked for again, too", async () => {
    const world = newWorld();
    await world.values([aliceIsMember]);
    world.owners.identity.failOver(org, 0, "second");
    const { identity } = world.follows.of(org, world.now).byOwner;
    expect(
      await world.follows.advance(identity, world.owners.identity.commit([[bobIsMember, user]]) + 1),
    ).toBe(false);
    expect(await world.values([aliceIsMember])).toEqual([null]);
  });
  test("and a log that went back without saying so is begun anew", async () => {
    const world = newWorld();
    world.owners.identity.commit([[bobIsMember, user]]);
    await world.values([aliceIsMember, bobIsMember]);
    world.owners.identity.failOver(org, 1, "first");
    world.now += maxStalenessMs + 1;
    expect(await world.values([aliceIsMember, bobIsMember])).toEqual([user, null]);
  });
  test("a load under way falls with the history in which it was read", async () => {
    const world = newWorld();
    await world.values([bobIsMember]);
    const slow = gate();
    world.owners.identity.after = (call) => (call === "load" ? slow.pass() : undefined);
    const answer = world.values([aliceIsMember]);
    await slow.reached;
    world.owners.identity.after = () => undefined;
    world.owners.identity.failOver(org, 0, "second");
    world.now += 1;
    await world.values([bobIsMember], fully);
    slow.open();
    expect(await answer).toEqual([null]);
    expect(world.read([aliceIsMember])).toMatchObject({ result: { values: [null] } });
  });
  test("voids also what the question under way has read itself", async () => {
    const world = newWorld();
    const { identity } = world.owners;
    identity.before = (call) => {
      if (call !== "load" || identity.calls.load !== 2) return;
      identity.failOver(org, 0, "second");
      world.now += 1;
    };
    const answer = await world.reader.read(org, { kind: "minimize_latency" }, (facts) => {
      const first = facts.member(alice);
      if (first === undefined) return { kind: "needs", keys: [aliceIsMember] };
      const second = facts.member(bob);
      if (second === undefined) return { kind: "needs", keys: [bobIsMember] };
      return { values: [first, second] };
    });
    expect(answer.result).toEqual({ values: [null, null] });
  });
  test("far behind, the log is not read but begun anew", async () => {
    const world = newWorld();
    await world.values([aliceIsMember]);
    for (let event = 0; event < 10_100; event++) world.owners.identity.commit([[bobIsMember, user]]);
    world.now += maxStalenessMs + 1;
    expect(await world.values([aliceIsMember])).toEqual([user]);
    expect(world.owners.identity.calls.readLog).toBe(0);
  });
});

describe("what lay beside a fact that was loaded", () => {
  /** A world where Alice's groups lie beside whether she is a member, and which has seen both logs. */
  async function worldWith(
    given: Partial<LoadedFact>,
    {
      known = [{ kind: "groups", org }, bobIsMember],
      ...options
    }: { known?: FactKey[]; idsMax?: number } = {},
  ): Promise<ReadingWorld> {
    const beside = (fact: LoadedFact): LoadedFact => {
      const groups = { key: alicesGroups, lo: 1, hi: 1, value: [crew], incarnation: "first" };
      return fact.key.kind === "member" ? { ...fact, next: { ...groups, layer: "redis", ...given } } : fact;
    };
    const world = newWorld({ beside, ...options });
    await world.values(known);
    return world;
  }

  /** Asks for Alice's groups once it is known that she is a member. */
  async function groupsOfMember(world: ReadingWorld): Promise<unknown> {
    const { result } = await world.reader.read(org, { kind: "minimize_latency" }, (facts) => {
      if (facts.member(alice) === undefined) return { kind: "needs", keys: [aliceIsMember] };
      const groups = facts.memberships(alice);
      return groups === undefined ? { kind: "needs", keys: [alicesGroups] } : { groups };
    });
    return "groups" in result ? result.groups : undefined;
  }

  test.each([10_000, 1])("need not be loaded, with room for %i ids in memory", async (idsMax) => {
    const world = await worldWith({}, { idsMax });
    const { load } = world.owners.groups.calls;
    expect(await groupsOfMember(world)).toEqual([crew]);
    expect(world.owners.groups.calls.load).toBe(load);
  });
  test("is let lie where the log that it is of is not followed yet", async () => {
    const world = await worldWith({}, { known: [bobIsMember] });
    expect(await groupsOfMember(world)).toEqual([crew]);
    expect(world.owners.groups.calls.load).toBe(1);
  });
  test("is loaded all the same when it may have changed since it was read", async () => {
    const world = await worldWith({});
    world.owners.groups.commit([[alicesGroups, []]]);
    world.now += maxStalenessMs + 1;
    expect(await groupsOfMember(world)).toEqual([]);
  });
  test("is loaded all the same when it is of another history, which is no reason to doubt one's own", async () => {
    const world = await worldWith({ incarnation: "second", value: [] });
    const { heads } = world.owners.groups.calls;
    expect(await groupsOfMember(world)).toEqual([crew]);
    expect(world.owners.groups.calls.heads).toBe(heads);
  });
});

describe("loads", () => {
  const members = (count: number) =>
    Array.from({ length: count }, (_, index): FactKey => {
      const principal = `0190a000-0000-7000-8000-${String(index).padStart(12, "0")}` as PrincipalId;
      return { kind: "member", org, principal };
    });

  test("of one fact are one load, and of one tick are loaded together", async () => {
    const world = newWorld();
    await world.values([bobIsMember]);
    world.owners.identity.loadSizes.length = 0;
    await Promise.all(
      members(50).flatMap((key) => [world.values([key]), world.values([key, aliceIsMember])]),
    );
    expect(world.owners.identity.loadSizes).toEqual([51]);
  });
  test("ask for no more facts at once than an owner takes", async () => {
    const world = newWorld();
    expect(await world.values(members(2500))).toHaveLength(2500);
    expect(world.owners.identity.loadSizes).toEqual([1000, 1000, 500]);
  });
  test("take along what is needed next", async () => {
    const world = newWorld();
    await world.values([bobIsMember, alicesGroups]);
    expect(await world.first([aliceIsMember], [bobsGroups])).toEqual([user]);
    expect(world.read([bobsGroups])).not.toBeInstanceOf(Promise);
  });
  test("do not fail for what is not needed yet", async () => {
    const world = newWorld();
    await world.values([bobIsMember, alicesGroups]);
    world.owners.groups.isDown = true;
    expect(await world.first([aliceIsMember], [bobsGroups, project])).toEqual([user]);
    await expect(world.values([bobsGroups])).rejects.toMatchObject({ kind: "unavailable" });
  });
  test("are tried twice", async () => {
    const world = newWorld();
    await world.values([bobIsMember]);
    world.owners.identity.before = (call) => {
      world.owners.identity.isDown = call === "load" && world.owners.identity.calls.load === 2;
    };
    expect(await world.values([aliceIsMember])).toEqual([user]);
  });
  test("of a slow owner are limited; who comes beyond that is told so", async () => {
    const world = newWorld();
    await world.values([bobIsMember]);
    const slow = gate();
    world.owners.identity.before = (call) => (call === "load" ? slow.pass() : undefined);
    const answers: Promise<unknown>[] = [];
    for (const key of members(65)) {
      answers.push(world.values([key]).catch((error: unknown) => error));
      await new Promise((resolve) => setImmediate(resolve));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await answers.at(-1)).toMatchObject({ kind: "exhausted" });
    slow.open();
    expect((await Promise.all(answers)).slice(0, 64)).toEqual(Array.from({ length: 64 }, () => [null]));
  });
  test("that failed fail for who began them, and are tried again for who joined", async () => {
    const world = newWorld();
    await world.values([bobIsMember]);
    const slow = gate();
    world.owners.identity.before = (call) => {
      if (call !== "load") return undefined;
      world.owners.identity.isDown = world.owners.identity.calls.load <= 3;
      return world.owners.identity.calls.load === 2 ? slow.pass() : undefined;
    };
    const leader = world.values([aliceIsMember]);
    await slow.reached;
    const joiner = world.values([aliceIsMember]);
    slow.open();
    await expect(leader).rejects.toMatchObject({ kind: "unavailable" });
    expect(await joiner).toEqual([user]);
  });
  test("go on for the others when one who waits goes away", async () => {
    const world = newWorld();
    await world.values([bobIsMember]);
    const slow = gate();
    world.owners.identity.before = (call) => (call === "load" ? slow.pass() : undefined);
    const away = new AbortController();
    const needs = () => ({ kind: "needs", keys: [aliceIsMember, alicesGroups] }) as const;
    const leaver = world.reader.read(org, { kind: "minimize_latency" }, needs, { signal: away.signal });
    await slow.reached;
    const stayer = world.values([aliceIsMember]);
    away.abort(new Error("gone"));
    slow.open();
    await expect(leaver).rejects.toThrow("gone");
    expect(await stayer).toEqual([user]);
  });
  test("end: facts that change faster than they can be read make a question unavailable", async () => {
    const world = newWorld();
    world.owners.identity.after = (call) => {
      if (call !== "load") return undefined;
      const position = world.owners.identity.commit([[aliceIsMember, user]]);
      return world.follows
        .advance(world.follows.of(org, world.now).byOwner.identity, position)
        .then(() => undefined);
    };
    await expect(world.values([aliceIsMember])).rejects.toMatchObject({
      kind: "unavailable",
      message: "the facts can't be had fresh enough",
      retryAfterMs: 1000,
    });
  });
});
