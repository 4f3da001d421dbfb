import { deepEqual } from "node:assert/strict";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { anyAccess } from "../../test/model.ts";
import { type Access, type Atom, accessOf } from "./atom.ts";
import { readBase } from "./base.ts";
import { differenceOf, isNone } from "./difference.ts";
import { driftOf, merged } from "./drift.ts";
import { exportedFile } from "./export-file.ts";
import { fileText, parseFile } from "./file.ts";
import { checkPrunable, checkWhole, type Resolver, targetOf, unmanaged } from "./target.ts";

const nowMs = Date.parse("2029-01-01T00:00:00Z");

/** Principals and objects are called by their ids. */
const resolver: Resolver = {
  principal: (name) => (typeof name === "string" ? name.replace(/@.*/, "") : Object.values(name).join("")),
  object: ({ type, path, id }) => id ?? path?.at(-1) ?? type,
};
const aim = (current: Access, text: string, prune = false): Access => {
  const target = targetOf(current, parseFile(text, "f"), { resolver, prune, nowMs });
  checkWhole(target);
  return target;
};

function exported(access: Access): string {
  const members = new Map(
    ["p", "q", "r"].map((id) => [
      id,
      { id, kind: "user" as const, name: null, email: `${id}@example.com`, last_used_at: null },
    ]),
  );
  const organization = {
    id: "org",
    name: "Acme",
    self: "p",
    members,
    groups: new Map(),
    roles: new Map(),
    access,
  };
  const paths = new Map([
    ["project:o", ["o"]],
    ["dataset:d", ["o", "d"]],
  ]);
  return fileText(exportedFile(organization, paths));
}

test("what is exported, applied to the same or to anything else with --prune, is what it was exported from", () => {
  fc.assert(
    fc.property(anyAccess, anyAccess, (access, other) => {
      const text = exported(access);
      expect(isNone(differenceOf(access, aim(access, text)))).toBe(true);
      expect(isNone(differenceOf(access, aim(other, text, true)))).toBe(true);
      deepEqual(readBase(parseFile(text, "f").made_against ?? "", "made_against").access, access);
    }),
    { numRuns: 100 },
  );
});

test("without --prune nothing goes but what stood in a list that the file has", () => {
  fc.assert(
    fc.property(anyAccess, anyAccess, (access, other) => {
      for (const atom of differenceOf(other, aim(other, exported(access))).removed) {
        expect(["member", "nested", "permission", "subrole"]).toContain(atom.kind);
      }
    }),
    { numRuns: 100 },
  );
});

const group = (name: string): Atom => ({ kind: "group", group: name, description: "" });
const member = (name: string, principal: string): Atom => ({ kind: "member", group: name, principal });
const acl = (principal: string, expiresAt: string | null = null): Atom => ({
  kind: "acl",
  on: { type: "project", key: "o" },
  holder: { kind: "user", key: principal },
  grant: { permission: "read", only: null },
  expiresAt,
});

test("what the file does not name is left alone, and told", () => {
  const current = accessOf([group("A"), member("A", "p"), group("B"), member("B", "p"), acl("p")]);
  const text = "version: 1\ngroups: {A: {members: [q@x]}}\nacls: []\n";
  const target = aim(current, text);
  expect([...target.values()]).toEqual([
    group("A"),
    group("B"),
    member("B", "p"),
    acl("p"),
    member("A", "q"),
  ]);
  expect(unmanaged(current, target, aim(current, text, true))).toEqual([
    group("B"),
    member("B", "p"),
    acl("p"),
  ]);
  // Of a section that the file does not have, nothing is removed either.
  expect(aim(current, "version: 1\n", true)).toEqual(current);
});

test("the built-in groups are never pruned", () => {
  const current = accessOf([group("Owners"), member("Owners", "p")]);
  expect(aim(current, "version: 1\ngroups: {}\n", true)).toEqual(current);
});

describe("a file that can't be meant is refused", () => {
  const current = accessOf([group("A"), group("B")]);
  test.each([
    ["groups: {A: {groups: [X]}}", "groups.A.groups: there is no group `X`"],
    ["groups: {A: {groups: [B]}, B: {groups: [A]}}", /^groups\.[AB]\.groups: the group would hold itself/],
    ["groups: {A: {groups: [A]}}", "groups.A.groups: the group would hold itself"],
    ["roles: {R: {roles: [R]}}", "roles.R.roles: the role would hold itself"],
    ["roles: {R: {roles: [Nothing]}}", "roles.R.roles: there is no role `Nothing`"],
    [
      "acls: [&a {object: {type: project, path: [o]}, user: p@x, role: Owner}, *a]",
      "acls[1]: says the same as one above it",
    ],
    ["roles: {Owner: {}}", "roles.Owner: is a role of the system: it can't be changed"],
    [
      "acls: [{object: {type: project, path: [o]}, group: X, permission: read}]",
      "acls.group: there is no group `X`",
    ],
    [
      "acls: [{object: {type: dataset, path: [o, d]}, user: p@x, permission: read, only: project}]",
      "acls[0].only: no project can be at or below a dataset",
    ],
  ])("%s", (text, message) => {
    expect(() => aim(current, `version: 1\n${text}\n`)).toThrow(message);
  });

  test("one that makes use of what --prune would delete", () => {
    const file = parseFile("version: 1\ngroups: {A: {groups: [B]}}\n", "f");
    expect(() => checkPrunable(file)).toThrow(
      "groups.A.groups: the group `B` is not in the file, and --prune would delete it",
    );
  });

  test("chains that are deeper than the system bears", () => {
    const deep = Array.from({ length: 66 }, (_, index) =>
      index === 65 ? `  G${index}: {}` : `  G${index}: {groups: [G${index + 1}]}`,
    );
    expect(() => aim(new Map(), `version: 1\ngroups:\n${deep.join("\n")}\n`)).toThrow(
      /nests more than 64 deep/,
    );
  });
});

describe("drift", () => {
  const base = accessOf([group("A"), member("A", "p")]);
  const target = accessOf([group("A"), member("A", "q"), group("New")]);
  const driftAt = (current: Access) => driftOf({ base, current, target }, nowMs);

  test("is what others have changed", () => {
    const current = accessOf([group("A"), member("A", "p"), member("A", "r")]);
    expect(driftAt(current).added).toEqual([member("A", "r")]);
    expect(driftAt(new Map()).removed).toEqual([group("A")]);
  });

  test("is nothing that an application which broke off has done", () => {
    fc.assert(
      fc.property(anyAccess, anyAccess, fc.nat(), (from, to, seed) => {
        // Some of the difference is there already, some is not.
        const half = new Map(from);
        for (const [index, name] of [...new Set([...from.keys(), ...to.keys()])].entries()) {
          if ((seed >> (index % 31)) % 2 === 0) continue;
          const atom = to.get(name);
          if (atom === undefined) half.delete(name);
          else half.set(name, atom);
        }
        const all = { base: from, current: half, target: to };
        expect(isNone(driftOf(all, nowMs))).toBe(true);
        expect(isNone(differenceOf(merged(all), to))).toBe(true);
      }),
      { numRuns: 100 },
    );
  });

  test("is no ACL that has expired, nor what the system grants to whoever makes a group", () => {
    const expiring = accessOf([acl("p", "2028-01-01T00:00:00.000Z")]);
    expect(isNone(driftOf({ base: expiring, current: new Map(), target: expiring }, nowMs))).toBe(true);
    const creators: Atom = {
      kind: "acl",
      on: { type: "group", key: "New" },
      holder: { kind: "user", key: "p" },
      grant: { role: "Owner" },
      expiresAt: null,
    };
    const current = accessOf([...base.values(), group("New"), creators]);
    expect(isNone(driftAt(current))).toBe(true);
    // On what stood before, it is somebody's grant.
    const onOld: Atom = { ...creators, on: { type: "group", key: "A" } };
    expect(driftAt(accessOf([...base.values(), onOld])).added).toEqual([onOld]);
  });
});
