// What a scope lets through, one by one.

import { describe, expect, test } from "vitest";
import {
  decideWithin,
  letsSee,
  letsThrough,
  type ObjectRef,
  type Permission,
  permissionsOn,
  permissionsWithin,
  type Scope,
  type Target,
} from "../src/index.ts";
import { ada, everything, org, organization, orgProject, ref, root } from "./acme.ts";
import { loadedOnDemand } from "./loaded-on-demand.ts";
import { lookupOf } from "./organization-facts.ts";

const nowMs = 1000;
const search = ref("project", "search");
const other = ref("project", "other");
const tuned = ref("experiment", "tuned");
const team = ref("group", "team");
const bundle = ref("project_group", "bundle");
const facts = organization({
  groups: { team: [] },
  on: [
    [root, null, [everything()]],
    [bundle, root],
    [search, orgProject, [], [bundle]],
    [other, orgProject],
    [tuned, search],
  ],
});
const lookup = lookupOf(facts);
const open: Scope = { permissions: null, objectTypes: null, objects: null };

function on(object: ObjectRef): Target {
  return { kind: "object", object };
}

function decided(scope: Scope | null, target: Target, permission: Permission = "read") {
  return decideWithin(scope, { org, principal: ada, permission, target, nowMs }, lookup);
}

function isAllowed(scope: Scope | null, target: Target, permission: Permission = "read"): boolean {
  const decision = decided(scope, target, permission);
  return decision.kind === "decided" && decision.allowed;
}

test("without one, or with one that narrows nothing, the decision is what it is", () => {
  expect(decided(null, on(tuned))).toMatchObject({ allowed: true, because: { on: root } });
  expect(decided(open, on(tuned))).toEqual(decided(null, on(tuned)));
});

test("what is outside is denied, and said to be", () => {
  const denied = { kind: "decided", allowed: false, because: "outside_scope" };
  expect(decided({ ...open, permissions: ["update"] }, on(tuned))).toEqual(denied);
  expect(decided({ ...open, objectTypes: ["dataset"] }, on(tuned))).toEqual(denied);
  expect(decided({ ...open, objects: [other] }, on(tuned))).toEqual(denied);
});

test("what is denied in any case is so for its own reason", () => {
  const nobody = {
    org,
    principal: "nobody" as typeof ada,
    permission: "read",
    target: on(tuned),
    nowMs,
  } as const;
  expect(decideWithin({ ...open, objects: [] }, nobody, lookup)).toMatchObject({ because: "not_a_member" });
});

test("an empty part lets nothing through", () => {
  for (const part of ["permissions", "objectTypes", "objects"]) {
    expect(isAllowed({ ...open, [part]: [] }, on(tuned))).toBe(false);
  }
});

test("objects are let through with all below them: by the tree, and by the project groups that list them", () => {
  for (const object of [tuned, search, bundle, orgProject, root]) {
    expect(isAllowed({ ...open, objects: [object] }, on(tuned))).toBe(true);
  }
  expect(isAllowed({ ...open, objects: [tuned] }, on(search))).toBe(false);
  expect(isAllowed({ ...open, objects: [ref("project", "tuned")] }, on(tuned))).toBe(false);
});

test("of a place the type is that of what would be made, and what it would be below counts", () => {
  const place: Target = { kind: "place", type: "dataset", parent: search };
  expect(isAllowed({ ...open, objectTypes: ["dataset"] }, place, "create")).toBe(true);
  expect(isAllowed({ ...open, objectTypes: ["project"] }, place, "create")).toBe(false);
  expect(isAllowed({ ...open, objects: [search] }, place, "create")).toBe(true);
  expect(isAllowed({ ...open, objects: [other] }, place, "create")).toBe(false);
});

test("what reaches every type is more than a list of types, even of all", () => {
  const reach = (type: "dataset" | null): Target => ({ kind: "reach", type, object: search });
  const scope: Scope = { ...open, objectTypes: ["dataset", "project"] };
  expect(isAllowed(scope, reach("dataset"))).toBe(true);
  expect(isAllowed(scope, reach(null))).toBe(false);
  expect(isAllowed(open, reach(null))).toBe(true);
});

test("nothing is let through where nothing can stand", () => {
  const target: Target = { kind: "place", type: "organization", parent: root };
  const question = { org, permission: "create", target } as const;
  expect(letsThrough({ ...open, objects: [root] }, question, lookup)).toBe(false);
});

test("it asks for the facts that tell where a thing stands, also when nothing was loaded before", () => {
  for (const [object, objects, isLet] of [
    [tuned, [root], true],
    [tuned, [bundle], true],
    [tuned, [other], false],
    [team, [root], true],
    [team, [search], false],
    [ref("experiment", "gone"), [root], true],
    [ref("experiment", "gone"), [search], false],
  ] as const) {
    const question = { org, permission: "read", target: on(object) } as const;
    const answer = loadedOnDemand(lookup, (partly) => {
      const step = letsThrough({ ...open, objects }, question, partly);
      return typeof step === "boolean" ? { step } : step;
    });
    expect({ object, objects, ...answer }).toEqual({ object, objects, step: isLet });
  }
});

test("the permissions on an object are those that it lets through", () => {
  const question = { org, principal: ada, target: on(search), nowMs };
  const scope: Scope = { ...open, permissions: ["delete", "read"] };
  expect(permissionsWithin(scope, question, lookup)).toEqual({
    kind: "decided",
    permissions: ["read", "delete"],
  });
  expect(permissionsWithin(null, question, lookup)).toEqual(permissionsOn(question, lookup));
});

describe("all of a type is seen", () => {
  const seen = { type: "group", organization: root } as const;
  test.each([
    ["with what narrows nothing", open, true],
    ["with read", { ...open, permissions: ["update", "read"] }, true],
    ["not without read", { ...open, permissions: ["update"] }, false],
    ["with the type", { ...open, objectTypes: ["role", "group"] }, true],
    ["not with other types", { ...open, objectTypes: ["role"] }, false],
    ["with the organisation", { ...open, objects: [search, root] }, true],
    ["not with one of them", { ...open, objects: [team] }, false],
    ["not with another organisation", { ...open, objects: [ref("organization", "other")] }, false],
    ["not if one part says no", { permissions: ["read"], objectTypes: ["group"], objects: [team] }, false],
  ] as const satisfies readonly (readonly [string, Scope, boolean])[])("%s", (_, scope, isSeen) => {
    expect(letsSee(scope, seen)).toBe(isSeen);
  });
});

test("an unknown word of a newer process lets nothing through", () => {
  const word = "approve" as Permission;
  expect(isAllowed({ ...open, permissions: [word] }, on(tuned))).toBe(false);
});
