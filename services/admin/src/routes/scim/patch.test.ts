import { describe, expect, test } from "vitest";
import { applyPatch, parsePatch } from "./patch.ts";
import type { Resource } from "./resource.ts";
import { groupType, userType } from "./schema.ts";

const enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const work = { value: "ada@work.example", type: "work", primary: true };
const home = { value: "ada@home.example", type: "home" };
const ada = {
  id: "1",
  userName: "ada",
  active: true,
  name: { givenName: "Ada", familyName: "Lovelace" },
  emails: [work, home],
  [enterprise]: { department: "Engines", manager: { value: "7" } },
};
const group = { id: "2", displayName: "Engineers", members: [{ value: "a", type: "User" }, { value: "b" }] };

function patched(...operations: object[]): Resource {
  return applyPatch(ada, parsePatch(userType, { Operations: operations }));
}

function patchedGroup(...operations: object[]): Resource {
  return applyPatch(group, parsePatch(groupType, { operations }));
}

test.each<[string, object, object]>([
  ["capitalised words", { op: "Replace", path: "UserName", value: "eve" }, { userName: "eve" }],
  ["capitalised keys", { OP: "replace", Path: "userName", Value: "eve" }, { userName: "eve" }],
  ["text for false", { op: "Replace", path: "active", value: "False" }, { active: false }],
  ["a wrapped value", { op: "Replace", path: "active", value: [{ value: "False" }] }, { active: false }],
  [
    "a dotted path",
    { op: "add", path: "name.givenName", value: "A" },
    { name: { givenName: "A", familyName: "Lovelace" } },
  ],
  [
    "dotted keys without a path",
    { op: "replace", value: { "name.givenName": "A" } },
    { name: { givenName: "A", familyName: "Lovelace" } },
  ],
  [
    "a path in a key",
    { op: "replace", value: { 'emails[type eq "home"].value': "x" } },
    { emails: [work, { ...home, value: "x" }] },
  ],
  [
    "a complex value, which is merged",
    { op: "replace", path: "name", value: { givenName: "A" } },
    { name: { givenName: "A", familyName: "Lovelace" } },
  ],
  [
    "a part that is null",
    { op: "replace", path: "name", value: { GivenName: null } },
    { name: { familyName: "Lovelace" } },
  ],
  ["a null", { op: "replace", path: "name", value: null }, { name: undefined }],
  ["adding nothing", { op: "add", path: "name", value: null }, {}],
  [
    "adding to a list",
    { op: "add", path: "emails", value: { value: "x" } },
    { emails: [work, home, { value: "x" }] },
  ],
  ["adding what is there", { op: "add", path: "emails", value: [home, home] }, {}],
  ["replacing a list", { op: "replace", path: "emails", value: [home] }, { emails: [home] }],
  [
    "another primary one",
    { op: "add", path: "emails", value: [{ ...home, primary: true }] },
    {
      emails: [
        { ...work, primary: false },
        { ...home, primary: true },
      ],
    },
  ],
  [
    "another primary one, by a filter",
    { op: "replace", path: 'emails[type eq "home"].primary', value: "True" },
    {
      emails: [
        { ...work, primary: false },
        { ...home, primary: true },
      ],
    },
  ],
  [
    "a value chosen by a filter",
    { op: "replace", path: 'emails[type eq "work"]', value: { value: "x" } },
    { emails: [{ ...work, value: "x" }, home] },
  ],
  [
    "a value that is not there yet",
    { op: "Add", path: 'emails[type eq "other"].value', value: "x" },
    { emails: [work, home, { type: "other", value: "x" }] },
  ],
  [
    "a part of every value",
    { op: "replace", path: "emails.type", value: "x" },
    {
      emails: [
        { ...work, type: "x" },
        { ...home, type: "x" },
      ],
    },
  ],
  [
    "an extension",
    { op: "add", path: enterprise, value: { costCenter: "9" } },
    { [enterprise]: { ...ada[enterprise], costCenter: "9" } },
  ],
  [
    "an extension without a path",
    { op: "add", value: { [enterprise.toLowerCase()]: { Department: "X" } } },
    { [enterprise]: { ...ada[enterprise], department: "X" } },
  ],
  [
    "a part of an extension",
    { op: "Replace", path: `${enterprise}:department`, value: "X" },
    { [enterprise]: { ...ada[enterprise], department: "X" } },
  ],
  [
    "a part of an extension without a path",
    { op: "Replace", value: { [`${enterprise}:department`]: "X" } },
    { [enterprise]: { ...ada[enterprise], department: "X" } },
  ],
  [
    "a manager who is text",
    { op: "Add", path: `${enterprise}:manager`, value: "8" },
    { [enterprise]: { department: "Engines", manager: { value: "8" } } },
  ],
  ["removing an attribute", { op: "remove", path: "name" }, { name: undefined }],
  ["removing a part", { op: "remove", path: "name.givenName" }, { name: { familyName: "Lovelace" } }],
  ["removing what is not there", { op: "remove", path: "title" }, {}],
  ["removing a chosen value", { op: "remove", path: 'emails[type eq "work"]' }, { emails: [home] }],
  [
    "removing a part of a chosen value",
    { op: "remove", path: 'emails[type eq "home"].type' },
    { emails: [work, { value: home.value }] },
  ],
  ["removing what no value is", { op: "remove", path: 'emails[type eq "x"]' }, {}],
  ["removing all of an extension", { op: "remove", path: enterprise }, { [enterprise]: undefined }],
  [
    "unknown attributes and those that are fixed",
    { op: "replace", value: { id: "9", colour: "red", "colour[x pr].y": 1, meta: {} } },
    {},
  ],
  ["an empty text", { op: "replace", value: { title: "" } }, {}],
])("%s", (_, operation, difference) => {
  const expected = Object.fromEntries(
    Object.entries({ ...ada, ...difference }).filter(([, value]) => value !== undefined),
  );
  expect(patched(operation)).toEqual(expected);
});

describe("members", () => {
  test("are removed by a list of values, in any case", () => {
    const Operation = { op: "Remove", path: "members", value: [{ value: "A" }, { value: "z" }] };
    expect(patchedGroup(Operation)).toEqual({ ...group, members: [{ value: "b" }] });
  });

  test("are removed by a filter, and all of them by nothing", () => {
    expect(patchedGroup({ op: "remove", path: 'members[value eq "b"]' })).toMatchObject({
      members: [{ value: "a" }],
    });
    expect(patchedGroup({ op: "remove", path: "members" })).not.toHaveProperty("members");
    expect(patchedGroup({ op: "replace", path: "members", value: [] })).not.toHaveProperty("members");
  });

  test("come in without a path, and the group's own id beside the name says nothing", () => {
    expect(
      patchedGroup({ op: "replace", value: { id: "x", displayName: "E", members: [{ value: "c" }] } }),
    ).toEqual({
      ...group,
      displayName: "E",
      members: [{ value: "c" }],
    });
  });

  test("of a group without any are added", () => {
    const operations = parsePatch(groupType, { Operations: [{ op: "add", path: "members", value: "c" }] });
    expect(applyPatch({ id: "2" }, operations)).toEqual({ id: "2", members: [{ value: "c" }] });
  });
});

test("steps build on each other, and the resource that was given stays as it was", () => {
  const before = structuredClone(ada);
  expect(
    patched(
      { op: "remove", path: "emails" },
      { op: "add", path: 'emails[type eq "home" and primary eq true].value', value: "x" },
      { op: "replace", path: 'emails[value eq "x"].type', value: "work" },
    ),
  ).toMatchObject({ emails: [{ value: "x", type: "work", primary: true }] });
  expect(ada).toEqual(before);
});

test.each<[string, object, string]>([
  ["an unknown word", { op: "move", path: "title", value: "x" }, "invalidSyntax"],
  ["no word", { path: "title", value: "x" }, "invalidSyntax"],
  ["a path that can be none", { op: "add", path: "colour of", value: "red" }, "invalidPath"],
  ["a path that is no text", { op: "add", path: 7, value: "red" }, "invalidPath"],
  ["removal of nothing", { op: "remove" }, "noTarget"],
  ["no value that is chosen", { op: "replace", path: 'emails[value co "zzz"].type', value: "x" }, "noTarget"],
  ["a value without a path that is none", { op: "add", value: "x" }, "invalidValue"],
  ["the id", { op: "replace", path: "id", value: "x" }, "mutability"],
  ["a part of meta", { op: "replace", path: "meta.created", value: "x" }, "mutability"],
  ["removal of the name", { op: "remove", path: "userName" }, "mutability"],
  ["removal of active", { op: "remove", path: "active" }, "mutability"],
  ["a value of another kind", { op: "add", path: "title", value: { a: 1 } }, "invalidValue"],
  ["two where one is", { op: "add", path: "title", value: ["a", "b"] }, "invalidValue"],
  ["two primary ones", { op: "replace", path: "emails.primary", value: true }, "invalidValue"],
  [
    "two chosen primary ones",
    { op: "replace", path: "emails[value pr].primary", value: true },
    "invalidValue",
  ],
])("refuses %s", (_, operation, scimType) => {
  expect(() => patched({ op: "add", path: "title", value: "fine" }, operation)).toThrow(
    expect.objectContaining({ kind: "invalid", scimType }),
  );
});

test.each([undefined, "x", [], [7], Array.from({ length: 101 }, () => ({ op: "add", value: {} }))])(
  "refuses operations that are %j",
  (operations) => {
    expect(() => parsePatch(userType, { Operations: operations })).toThrow(
      expect.objectContaining({ kind: "invalid", scimType: "invalidSyntax" }),
    );
  },
);

test("all operations of one request together look at a bounded number of values", () => {
  const members = Array.from({ length: 10_000 }, (_, index) => ({ value: `user-${index}` }));
  const group = { displayName: "all", members };
  const removals = (count: number, path: string) =>
    parsePatch(groupType, { Operations: Array.from({ length: count }, () => ({ op: "remove", path })) });
  expect(applyPatch(group, removals(100, 'members[value eq "user-7"]'))["members"]).toHaveLength(9999);
  const terms = Array.from({ length: 40 }, (_, index) => `value eq "user-${index}"`).join(" or ");
  expect(() => applyPatch(group, removals(10, `members[${terms}]`))).toThrow(/take too long/);
  expect(() => removals(101, "members")).toThrow(/at most 100/);
});
