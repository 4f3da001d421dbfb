import fc from "fast-check";
import { expect, test } from "vitest";
import type { GroupNode, RoleNode } from "../src/facts.ts";
import { indexGroups } from "../src/group-index.ts";
import type { GroupId, RoleId } from "../src/ids.ts";
import { indexRoles } from "../src/role-index.ts";
import { sampling } from "./sampling.ts";

// What an index remembers of one question must not be a part of the answer to another: on graphs with cycles, dead ends
// and ways around them, asked in any order and again.

const runs = sampling({ numRuns: 2000 });
const names = ["a", "b", "c", "d", "e", "gone"] as const;
type Name = (typeof names)[number];
/** Who has whom as a member; what is gone may still be named, and may name others. */
type Graph = Readonly<Record<Name, readonly Name[]>>;

const some = fc.uniqueArray(fc.constantFrom(...names), { maxLength: 3 });
const graphs: fc.Arbitrary<Graph> = fc.record({
  a: some,
  b: some,
  c: some,
  d: some,
  e: some,
  gone: fc.constant([]),
});
const questions = fc.array(some, { minLength: 2, maxLength: 12 });
const live = names.filter((name) => name !== "gone");

/** Word by word: it holds whom it has as a member, and whom any of these holds. Each step once more, until none adds any. */
function holdsNaively(graph: Graph, from: Name): Set<Name> {
  const held = new Set<Name>([from]);
  for (let size = 0; size < held.size; ) {
    size = held.size;
    for (const one of [...held]) for (const member of graph[one]) if (member !== "gone") held.add(member);
  }
  return held;
}

test(`groups remember nothing wrong on ${runs.numRuns} graphs, seed ${runs.seed}`, {
  timeout: 120_000,
}, () => {
  fc.assert(
    fc.property(graphs, questions, (graph, asked) => {
      const nodes = live.map((name): [GroupId, GroupNode] => [
        name as string as GroupId,
        { memberGroups: graph[name] as readonly string[] as GroupId[], builtIn: null },
      ]);
      const index = indexGroups(new Map(nodes));
      for (const memberships of [...asked, ...asked.toReversed()]) {
        const expected = live.filter((outer) => {
          const held = holdsNaively(graph, outer);
          return memberships.some((name) => name !== "gone" && held.has(name));
        });
        const found = index.holding(memberships as readonly string[] as GroupId[]);
        expect([...found].sort()).toEqual(expected);
      }
    }),
    runs,
  );
});

test(`roles remember nothing wrong on ${runs.numRuns} graphs, seed ${runs.seed}`, {
  timeout: 120_000,
}, () => {
  const own = { a: "read", b: "update", c: "delete", d: "create", e: "read_acls" } as const;
  fc.assert(
    fc.property(graphs, fc.shuffledSubarray(live, { minLength: live.length }), (graph, order) => {
      const nodes = live.map((name): [RoleId, RoleNode] => [
        name as string as RoleId,
        {
          permissions: [{ permission: own[name], restrictObjectType: null }],
          memberRoles: graph[name] as readonly string[] as RoleId[],
        },
      ]);
      const index = indexRoles(new Map(nodes));
      for (const role of [...order, ...order.toReversed()]) {
        const held = holdsNaively(graph, role);
        for (const member of live) {
          const granted = index.grants(role as string as RoleId, own[member], "project");
          expect(granted).toBe(held.has(member));
        }
      }
    }),
    runs,
  );
});
