import { describe, expect, test } from "vitest";
import { baseText, readBase } from "./base.ts";
import { fileText, madeAgainst, parseFile } from "./file.ts";

describe("what is wrong is told with its place", () => {
  test.each([
    ["", "access.yaml: must be a mapping"],
    ["version: 2", "version: must be one of 1"],
    ["version: 1\nversion: 1", "access.yaml: line 2: Map keys must be unique"],
    ["version: 1\ngruops: {}", "gruops: is no known key"],
    ["version: 1\ngroups: {A: {member: []}}", "groups.A.member: is no known key"],
    [
      "version: 1\ngroups: {A: {members: [b]}}",
      "groups.A.members[0]: must be an e-mail address, {service_account: NAME} or {id: ID}",
    ],
    ["version: 1\ngroups:\n  A:\n    members:\n", "groups.A.members: must be a list (an empty one is [])"],
    ["version: 1\nroles: {R: {permissions: [fly]}}", /^roles\.R\.permissions\[0\]: must be a permission/],
    [
      "version: 1\nacls: [{object: {type: project, path: [P]}, permission: read}]",
      "acls[0]: must name exactly one of user, service_account, user_id and group",
    ],
    [
      "version: 1\nacls: [{object: {type: project, path: [P]}, group: A, permission: read, role: R}]",
      "acls[0]: must name exactly one of permission and role",
    ],
    [
      "version: 1\nacls: [{object: {type: project, path: [P]}, group: A, role: R, only: dataset}]",
      "acls[0].only: can only stand beside a permission",
    ],
    [
      "version: 1\nacls: [{object: {type: palace}, group: A, role: R}]",
      /^acls\[0\]\.object\.type: must be one of organization/,
    ],
    [
      "version: 1\nacls: [{object: {type: organization}, group: A, role: R, expires_at: soon}]",
      "acls[0].expires_at: must be a time such as 2030-01-31T12:00:00Z",
    ],
    ["b: [*b]", "access.yaml: has an alias that stands for nothing, or for too much"],
    ["a: [1", /^access.yaml: line 1: /],
  ])("%j", (text, message) => {
    expect(() => parseFile(text, "access.yaml")).toThrow(message);
  });
});

test("an alias that would grow without end is refused", () => {
  const layers = Array.from({ length: 9 }, (_, index) => {
    const inside = index === 0 ? "[x,x,x,x,x,x,x,x,x]" : `[${`*l${index - 1},`.repeat(9)}]`;
    return `l${index}: &l${index} ${inside}`;
  });
  expect(() => parseFile(layers.join("\n"), "access.yaml")).toThrow(
    "access.yaml: has an alias that stands for nothing, or for too much",
  );
});

test("a file that is written reads back as it was, with what is short on one line", () => {
  const file = {
    version: 1 as const,
    organization: "Acme",
    groups: { A: { members: ["a@example.com", { service_account: "ci" }], groups: ["B"] }, B: {} },
    roles: {
      R: { permissions: ["read" as const, { permission: "create" as const, only: "dataset" as const }] },
    },
    acls: [
      {
        object: { type: "experiment" as const, path: ["on: off", "#1"] },
        group: "A",
        permission: "read" as const,
      },
    ],
    made_against: "x",
  };
  const text = fileText(file);
  expect(text).toContain('  - object: {type: experiment, path: ["on: off", "#1"]}\n    group: A\n');
  expect(text).toContain("      - {service_account: ci}\n");
  const [read] = Object.values(parseFile(text, "f").roles ?? {});
  expect(read?.permissions).toEqual([
    { permission: "read", only: null },
    { permission: "create", only: "dataset" },
  ]);
  expect(parseFile(text, "f")).toMatchObject({ organization: "Acme", groups: file.groups, acls: file.acls });
});

test("another base changes its own line and nothing else", () => {
  expect(madeAgainst("# hello\nversion: 1 # one\nmade_against: abc\n", "def")).toBe(
    "# hello\nversion: 1 # one\nmade_against: def\n",
  );
  expect(madeAgainst("version: 1\n", "def")).toBeNull();
});

test("a base that was damaged is refused", () => {
  const text = baseText({ organization: "o", access: new Map() });
  expect(readBase(text, "made_against")).toEqual({ organization: "o", access: new Map() });
  for (const damaged of ["", text.slice(0, -4), `x${text}`, "AAAA"]) {
    expect(() => readBase(damaged, "made_against")).toThrow(
      "made_against: is damaged: export anew, or make the plan anew",
    );
  }
});
