import { describe, expect, test } from "vitest";
import { explore } from "./explore.ts";
import { type LayersFault, type LayersOptions, layersModel } from "./layers-model.ts";

const faultMixes: readonly (readonly LayersFault[])[] = [
  [],
  ["evict from redis"],
  ["evict from memory"],
  ["flush redis"],
  ["redis fails over"],
  ["memory restarts"],
];

describe("memory over redis never claims more for a fact than is true", { timeout: 120_000 }, () => {
  for (const faults of faultMixes) {
    for (const revokedAt of [1, 2] as const) {
      test(`event ${revokedAt} revokes; faults: ${faults.join(", ") || "none"}`, () => {
        const { wrong, path, states } = explore(
          layersModel({ faults, revokedAt, readers: faults.length === 0 ? 2 : 1 }),
        );
        expect({ wrong, path }).toEqual({ wrong: null, path: [] });
        expect(states).toBeGreaterThan(1000);
      });
    }
  }
});

describe("each rule is needed: without it the same search finds a false claim", () => {
  const search = (control: Partial<LayersOptions>) =>
    explore(layersModel({ faults: [], revokedAt: 1, readers: 1, ...control })).wrong;

  test("control: a copy's age counts from when it was copied", () => {
    expect(search({ inherited: (_hi, _app, head) => head })).toMatch(/claims allow/);
  });
  test("control: memory has no registers", () => {
    expect(search({ memoryTakesAll: true })).toMatch(/claims allow/);
  });
});
