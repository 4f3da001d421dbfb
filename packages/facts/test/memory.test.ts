import type { FactKey, FactValues } from "@portcullis/policy";
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
      const everyKey = [...filled.values()].map(({ key }) => nameOf(key));
      for (const { key } of steps) {
        if (!everyKey.includes(nameOf(key))) expect(memory.read(mark, key)).toBeNull();
      }
    }),
    { numRuns: 2000 },
  );
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
