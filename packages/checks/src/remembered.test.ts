import type { Moment } from "@portcullis/facts";
import type { Acl, Decided, ObjectId, Permission, PrincipalId } from "@portcullis/policy";
import { expect, test } from "vitest";
import { recall, remember } from "./remembered.ts";

const moment: Moment = { identity: null, groups: null, grants: null };
const asked = {
  principal: id("1") as PrincipalId,
  permission: "read",
  target: { kind: "object", object: { type: "project", id: id("1") as ObjectId } },
} as const;
const granted = allowedBy(null);

test("what was decided twice is remembered, for that question at that moment alone", () => {
  remember(moment, asked, granted);
  expect(recall(moment, asked)).toBeNull();
  remember(moment, asked, granted);
  expect(recall(moment, asked)).toBe(granted);
  expect(recall({ ...moment }, asked)).toBeNull();
  // Each of these differs where only the whole of it can tell.
  const others = [
    { ...asked, principal: id("2") as PrincipalId },
    { ...asked, permission: "rest" as Permission },
    { ...asked, target: { kind: "object", object: { type: "dataset", id: asked.target.object.id } } },
    { ...asked, target: { kind: "object", object: { type: "project", id: id("2") as ObjectId } } },
    { ...asked, target: { kind: "place", type: "project", parent: asked.target.object } },
    { ...asked, target: { kind: "reach", ...asked.target.object, object: asked.target.object } },
  ] as const;
  for (const other of others) expect(recall(moment, other), JSON.stringify(other)).toBeNull();
});

test("what a grant allows that ends is not remembered, what a public object allows is", () => {
  const brief = { ...asked, principal: id("3") as PrincipalId };
  for (const _time of [1, 2]) remember(moment, brief, allowedBy(1));
  expect(recall(moment, brief)).toBeNull();
  const everybody: Decided = { kind: "decided", allowed: true, because: "public" };
  for (const _time of [1, 2]) remember(moment, brief, everybody);
  expect(recall(moment, brief)).toBe(everybody);
});

/** All end in the same way. */
function id(begin: string): string {
  return `${begin}0000000-0000-4000-8000-000000000001`;
}

function allowedBy(expiresAtMs: number | null): Decided {
  const acl = { expiresAtMs } as Acl;
  return { kind: "decided", allowed: true, because: { acl, on: asked.target.object } };
}
