import { expect, test } from "vitest";
import type { GroupSummary } from "../../api/groups.ts";
import { nodeHeight, nodeWidth, placesOf } from "./layout.ts";
import { relatedTo } from "./related.ts";

function groups(count: number, nested: (index: number) => readonly number[]): readonly GroupSummary[] {
  return Array.from({ length: count }, (_, index) => ({
    id: `g${index}`,
    name: `Group ${index}`,
    description: null,
    built_in: false,
    created: null,
    member_count: 0,
    member_group_ids: nested(index).map((inner) => `g${inner}`),
  }));
}

test("no two of 200 groups overlap in the picture, and a nested one stands below that which holds it", () => {
  const all = groups(200, (index) => (index > 0 && index % 3 === 0 ? [index - 1, index - 2] : []));
  const places = placesOf(all);
  expect(places.size).toBe(200);
  const boxes = [...places.values()];
  for (const [index, one] of boxes.entries()) {
    for (const other of boxes.slice(index + 1)) {
      const apart = Math.abs(one.x - other.x) >= nodeWidth || Math.abs(one.y - other.y) >= nodeHeight;
      expect(apart).toBe(true);
    }
  }
  expect(places.get("g1")?.y).toBeGreaterThan(places.get("g3")?.y ?? 0);
});

test("a nesting in a group that is not in the picture does no harm", () => {
  expect(placesOf(groups(1, () => [7])).size).toBe(1);
});

test("related to a group are those in it and those that hold it, at any depth, and not their siblings", () => {
  const all = groups(5, (index) => (index === 0 ? [1, 2] : index === 1 ? [3] : []));
  expect([...relatedTo("g1", all)].toSorted()).toEqual(["g0", "g1", "g3"]);
});
