import { randomUUID } from "node:crypto";
import {
  type CredentialDigest,
  type CredentialId,
  type FactKey,
  factOwners,
  type ObjectId,
  type ObjectRef,
  type ObjectType,
  type OrgId,
  type Owner,
  organizationFace,
  type PrincipalId,
} from "@portcullis/policy";
import fc from "fast-check";
import { Redis } from "ioredis";
import { afterAll, describe, expect, inject, test } from "vitest";
import { factKeyText } from "../src/fact-key.ts";
import { RedisSlots } from "../src/redis-slots.ts";
import type { LogStretch } from "../src/source.ts";
import type { Fact } from "../src/wire.ts";
import { Slot } from "./slot.ts";

const redis = new Redis(inject("redisUrl"));
const slots = new RedisSlots(redis);
afterAll(() => redis.disconnect());

const principals = [randomUUID(), randomUUID()] as PrincipalId[];
const places = 3;

/** A few facts of two owners, of kinds that share an owner and kinds that do not. */
function keysOf(org: OrgId): FactKey[] {
  return [
    ...principals.map((principal): FactKey => ({ kind: "member", org, principal })),
    ...principals.map((principal): FactKey => ({ kind: "memberships", org, principal })),
    { kind: "groups", org },
  ];
}

type Step =
  | { readonly do: "fill"; readonly place: number; readonly hi: number; readonly mode: FillMode }
  | {
      readonly do: "apply";
      readonly owner: Owner;
      readonly from: number;
      readonly events: readonly Touches[];
    }
  | { readonly do: "rebase"; readonly owner: Owner; readonly head: number; readonly stale: boolean }
  | { readonly do: "evict"; readonly place: number }
  | { readonly do: "lose the watermarks" | "flush" };
type FillMode = "as seen" | "another generation" | "another incarnation";
interface Touches {
  readonly places: readonly number[];
  readonly kinds: readonly string[];
}

const position = fc.nat(6);
const place = fc.nat(4);
const owner = fc.constantFrom<Owner>("identity", "groups");
const events = fc.array(
  fc.record({
    places: fc.array(place, { maxLength: 2 }),
    kinds: fc.oneof(
      { weight: 5, arbitrary: fc.constant([]) },
      { weight: 1, arbitrary: fc.constantFrom(["memberships"], ["groups"], ["*"]) },
    ),
  }),
  { minLength: 1, maxLength: places },
);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("fill"),
      place,
      hi: position,
      mode: fc.oneof(
        { weight: 6, arbitrary: fc.constant("as seen") },
        { weight: 1, arbitrary: fc.constantFrom("another generation", "another incarnation") },
      ),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant("apply"), owner, from: fc.integer({ min: 1, max: 7 }), events }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant("rebase"), owner, head: position, stale: fc.boolean() }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("evict"), place }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("lose the watermarks", "flush") }) },
) as fc.Arbitrary<Step>;

test("the scripts do what the rules say, in every sequence of steps", async () => {
  const outcomes = new Map<string, number>();
  const note = (outcome: string) => outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      const org = randomUUID() as OrgId;
      const keys = keysOf(org);
      const slot = new Slot();
      for (const each of [...starts, ...steps]) {
        await takeBoth(each, { org, keys, slot, note });
        const readings = await slots.read(org, keys);
        for (const [index, key] of keys.entries()) {
          const expected = slot.read(key);
          const held = readings[index]?.held ?? null;
          expect(held && { lo: held.lo, hi: held.hi, value: held.value }).toEqual(expected);
          if (held !== null) note("held");
          const mark = slot.mark(factOwners[key.kind]);
          const found = readings[index]?.mark ?? null;
          expect(found).toEqual(mark);
        }
      }
      await redis.del(...(await redis.keys(`pc2:{${org}}:*`)), "unused");
    }),
    // The rarest outcome comes once in some thirty sequences.
    { numRuns: 1000 },
  );
  // The generator must reach every outcome, or it compares nothing.
  for (const outcome of everyOutcome)
    expect({ outcome, times: outcomes.get(outcome) ?? 0 }).not.toMatchObject({ times: 0 });
}, 120_000);

const starts: readonly Step[] = [
  { do: "rebase", owner: "identity", head: 1, stale: false },
  { do: "rebase", owner: "groups", head: 0, stale: false },
];

const everyOutcome = [
  "held",
  "filled",
  "no watermark",
  "another incarnation",
  "another generation",
  "below the kind's floor",
  "older than what stands",
  "older than the watermark",
  "applied",
  "gap",
  "rebased",
  "not rebased",
];

interface Both {
  readonly org: OrgId;
  readonly keys: readonly FactKey[];
  readonly slot: Slot;
  readonly note: (outcome: string) => void;
}

async function takeBoth(step: Step, { org, keys, slot, note }: Both): Promise<void> {
  switch (step.do) {
    case "fill": {
      const key = keys[step.place % keys.length] as FactKey;
      const mark = slot.mark(factOwners[key.kind]);
      const offer = {
        incarnation: step.mode === "another incarnation" ? "elsewhere" : (mark?.incarnation ?? "here"),
        gen: step.mode === "another generation" ? "old" : (mark?.gen ?? "none"),
        lo: 0,
        hi: step.hi,
        value: key.kind === "groups" ? new Map() : key.kind === "member" ? null : [],
      };
      const expected = slot.fill(key, offer);
      expect(await slots.keep([{ key, ...offer }], offer)).toEqual([expected]);
      note(expected ?? "filled");
      break;
    }
    case "apply": {
      const entries = step.events.map(({ places, kinds }, index) => ({
        position: step.from + index,
        touches: places
          .flatMap((each) => keys[each] ?? [])
          .filter((key) => factOwners[key.kind] === step.owner),
        kinds,
        dependsOn: [],
      }));
      const incarnation = slot.mark(step.owner)?.incarnation ?? "here";
      const stretch: LogStretch = { incarnation, head: 9, entries };
      const expected = slot.apply(step.owner, stretch);
      expect(await slots.apply(org, step.owner, stretch)).toBe(expected);
      note(expected ? "applied" : "gap");
      break;
    }
    case "rebase": {
      const mark = slot.mark(step.owner);
      const begin = { incarnation: step.stale ? "there" : "here", head: step.head, gen: randomUUID() };
      const seen = step.stale && mark !== null ? { gen: mark.gen, app: mark.app + 1 } : mark;
      const expected = slot.rebase(step.owner, begin, seen);
      const found = await slots.rebase(org, step.owner, begin, seen);
      expect(found).toEqual(
        expected && { incarnation: expected.incarnation, app: expected.app, gen: expected.gen },
      );
      note(expected?.gen === begin.gen ? "rebased" : "not rebased");
      break;
    }
    case "evict": {
      const key = keys[step.place] as FactKey;
      slot.evict(key);
      await redis.del(`pc2:{${org}}:f:${factKeyText(key)}`);
      break;
    }
    case "lose the watermarks":
      slot.loseMarks();
      await redis.del(`pc2:{${org}}:w`);
      break;
    case "flush":
      slot.flush();
      await redis.del(`pc2:{${org}}:w`, ...keys.map((key) => `pc2:{${org}}:f:${factKeyText(key)}`));
  }
}

describe("a slot", () => {
  const org = randomUUID() as OrgId;
  const key: FactKey = { kind: "access", org, object: { type: "project", id: randomUUID() as ObjectId } };
  const seen = { incarnation: "i", gen: "g" };
  const fact: Fact = { key, lo: 1, hi: 3, value: null };

  test("keeps positions as large as a number can be exact, without rounding", async () => {
    const head = Number.MAX_SAFE_INTEGER - 1;
    await slots.rebase(org, "grants", { incarnation: "i", head, gen: "g" }, null);
    expect(await slots.keep([{ ...fact, hi: head - 1 }], seen)).toEqual(["older than the watermark"]);
    expect(await slots.keep([{ ...fact, hi: head }], seen)).toEqual([null]);
    const entries = [{ position: head + 1, touches: [], kinds: [], dependsOn: [] }];
    await slots.apply(org, "grants", { incarnation: "i", head: head + 1, entries });
    expect(await slots.mark(org, "grants")).toEqual({ incarnation: "i", app: head + 1, gen: "g" });
  });
  test("gives everything but the watermarks a time to live", async () => {
    const ttl = await redis.pttl(`pc2:{${org}}:f:${factKeyText(key)}`);
    expect(ttl).toBeGreaterThan(400_000);
    expect(ttl).toBeLessThanOrEqual(720_000);
    expect(await redis.pttl(`pc2:{${org}}:w`)).toBe(-1);
  });
  test("does not believe a register that speaks of another fact", async () => {
    const other: FactKey = { kind: "access", org, object: { type: "dataset", id: randomUUID() as ObjectId } };
    await redis.copy(`pc2:{${org}}:f:${factKeyText(key)}`, `pc2:{${org}}:f:${factKeyText(other)}`);
    const [mine, theirs] = await slots.read(org, [key, other]);
    expect(mine?.held?.key).toEqual(key);
    expect(theirs).toMatchObject({ mark: { gen: "g" }, held: null });
  });
  test("takes what can't be read as a miss", async () => {
    const name = `pc2:{${org}}:f:${factKeyText(key)}`;
    const kept = await redis.getBuffer(name);
    for (const broken of ["", "g", "g 3\n", "g 3 9", "g 3 x y\n", "\n", "g 3 1 another\nvalue", "\xff\xfe"]) {
      await redis.set(name, broken);
      expect((await slots.read(org, [key]))[0]?.held).toBeNull();
    }
    const [line = "", value = ""] = (kept ?? "").toString("latin1").split("\n");
    for (const broken of [
      `${line}\n\x01`,
      `${line.replace("g ", "h ")}\n${value}`,
      `${line.replace(/ 1 /, " NaN ")}\n${value}`,
    ]) {
      await redis.set(name, Buffer.from(broken, "latin1"));
      expect((await slots.read(org, [key]))[0]?.held).toBeNull();
    }
    await redis.set(name, kept ?? "");
    expect((await slots.read(org, [key]))[0]?.held?.key).toEqual(key);
  });
  test("keeps many facts at once, each by itself", async () => {
    const many = randomUUID() as OrgId;
    await slots.rebase(many, "identity", { incarnation: "i", head: 2, gen: "g" }, null);
    const facts = Array.from({ length: 250 }, (_, index): Fact => {
      const key: FactKey = { kind: "member", org: many, principal: randomUUID() as PrincipalId };
      return { key, lo: 1, hi: index === 120 ? 1 : 3, value: { kind: "user" } };
    });
    const refusals = await slots.keep(facts, seen);
    expect(refusals).toEqual(facts.map((_, index) => (index === 120 ? "older than the watermark" : null)));
    const readings = await slots.read(
      many,
      facts.map(({ key }) => key),
    );
    expect(readings.map(({ held }) => held)).toEqual(
      facts.map((fact, index) => (index === 120 ? null : fact)),
    );
  });
  test("gives along what a fact leads to, unless it was asked for or does not stand", async () => {
    const org = randomUUID() as OrgId;
    const access = (type: ObjectType): Extract<FactKey, { kind: "access" }> => ({
      kind: "access",
      org,
      object: { type, id: randomUUID() as ObjectId },
    });
    const [experiment, project] = [access("experiment"), access("project")];
    const place = (parent: ObjectRef) => ({ parent, alsoUnder: [], acls: [] });
    const inProject: Fact = { key: experiment, lo: 1, hi: 3, value: place(project.object) };
    const inAll: Fact = { key: project, lo: 1, hi: 3, value: place(organizationFace("org_project", org)) };
    await slots.rebase(org, "grants", { incarnation: "i", head: 3, gen: "g" }, null);
    await slots.keep([inProject, inAll], seen);
    expect(await slots.read(org, [experiment])).toMatchObject([{ held: inProject, next: { held: inAll } }]);
    expect(await slots.read(org, [experiment, project])).toMatchObject([
      { held: inProject, next: null },
      { held: inAll, next: null },
    ]);
    const entries = [{ position: 4, touches: [project], kinds: [], dependsOn: [] }];
    await slots.apply(org, "grants", { incarnation: "i", head: 4, entries });
    expect(await slots.read(org, [experiment])).toMatchObject([{ held: inProject, next: null }]);
  });
  test("gives along the member who holds a credential, of another owner's log", async () => {
    const org = randomUUID() as OrgId;
    const principal = randomUUID() as PrincipalId;
    const digest = "d".repeat(64) as CredentialDigest;
    const member: Fact = { key: { kind: "member", org, principal }, lo: 2, hi: 2, value: { kind: "user" } };
    const credential: Fact = {
      key: { kind: "credential", org, digest },
      lo: 1,
      hi: 1,
      value: { id: randomUUID() as CredentialId, kind: "api_key", principal, expiresAtMs: null, scope: null },
    };
    await slots.rebase(org, "tokens", { incarnation: "t", head: 1, gen: "g" }, null);
    await slots.keep([credential], { incarnation: "t", gen: "g" });
    expect(await slots.read(org, [credential.key])).toMatchObject([{ held: credential, next: null }]);
    await slots.rebase(org, "identity", { incarnation: "i", head: 2, gen: "g" }, null);
    await slots.keep([member], seen);
    expect(await slots.read(org, [credential.key])).toMatchObject([
      { held: credential, next: { held: member, mark: { incarnation: "i", app: 2 } } },
    ]);
  });
  test("survives that Redis forgets its scripts", async () => {
    await redis.script("FLUSH");
    expect((await slots.read(org, [key]))[0]?.held?.key).toEqual(key);
  });
  test("applies more touches than one script takes, event by event", async () => {
    const many = randomUUID() as OrgId;
    await slots.rebase(many, "identity", { incarnation: "i", head: 0, gen: "g" }, null);
    const member = (): FactKey => ({ kind: "member", org: many, principal: randomUUID() as PrincipalId });
    const entries = Array.from({ length: 5 }, (_, index) => ({
      position: index + 1,
      touches: Array.from({ length: 600 }, member),
      kinds: [],
      dependsOn: [],
    }));
    expect(await slots.apply(many, "identity", { incarnation: "i", head: 5, entries })).toBe(true);
    expect(await slots.mark(many, "identity")).toMatchObject({ app: 5 });
    const touched = entries[0]?.touches[0] as FactKey;
    expect(await slots.keep([{ ...fact, key: touched, hi: 0 }], seen)).toEqual(["older than what stands"]);
  });
});
