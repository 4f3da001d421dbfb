import { type ObjectId, type ObjectType, type OrgId, objectTypeRow } from "@portcullis/policy";
import { expect, test } from "vitest";
import {
  facesOf,
  forTheLog,
  freshText,
  isOneOfOrganization,
  type RegisteredObject,
  registeredTypes,
} from "./object.ts";

const id = "p" as ObjectId;

test("the registry keeps what has an id of its own and lives nowhere else", () => {
  expect(registeredTypes.toSorted()).toEqual([
    "ai_secret",
    "dataset",
    "experiment",
    "org_ai_secret",
    "project",
    "project_group",
    "prompt",
    "prompt_session",
  ]);
  for (const type of ["organization", "org_member", "org_project", "org_audit_logs"] as const) {
    expect(isOneOfOrganization(type)).toBe(true);
  }
  expect(isOneOfOrganization("project_group")).toBe(false);
});

test("a project's logs are its one face; nothing else has any", () => {
  expect(facesOf({ type: "project", id })).toEqual([{ type: "project_log", id }]);
  for (const type of registeredTypes.filter((each) => each !== "project")) {
    expect(facesOf({ type, id })).toEqual([]);
  }
  expect(facesOf({ type: "organization", id })).toEqual([]);
});

test("what the registry keeps below an object of its own has nothing of the registry below itself", () => {
  const kept = new Set(registeredTypes);
  const parentOf = (type: ObjectType) => objectTypeRow(type).parent;
  const inside = registeredTypes.filter((type) => kept.has(parentOf(type) as ObjectType));
  expect(inside.toSorted()).toEqual(["dataset", "experiment", "prompt", "prompt_session"]);
  expect(registeredTypes.filter((type) => inside.includes(parentOf(type) as ObjectType))).toEqual([]);
});

test("a fresh text begins like the taken one, fits, and holds whole characters", () => {
  expect(freshText("chat", "1a2b3c4d")).toBe("chat-1a2b3c4d");
  const fresh = freshText(`${"x".repeat(245)}\u{1f600}${"y".repeat(8)}`, "1a2b3c4d");
  expect(fresh).toBe(`${"x".repeat(245)}-1a2b3c4d`);
});

test("a large payload is told by its digest, a small one as it is", () => {
  const object: RegisteredObject = {
    id,
    org: "o" as OrgId,
    type: "project",
    parent: { type: "org_project", id: "o" as ObjectId },
    name: "p",
    slug: null,
    payload: { text: "x" },
    memberProjects: [],
    creator: null,
    created: new Date(0),
    deletedAt: null,
  };
  const { memberProjects: _none, ...told } = object;
  expect(forTheLog(object)).toEqual(told);
  const large = JSON.stringify(forTheLog({ ...object, payload: { text: "x".repeat(10_000) } }));
  expect(large).toContain('"bytes":10011');
  expect(large).not.toContain("xxxx");
});
