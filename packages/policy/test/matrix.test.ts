// What the built-in groups can do, as a file that reviewers read. After a change to the catalog that is meant, refresh it:
// UPDATE_GOLDEN=1 vitest run packages/policy/test/matrix.test.ts

import { readFileSync, writeFileSync } from "node:fs";
import { env } from "node:process";
import { expect, test } from "vitest";
import {
  type BuiltInGroup,
  builtInGroups,
  decide,
  type ObjectType,
  objectTypeNames,
  objectTypeRow,
  type Permission,
  permissions,
} from "../src/index.ts";
import { lookupOf } from "./organization-facts.ts";
import type { NamedObject, NamedTarget, NewObject, Scenario } from "./scenarios.ts";
import { setStage } from "./stage.ts";

const golden = new URL("./matrix.golden", import.meta.url);

test("the built-in groups can do what matrix.golden says", () => {
  const matrix = drawn();
  if (env.UPDATE_GOLDEN !== undefined) writeFileSync(golden, matrix);
  expect(matrix).toBe(readFileSync(golden, "utf8"));
});

test("no permission, object type or built-in group is missing from matrix.golden", () => {
  const words = new Set(readFileSync(golden, "utf8").split(/\s+/));
  const groups = Object.values(builtInGroups).map(({ name }) => name);
  expect([...permissions, ...objectTypeNames, ...groups].filter((word) => !words.has(word))).toEqual([]);
});

test("every permission makes sense on some type, and every type has one", () => {
  const rows = objectTypeNames.map(objectTypeRow);
  expect(
    permissions.filter((permission) => !rows.some((row) => row.permissions.includes(permission))),
  ).toEqual([]);
  expect(objectTypeNames.filter((type) => objectTypeRow(type).permissions.length === 0)).toEqual([]);
});

const legend = `What the built-in groups can do. "create" is asked of the place where an object of that type would be made.
yes: may   -: may not   (blank): makes no sense on that type
`;

function drawn(): string {
  const groups = Object.keys(builtInGroups) as BuiltInGroup[];
  return [legend, ...groups.map(table)].join("\n");
}

function table(group: BuiltInGroup): string {
  const may = asMemberOf(group);
  const rows = objectTypeNames.map((type) => [
    type,
    ...permissions.map((permission) =>
      objectTypeRow(type).permissions.includes(permission) ? (may(permission, type) ? "yes" : "-") : "",
    ),
  ]);
  return [[builtInGroups[group].name, ...permissions], ...rows].map(line).join("");
}

function line([first = "", ...cells]: readonly string[]): string {
  return `${[first.padEnd(16), ...cells.map((cell) => cell.padEnd(12))].join("").trimEnd()}\n`;
}

/** In an organisation with one object of each type, and one member in that group alone. */
function asMemberOf(group: BuiltInGroup): (permission: Permission, type: ObjectType) => boolean {
  const made = objectTypeNames.filter((type) => objectTypeRow(type).existsBy === "access");
  const scenario: Scenario = {
    file: "",
    title: "",
    only: null,
    principals: [{ name: "member", kind: "user" }],
    strangers: [],
    groups: [
      { name: builtInGroups[group].name, builtIn: group, members: ["member"], memberGroups: [] },
      { name: "one", builtIn: null, members: [], memberGroups: [] },
    ],
    roles: [{ name: "one", permissions: [], memberRoles: [] }],
    objects: made
      .filter((type) => type !== "organization" && type !== "project_log")
      .map((type): NewObject => ({ object: named(type), parent: parentOf(type), alsoUnder: [] })),
    acls: [],
    expectations: [],
    steps: [],
  };
  const stage = setStage(scenario, { nowMs: 0 });
  const lookup = lookupOf(stage.facts());
  return (permission, type) => {
    const target: NamedTarget =
      permission === "create" && type !== "organization"
        ? { kind: "place", type, parent: parentOf(type) }
        : { kind: "object", object: named(type) };
    const question = stage.question({ text: "", who: "member", allowed: true, permission, target });
    const decision = decide(question, lookup);
    return decision.kind === "decided" && decision.allowed;
  };
}

function named(type: ObjectType): NamedObject {
  const isFace = type === "organization" || objectTypeRow(type).idOf === "organization";
  return { type, name: isFace ? null : "one" };
}

function parentOf(type: ObjectType): NamedObject {
  const { parent } = objectTypeRow(type);
  return named(parent ?? type);
}
