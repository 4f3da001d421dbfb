import { expect, test } from "vitest";
import type { GroupNode } from "./facts.ts";
import { indexGroups, isInBuiltIn } from "./group-index.ts";
import type { GroupId } from "./ids.ts";

const groups = indexGroups(
  new Map<GroupId, GroupNode>([
    [id("owners"), { memberGroups: [id("admins")], builtIn: "owners" }],
    [id("viewers"), { memberGroups: [id("owners"), id("gone")], builtIn: "viewers" }],
    [id("admins"), { memberGroups: [], builtIn: null }],
    [id("other"), { memberGroups: [], builtIn: null }],
  ]),
);

test("a principal is held by its live groups and all that these are nested in", () => {
  expect([...groups.holding([id("admins")])].sort()).toEqual(["admins", "owners", "viewers"]);
  expect([...groups.holding([id("owners"), id("other")])].sort()).toEqual(["other", "owners", "viewers"]);
  expect(groups.holding([id("gone")]).size).toBe(0);
  expect(groups.holding([]).size).toBe(0);
});

test("the answer for one and the same fact is worked out once", () => {
  const memberships = [id("admins")];
  expect(groups.holding(memberships)).toBe(groups.holding(memberships));
});

test("an Owner is who is in Owners, nested groups included", () => {
  expect(isInBuiltIn("owners", [id("owners")], groups)).toBe(true);
  expect(isInBuiltIn("owners", [id("admins")], groups)).toBe(true);
  expect(isInBuiltIn("viewers", [id("admins")], groups)).toBe(true);
  expect(isInBuiltIn("owners", [id("viewers"), id("other"), id("gone")], groups)).toBe(false);
  expect(isInBuiltIn("engineers", [id("owners")], groups)).toBe(false);
});

function id(name: string): GroupId {
  return name as GroupId;
}

test("an index knows who lives, by id and by what is built in", () => {
  expect([...groups.ids()].sort()).toEqual(["admins", "other", "owners", "viewers"]);
  expect([groups.has(id("owners")), groups.has(id("gone"))]).toEqual([true, false]);
  expect(groups.builtIn(id("owners"))).toBe("owners");
  expect(groups.builtIn(id("admins"))).toBeNull();
  expect(groups.builtIn(id("gone"))).toBeNull();
});
