import { setTimeout as delay } from "node:timers/promises";
import { newCredential } from "@portcullis/credential";
import {
  type CredentialDigest,
  type CredentialId,
  type ObjectId,
  type ObjectRef,
  type OrgId,
  organizationFace,
  type PrincipalId,
} from "@portcullis/policy";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Decision, hold, maxStalenessMs, until, World } from "./world.ts";

let world: World;
let decision: Decision;

beforeEach(async () => {
  world = await World.make();
  decision = await world.decision();
});
afterEach(() => world[Symbol.asyncDispose]());

const fully = { kind: { $case: "fullyConsistent", value: {} } } as const;

/** Waits until every answer that comes was judged by facts confirmed after now. */
const boundPasses = () => delay(maxStalenessMs);

describe("in normal running", () => {
  test("all of a Check is read in two rounds, though a credential says who is asked about", async () => {
    expect(await world.allowed(decision)).toBe(true);
    const { org } = world;
    const { secret, digest } = newCredential("api_key", org);
    const principal = crypto.randomUUID() as PrincipalId;
    const credential = { id: crypto.randomUUID() as CredentialId, kind: "api_key", principal } as const;
    const project: ObjectRef = { type: "project", id: crypto.randomUUID() as ObjectId };
    const experiment: ObjectRef = { type: "experiment", id: crypto.randomUUID() as ObjectId };
    const { tokens, identity, groups, grants } = world.owners;
    tokens.commit([
      [
        { kind: "credential", org, digest },
        { ...credential, expiresAtMs: null, scope: null },
      ],
    ]);
    grants.commit([
      [world.accessKey(experiment), { parent: project, alsoUnder: [], acls: [] }],
      [world.accessKey(project), { parent: organizationFace("org_project", org), alsoUnder: [], acls: [] }],
    ]);
    const question = {
      ...world.question(),
      orgId: "",
      who: { $case: "credential", value: secret },
      what: { $case: "object", value: { ...experiment } },
    } as const;
    const loads = [
      hold(identity, "load", "before"),
      hold(groups, "load", "before"),
      hold(grants, "load", "before", (keys) =>
        keys.some((key) => key.kind === "access" && key.object.id === project.id),
      ),
    ];
    const answer = decision.stub.check(question);
    // Each of these is under way while the others are.
    await Promise.all(loads.map((held) => held.reached));
    for (const held of loads) held.open();
    await expect(answer).rejects.toMatchObject({ kind: "unauthenticated" });
  });
  test("what one process has read, another finds in redis", async () => {
    expect(await world.allowed(decision)).toBe(true);
    await world.warmRedis();
    const { calls } = world.owners.grants;
    // Redis is not waited for on a busy machine, so that one may have to look again.
    await until(async () => {
      const loads = calls.load;
      const other = await world.decision();
      expect(await world.allowed(other)).toBe(true);
      await other.stop();
      return calls.load === loads;
    });
  });
  test("a change that is announced is in force in all processes without anybody asking for it", async () => {
    const other = await world.decision();
    for (const each of [decision, other]) expect(await world.allowed(each)).toBe(true);
    for (const owner of ["identity", "groups", "grants"] as const) {
      for (const isAllowed of [false, true]) {
        await world.ring(owner, world.set(owner, isAllowed));
        for (const each of [decision, other])
          await until(async () => (await world.allowed(each)) === isAllowed);
      }
    }
  });
  test("jobs leave nothing behind", async () => {
    await world.allowed(decision);
    await world.ring("identity", world.set("identity", false));
    const jobs = () => world.queue.getJobCountByTypes("waiting", "active", "completed", "failed");
    await until(async () => (await jobs()) === 0);
    expect(await jobs()).toBe(0);
  });
});

describe("without any doorbell", () => {
  test("a change is in force after the bound", async () => {
    expect(await world.allowed(decision)).toBe(true);
    for (const owner of ["identity", "groups", "grants"] as const) {
      world.set(owner, false);
      await boundPasses();
      expect(await world.allowed(decision)).toBe(false);
      world.set(owner, true);
      await boundPasses();
      expect(await world.allowed(decision)).toBe(true);
    }
  });
  test("redis follows when somebody reads from it and finds it behind", async () => {
    await world.warmRedis();
    world.set("grants", false);
    const other = await world.decision();
    expect(await world.allowed(other, fully)).toBe(false);
    const head = String(world.owners.grants.head(world.org));
    await until(async () => (await world.redis.hget(world.marksKey, "app:grants")) === head);
    expect(await world.allowed(await world.decision())).toBe(false);
  });
});

test("doorbells that come twice, late, in any order, or name no place are harmless", async () => {
  expect(await world.allowed(decision)).toBe(true);
  const positions = [false, true, false, true, false].map((isAllowed) => world.set("identity", isAllowed));
  const last = positions.at(-1) ?? 0;
  for (const [index, position] of [last, ...positions.toReversed(), last + 1_000_000, 0].entries()) {
    await world.ring("identity", position, `again-${index}`);
  }
  await world.queue.add("identity", { owner: "weather", org: world.org, position: 1 });
  await world.queue.add("identity", { owner: "identity", org: "{evil}", position: 1 });
  await until(async () => !(await world.allowed(decision)));
  await until(async () => (await world.queue.getJobCountByTypes("waiting", "active")) === 0);
  expect(await world.redis.hget(world.marksKey, "app:identity")).toBe(String(last));
  expect(decision.said).toContain("a doorbell that names no place in a log was ignored");
});

describe("a loader that is slow to fill loses against an invalidation", () => {
  for (const events of [0, 1, 5]) {
    for (const isTombstoneLost of [false, true]) {
      test(`${events} events in between, tombstone ${isTombstoneLost ? "lost" : "kept"}`, async () => {
        await world.warmRedis();
        await world.redis.del(...(await world.registerKeys()));
        const slow = await world.decision();
        const held = world.holdProject();
        const answer = world.allowed(slow);
        await held.reached;
        let isAllowed = true;
        for (let event = 0; event < events; event++) {
          isAllowed = event % 2 === 1;
          await world.ring("grants", world.set("grants", isAllowed));
        }
        const head = String(world.owners.grants.head(world.org));
        await until(async () => (await world.redis.hget(world.marksKey, "app:grants")) === head);
        if (isTombstoneLost) await world.redis.del(...(await world.registerKeys()), "nothing");
        held.open();
        await answer;
        await boundPasses();
        // Whoever reads from redis now must not find what the slow one has read.
        const fresh = await world.decision();
        expect(await world.allowed(fresh)).toBe(isAllowed);
        expect(await world.allowed(slow)).toBe(isAllowed);
      });
    }
  }
});

describe("redis", () => {
  test("flushed while facts are loaded: what comes back late is not believed", async () => {
    await world.allowed(decision);
    const slow = await world.decision();
    await world.redis.del(...(await world.registerKeys()), "nothing");
    const held = world.holdProject();
    const answer = world.allowed(slow);
    await held.reached;
    await world.redis.flushdb();
    world.set("grants", false);
    const other = await world.decision();
    const reads = other.stub.check(world.question());
    await delay(20);
    held.open();
    await Promise.all([answer, reads]);
    await boundPasses();
    for (const each of [decision, slow, other, await world.decision()])
      expect(await world.allowed(each)).toBe(false);
  });
  test("without its watermarks vouches for nothing", async () => {
    await world.warmRedis();
    await world.redis.del(world.marksKey);
    world.set("grants", false);
    // It begins anew at the new head, while the old registers are still there.
    const first = await world.decision();
    expect(await world.allowed(first)).toBe(false);
    await until(async () => (await world.redis.hexists(world.marksKey, "gen:grants")) === 1);
    expect(await world.allowed(await world.decision())).toBe(false);
  });
  test("gone: owners are asked; back and empty: it is used again", async () => {
    expect(await world.allowed(decision)).toBe(true);
    world.gate.cut();
    world.set("identity", false);
    await boundPasses();
    expect(await world.allowed(decision)).toBe(false);
    const started = await world.decision();
    expect(await world.allowed(started)).toBe(false);
    expect(started.said).toContain("redis is away; owners are asked until it comes");
    await world.redis.flushdb();
    await world.redis.script("FLUSH");
    world.gate.open();
    world.set("identity", true);
    await boundPasses();
    expect(await world.allowed(decision)).toBe(true);
    // Facts that are read from now on are kept again.
    await until(async () => {
      const { org } = world;
      await decision.stub.check({
        ...world.question(),
        who: { $case: "principalId", value: crypto.randomUUID() },
      });
      return (await world.redis.keys(`pc2:{${org}}:f:member*`)).length > 0;
    });
  });
  test("slow: it is left alone after a few tries, and used again when it is well", async () => {
    expect(await world.allowed(decision)).toBe(true);
    world.gate.stall();
    const stranger = () => ({
      ...world.question(),
      who: { $case: "principalId", value: crypto.randomUUID() } as const,
    });
    await until(async () => {
      expect((await decision.stub.check(stranger())).allowed).toBe(false);
      return decision.said.includes("redis fails or is slow; owners are asked instead");
    });
    world.set("identity", false);
    await boundPasses();
    expect(await world.allowed(decision)).toBe(false);
    world.gate.open();
    await until(async () => {
      await decision.stub.check(stranger());
      return decision.said.includes("redis works again");
    });
  });
  test("that is missing at the start is done without", async () => {
    world.gate.cut();
    const lonely = await world.decision();
    expect(await world.allowed(lonely)).toBe(true);
    world.set("grants", false);
    await boundPasses();
    expect(await world.allowed(lonely)).toBe(false);
    world.gate.open();
    await until(async () => {
      await lonely.stub.check({
        ...world.question(),
        who: { $case: "principalId", value: crypto.randomUUID() },
      });
      return (await world.registerKeys()).length > 0;
    });
  });
  test("is not filled with what strangers make up", async () => {
    // Who follows the organisation looks ahead.
    expect(await world.allowed(decision)).toBe(true);
    await world.warmRedis();
    const digest = "f".repeat(64) as CredentialDigest;
    world.owners.tokens.commit([[{ kind: "credential", org: world.org, digest }, null]]);
    const before = (await world.redis.keys("pc2:*")).length;
    const made = Array.from({ length: 20 }, () => crypto.randomUUID() as OrgId);
    for (const org of [world.org, ...made]) {
      const { secret } = newCredential("service_token", org);
      const question = {
        ...world.question(),
        orgId: "",
        who: { $case: "credential", value: secret },
        what: { $case: "object", value: { type: "experiment", id: crypto.randomUUID() } },
      } as const;
      await expect(decision.stub.check(question)).rejects.toMatchObject({ kind: "unauthenticated" });
      const nowhere = { ...world.question(), orgId: org, who: { $case: "principalId", value: org } } as const;
      if (org !== world.org) expect(await decision.stub.check(nowhere)).toMatchObject({ allowed: false });
    }
    await world.warmRedis();
    expect(await world.redis.keys("pc2:*")).toHaveLength(before);
  });
});

describe("an owner", () => {
  for (const owner of ["identity", "groups", "grants"] as const) {
    test(`${owner} that is down: the cache answers within the bound, and nobody after it`, async () => {
      expect(await world.allowed(decision)).toBe(true);
      world.owners[owner].isDown = true;
      world.set(owner, false);
      const down = performance.now();
      let allows = 0;
      await until(async () => {
        const asked = performance.now();
        const answer = await world.allowed(decision).catch((error: unknown) => error);
        if (answer !== true) {
          expect(answer).toMatchObject({ kind: "unavailable" });
          return true;
        }
        // What was confirmed last was so before it went down.
        expect(asked - down).toBeLessThanOrEqual(maxStalenessMs);
        allows += 1;
        return false;
      });
      expect(allows).toBeGreaterThan(0);
      await expect(world.allowed(decision)).rejects.toMatchObject({ kind: "unavailable" });
      await until(() => decision.said.some((line) => line.startsWith("an owner can't be asked")));
      world.owners[owner].isDown = false;
      await until(async () => (await world.allowed(decision).catch(() => null)) === false);
      expect(decision.said).toContain("an owner can be asked again");
    });
  }
  test("that hangs is not waited for, and nothing is allowed for its sake", async () => {
    expect(await world.allowed(decision)).toBe(true);
    const held = hold(world.owners.groups, "heads", "before");
    await held.reached;
    await delay(2 * maxStalenessMs);
    await expect(world.allowed(decision)).rejects.toMatchObject({ kind: "unavailable" });
    held.open();
    await until(async () => await world.allowed(decision).catch(() => false));
  });
  test("whose database lost its last commits: nothing of the lost history is used after the bound", async () => {
    world.set("grants", false);
    world.set("grants", true);
    const kept = world.owners.grants.head(world.org) - 1;
    expect(await world.allowed(decision)).toBe(true);
    await world.warmRedis();
    world.owners.grants.failOver(world.org, kept, "second");
    world.owners.grants.commit([[world.accessKey({ ...world.project, id: world.experiment.id }), null]]);
    await boundPasses();
    expect(await world.allowed(decision)).toBe(false);
    expect(await world.allowed(await world.decision())).toBe(false);
    expect(decision.said).toContain("a log began anew; its facts are void");
  });
});

describe("a revision", () => {
  const atLeast = (value: string) => ({ kind: { $case: "atLeastAsFresh", value } }) as const;

  test("of an answer is never gone back behind, in any process", async () => {
    const other = await world.decision();
    await world.allowed(other);
    world.set("grants", false);
    const seen = await decision.stub.check(world.question(fully));
    expect(seen.allowed).toBe(false);
    expect(await world.allowed(other, atLeast(seen.revision))).toBe(false);
  });
  test("of another organisation is refused; what is none is answered fully consistent", async () => {
    await world.allowed(decision);
    const elsewhere = await decision.stub.check({ ...world.question(), orgId: crypto.randomUUID() });
    expect(elsewhere.allowed).toBe(false);
    await expect(world.allowed(decision, atLeast(elsewhere.revision))).rejects.toMatchObject({
      kind: "invalid",
      field: "consistency.at_least_as_fresh",
    });
    world.set("grants", false);
    expect(await world.allowed(decision, atLeast("v1.nonsense"))).toBe(false);
  });
});
