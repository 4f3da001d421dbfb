import { describe, expect, test } from "vitest";
import {
  builtInGroups,
  isObjectType,
  isPermission,
  objectTypeNames,
  objectTypeRow,
  occursAtOrBelow,
  systemRoles,
} from "./catalog.ts";

describe("the tree of objects", () => {
  test("has one root, and every type reaches it", () => {
    expect(objectTypeNames.filter((type) => objectTypeRow(type).parent === null)).toEqual(["organization"]);
    expect(objectTypeNames.filter((type) => !occursAtOrBelow(type, "organization"))).toEqual([]);
  });

  test("has faces only where their id says", () => {
    for (const type of objectTypeNames) {
      const { idOf, parent } = objectTypeRow(type);
      expect(idOf === "itself" || parent === idOf, type).toBe(true);
    }
  });

  test("lets things exist without an access fact only directly in the organisation", () => {
    for (const type of objectTypeNames) {
      const { existsBy, parent } = objectTypeRow(type);
      expect(existsBy === "access" || parent === "organization", type).toBe(true);
    }
  });
});

test("a type occurs at itself and below what is above it, and nowhere else", () => {
  expect(occursAtOrBelow("experiment", "experiment")).toBe(true);
  expect(occursAtOrBelow("experiment", "project")).toBe(true);
  expect(occursAtOrBelow("experiment", "org_project")).toBe(true);
  expect(occursAtOrBelow("experiment", "project_group")).toBe(true);
  expect(occursAtOrBelow("project", "project_group")).toBe(true);
  expect(occursAtOrBelow("project", "experiment")).toBe(false);
  expect(occursAtOrBelow("experiment", "dataset")).toBe(false);
  expect(occursAtOrBelow("group", "org_project")).toBe(false);
  expect(occursAtOrBelow("project_group", "project")).toBe(false);
});

test("only the words of the table are words", () => {
  expect(isPermission("read_acls")).toBe(true);
  expect(isObjectType("prompt_session")).toBe(true);
  for (const word of ["", "Read", "constructor", "toString", "__proto__", "hasOwnProperty"]) {
    expect(isPermission(word), word).toBe(false);
    expect(isObjectType(word), word).toBe(false);
  }
});

test("system roles have ids of their own, and built-in groups hold one each", () => {
  expect(new Set(Object.values(systemRoles).map(({ id }) => id)).size).toBe(Object.keys(systemRoles).length);
  expect(
    Object.values(builtInGroups).map(({ name, role, on }) => [name, systemRoles[role].name, on]),
  ).toEqual([
    ["Owners", "Owner", "organization"],
    ["Engineers", "Engineer", "org_project"],
    ["Viewers", "Viewer", "org_project"],
  ]);
});
