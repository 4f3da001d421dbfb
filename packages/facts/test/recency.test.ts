import fc from "fast-check";
import { expect, test } from "vitest";
import { type Linked, Recency } from "../src/recency.ts";

interface Thing extends Linked<Thing> {
  readonly name: number;
}

const steps = fc.array(fc.record({ does: fc.constantFrom("use", "use", "remove"), name: fc.nat(5) }));

test("things stand by when they were used last, whatever is used again or removed", () => {
  fc.assert(
    fc.property(steps, (steps) => {
      const things = Array.from({ length: 6 }, (_, name): Thing => ({ name, newer: null, older: null }));
      const recency = new Recency<Thing>();
      let expected: Thing[] = [];
      for (const { does, name } of steps) {
        const one = things[name];
        if (one === undefined) throw new Error("no such thing");
        expected = expected.filter((other) => other !== one);
        if (does === "use") {
          recency.use(one);
          expected.unshift(one);
        } else recency.remove(one);
        expect([...recency]).toEqual(expected);
        expect(recency.oldest).toBe(expected.at(-1) ?? null);
      }
    }),
  );
});
