import type { FactKey, FactValues, GroupId, OrgId, PrincipalId } from "@portcullis/policy";
import fc from "fast-check";
import { expect, test } from "vitest";
import { factKeyText } from "../src/fact-key.ts";
import { FactMemory, type MemoryMark } from "../src/memory.ts";
import { prepare } from "../src/prepared.ts";
import type { LoadedFact } from "../src/source.ts";
import { factKeys } from "./facts-arbitrary.ts";

const gen = Symbol();
const mark = beginning();

// So few ids that keys often differ in their organisation, their kind or their type alone.
const key = factKeys(fc.constantFrom("1", "2"));
const step = fc.record({ key, does: fc.constantFrom("fill", "fill", "fill", "bury", "read") });

test("what is read is what was filled last for that very fact, however little is kept", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 40 }), fc.array(step, { maxLength: 60 }), (idsMax, steps) => {
      const memory = new FactMemory({ idsMax });
      const filled = new Map<string, { key: FactKey; at: number }>();
      for (const [index, { key, does }] of steps.entries()) {
        const at = index + 1;
        const name = nameOf(key);
        if (does === "read") memory.read(mark, key);
        if (does === "bury") {
          memory.bury(mark, key.org, [{ position: at, touches: [key], kinds: [], dependsOn: [] }]);
          filled.delete(name);
        }
        if (does === "fill") {
          const value = emptyOf[key.kind];
          const fact = { key, incarnation: "first", lo: at, hi: at, value } as LoadedFact;
          const held = {
            kind: "held",
            value: prepare(fact),
            lo: at,
            hi: at,
            gen,
          } as const;
          const refusal = memory.fill(mark, fact, held);
          expect(refusal).toBeNull();
          filled.set(name, { key, at });
        }
      }
      for (const { key, at } of filled.values()) {
        const isKept = memory.lastUsed(key.org, Infinity).includes(factKeyText(key));
        expect([undefined, at]).toContain(memory.read(mark, key)?.lo);
        expect(memory.read(mark, key) !== null).toBe(isKept);
      }
      const orgs = [...new Set(steps.map(({ key }) => key.org))];
      const kept = orgs.flatMap((org) => memory.lastUsed(org, Infinity));
      expect(kept.length).toBeLessThanOrEqual(idsMax);
      const everyKey = [...filled.values()].map(({ key }) => nameOf(key));
      for (const { key } of steps) {
        if (!everyKey.includes(nameOf(key))) expect(memory.read(mark, key)).toBeNull();
      }
    }),
    { numRuns: 2000 },
  );
});

const org = "acme" as OrgId;
const groupsOf = (principal: string): FactKey & { kind: "memberships" } => ({
  kind: "memberships",
  org,
  principal: principal as PrincipalId,
});

/** Keeps so many groups of a principal, which weigh as much as there are, and one. */
function keep(memory: FactMemory, principal: string, groups: number): void {
  const value = Array.from({ length: groups }, (_, index) => `group ${index}` as GroupId);
  const fact: LoadedFact = {
    key: groupsOf(principal),
    incarnation: "first",
    lo: 1,
    hi: 1,
    value,
    layer: "owner",
  };
  memory.fill(mark, fact, { kind: "held", value: prepare(fact), lo: 1, hi: 1, gen });
}

function kept(memory: FactMemory): string[] {
  const names = ["ada", "bob", "cleo", "dora"];
  const held = new Set(memory.lastUsed(org, Infinity));
  return names.filter((name) => held.has(factKeyText(groupsOf(name))));
}

test("what was not used for longest goes first, as much of it as makes room", () => {
  const memory = new FactMemory({ idsMax: 12 });
  for (const name of ["ada", "bob", "cleo"]) keep(memory, name, 3);
  expect(kept(memory)).toEqual(["ada", "bob", "cleo"]);
  memory.read(mark, groupsOf("ada"));
  keep(memory, "dora", 2);
  expect(kept(memory)).toEqual(["ada", "cleo", "dora"]);
  // As much larger as there is still room for, and then one id more.
  keep(memory, "dora", 3);
  expect(kept(memory)).toEqual(["ada", "cleo", "dora"]);
  keep(memory, "dora", 4);
  expect(kept(memory)).toEqual(["ada", "dora"]);
  memory.bury(mark, org, [{ position: 2, touches: [groupsOf("dora")], kinds: [], dependsOn: [] }]);
  keep(memory, "cleo", 6);
  expect(kept(memory)).toEqual(["ada", "cleo", "dora"]);
});

test("what alone is more than may be kept is not, and leaves the others there", () => {
  const memory = new FactMemory({ idsMax: 8 });
  for (const name of ["ada", "bob"]) keep(memory, name, 3);
  keep(memory, "cleo", 8);
  expect(kept(memory)).toEqual(["ada", "bob"]);
  keep(memory, "bob", 8);
  expect(kept(memory)).toEqual(["ada"]);
  keep(memory, "bob", 7);
  expect(kept(memory)).toEqual(["bob"]);
});

test("as many names are told as are asked for, those used last first", () => {
  const memory = new FactMemory({ idsMax: 100 });
  for (const name of ["ada", "bob", "cleo"]) keep(memory, name, 1);
  expect(memory.lastUsed(org, 2)).toEqual(["cleo", "bob"].map((name) => factKeyText(groupsOf(name))));
  expect(memory.lastUsed("other" as OrgId, 2)).toEqual([]);
});

function beginning(): MemoryMark {
  return { incarnation: "first", app: 0, gen, floors: {} };
}

const emptyOf: FactValues = {
  member: null,
  memberships: [],
  groups: new Map(),
  roles: new Map(),
  access: null,
  parents: null,
  acls: null,
  acls_naming: [],
  credential: null,
};

function nameOf(key: FactKey): string {
  return `${key.org} ${factKeyText(key)}`;
}
