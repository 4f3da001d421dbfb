import { describe, expect, test } from "vitest";
import type { Register, Watermark } from "../src/register.ts";
import { explore } from "./explore.ts";
import { type Fault, layerModel, type Rules, realRules } from "./layer-model.ts";

describe("a layer never claims more for a fact than is true, in any order of events", {
  timeout: 120_000,
}, () => {
  const mixes: (readonly Fault[])[] = [
    [],
    ["evict"],
    ["evict", "evict"],
    ["lose the watermark"],
    ["flush"],
    ["failover"],
    ["failover", "failover"],
    ["evict", "lose the watermark"],
    ["evict", "flush"],
    ["evict", "failover"],
    ["lose the watermark", "failover"],
    ["flush", "failover"],
    ["evict", "evict", "failover"],
  ];
  for (const faults of mixes) {
    const pullers = faults.length < 2 ? 2 : 1;
    for (const revokedAt of [1, 2] as const) {
      for (const byKind of faults.length < 2 ? [false, true] : [false]) {
        const event = `event ${revokedAt} revokes${byKind ? " by kind" : ""}`;
        test(`${event}; faults: ${faults.join(", ") || "none"}`, () => {
          const { wrong, path, states } = explore(layerModel({ faults, revokedAt, byKind, pullers }));
          expect({ wrong, path }).toEqual({ wrong: null, path: [] });
          expect(states).toBeGreaterThan(1000);
        });
      }
    }
  }
  for (const faults of [["owner failover"], ["owner failover", "evict"]] as const) {
    for (const revokedAt of [1, 2] as const) {
      test(`event ${revokedAt} revokes; faults: ${faults.join(", ")}`, () => {
        const { wrong, path } = explore(layerModel({ faults, revokedAt, pullers: 1 }));
        expect({ wrong, path }).toEqual({ wrong: null, path: [] });
      });
    }
  }
});

describe("each rule is needed: without it the same search finds a false claim", () => {
  const { advance, fill, rebase } = realRules;
  const controls: Record<
    string,
    { rules?: Partial<Rules>; faults: readonly Fault[]; markElsewhere?: boolean }
  > = {
    "no order: a fill replaces what was buried later": {
      rules: { fill: (mark, register, offer) => fill(mark, asIfOldest(register), offer) },
      faults: [],
    },
    "no floor: an empty place takes what is older than the watermark": {
      rules: { fill: (mark, register, offer) => fill(asIfUnapplied(mark), register, offer) },
      faults: ["evict"],
    },
    "no generation: entries outlive the watermark that vouched for them": {
      rules: { rebase: (mark, begin, seen) => rebase(mark, { ...begin, gen: 0 as never }, seen) },
      faults: ["lose the watermark"],
    },
    "no contiguity: events are applied ahead of a gap": {
      rules: { advance: (mark, stretch) => advance(mark, { ...stretch, from: 1 }) },
      faults: ["failover"],
    },
    "no incarnation: events of another history are applied": {
      rules: {
        advance: (mark, stretch) => advance(mark, { ...stretch, incarnation: mark?.incarnation ?? "" }),
      },
      faults: ["owner failover"],
    },
    "the watermark in another slot than the register": { faults: ["failover"], markElsewhere: true },
  };
  for (const [name, { rules, faults, markElsewhere = false }] of Object.entries(controls)) {
    test(`control: ${name}`, () => {
      const found = ([1, 2] as const).map((revokedAt) =>
        explore(
          layerModel({ rules: { ...realRules, ...rules }, faults, revokedAt, markElsewhere, pullers: 1 }),
        ),
      );
      expect(found.map(({ wrong }) => wrong)).toContainEqual(expect.stringContaining("allow claimed"));
    });
  }
});

function asIfOldest<Value, Generation>(
  register: Register<Value, Generation> | null,
): Register<Value, Generation> | null {
  return register === null ? null : { ...register, hi: 0 };
}

function asIfUnapplied<Generation>(mark: Watermark<Generation> | null): Watermark<Generation> | null {
  return mark === null ? null : { ...mark, app: 0 };
}
