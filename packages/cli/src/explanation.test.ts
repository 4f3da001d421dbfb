import { expect, test } from "vitest";
import { type Explanation, explanationText } from "./explanation.ts";
import { plain } from "./paint.ts";

const ada = { type: "principal", id: "u", name: "ada@example.com" };
const search = { type: "group", id: "g1", name: "Search team" };
const ranking = { type: "group", id: "g2", name: "Ranking team" };
const reviewer = { type: "role", id: "r1", name: "Reviewer" };
const viewer = { type: "role", id: "r2", name: "Viewer" };
const project = { type: "project", id: "p", name: "Search" };
const tuned = { type: "experiment", id: "e", name: "Tuned" };
const acl = {
  id: "a",
  on: project,
  subject: search,
  permission: null,
  role: reviewer,
  restrict_object_type: null,
  expires_at: null,
};
const nothing: Explanation = {
  allowed: false,
  reason: "no_grant",
  sentence: "ada may not",
  principal: ada,
  paths: [],
  paths_cut: false,
  nearest: [],
  nearest_cut: false,
};
const step = {
  expired_at: null,
  granted_types: [],
  group: null,
  granted_permissions: [],
  is_enough: false,
};

test("an allowed one is drawn as the ways that lead from the principal to the object, joined where they are one", () => {
  const told: Explanation = {
    ...nothing,
    allowed: true,
    sentence: "ada may",
    paths: [
      { acl, groups: [ranking, search], roles: [reviewer, viewer], objects: [tuned, project] },
      {
        acl: { ...acl, role: null, permission: "read", expires_at: "2030-01-01T00:00:00.000Z" },
        groups: [ranking, search],
        roles: [],
        objects: [tuned, project],
      },
      {
        acl: {
          ...acl,
          subject: ada,
          on: tuned,
          role: null,
          permission: "read",
          restrict_object_type: "experiment",
        },
        groups: [],
        roles: [],
        objects: [tuned],
      },
    ],
    paths_cut: true,
  };
  expect(explanationText(told, "read", plain)).toMatchInlineSnapshot(`
    "allowed: ada may

    ada@example.com
    ├─ in group Ranking team
    │  └─ in group Search team
    │     ├─ has role Reviewer on project Search
    │     │  └─ which holds role Viewer
    │     │     └─ which holds read
    │     │        └─ reaches experiment Tuned
    │     └─ has read on project Search until 2030-01-01T00:00:00.000Z
    │        └─ reaches experiment Tuned
    └─ has read for experiment only on experiment Tuned

    there are more than these"
  `);
});

test("a denied one is drawn as the ways that come nearest, each broken where it breaks", () => {
  const told: Explanation = {
    ...nothing,
    nearest: [
      { acl, missing: [{ ...step, kind: "group", group: search }] },
      {
        acl: { ...acl, expires_at: "2020-01-01T00:00:00.000Z" },
        missing: [{ ...step, kind: "in_force", expired_at: "2020-01-01T00:00:00.000Z" }],
      },
      {
        acl: { ...acl, subject: ada, role: null, permission: "read", restrict_object_type: "dataset" },
        missing: [
          { ...step, kind: "object_type", granted_types: ["dataset"] },
          { ...step, kind: "permission", granted_permissions: ["create", "read"] },
        ],
      },
    ],
  };
  expect(explanationText(told, "update", plain)).toMatchInlineSnapshot(`
    "denied: ada may not

    ada@example.com
    ├─ ✗ is not in group Search team
    │  └─ has role Reviewer on project Search
    ├─ in group Search team
    │  └─ has role Reviewer on project Search until 2020-01-01T00:00:00.000Z
    │     └─ ✗ expired at 2020-01-01T00:00:00.000Z
    └─ has read for dataset only on project Search
       └─ ✗ only on objects of type dataset
          └─ ✗ gives create, read there"
  `);
});

test.each([
  ["membership", "is no active member"],
  ["object", "there is no such object"],
  ["place", "there is no such place"],
  ["scope", "the key is narrowed to something else"],
  ["anything new", "lacks anything new"],
])("what is missing whatever ACLs say is told at the principal: %s", (kind, text) => {
  const told = { ...nothing, nearest: [{ acl: null, missing: [{ ...step, kind }] }] };
  expect(explanationText(told, "read", plain)).toContain(`ada@example.com\n└─ ✗ ${text}`);
});

test("names of others don't steer the terminal", () => {
  const told = { ...nothing, principal: { ...ada, name: "a\u001b[2Jb\nc" } };
  const withWay = { ...told, nearest: [{ acl: null, missing: [{ ...step, kind: "object" }] }] };
  expect(explanationText(withWay, "read", plain)).not.toContain("\u001b");
});
