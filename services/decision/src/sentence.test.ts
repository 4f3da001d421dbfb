import { expect, test } from "vitest";
import { sentenceOf } from "./sentence.ts";

const ada = { type: "principal", id: "1", name: "Ada\nLovelace" };
const search = { type: "project", id: "2", name: "Search\r\n\u2028engine" };
const acl = {
  id: "3",
  on: { type: "org_project", id: "4", name: "" },
  subject: ada,
  permission: "create_acls",
  role: undefined,
  restrictObjectType: "prompt_session",
  expiresAt: undefined,
};
const denied = { allowed: false, reason: "no_grant", paths: [], pathsCut: false, nearest: [] };
const asked = { principal: ada, permission: "create_acls", object: search, place: null };

test("names can't break the line", () => {
  expect(sentenceOf(denied, asked)).toBe(
    'Ada Lovelace may not create ACLs on project "Search engine": no ACL for them reaches it.',
  );
});

test("what has no name is told by its id, and a face by what it is", () => {
  const path = { acl, groups: [], roles: [], objects: [] };
  const told = { ...denied, allowed: true, reason: "grant", paths: [path, path], pathsCut: true };
  const nameless = { ...asked, principal: { ...ada, name: "" }, object: { ...search, name: "" } };
  expect(sentenceOf(told, nameless)).toBe(
    "principal 1 may create ACLs on project 2: an ACL on all projects gives them the permission create ACLs for objects of type prompt session; other ways: 1 or more.",
  );
});

test("all that the nearest miss lacks is told", () => {
  const step = { grantedTypes: [], grantedPermissions: [], group: undefined, isEnough: false };
  const missing = [
    { ...step, kind: "in_force", expiredAt: new Date(0) },
    { ...step, kind: "group", group: { type: "group", id: "5", name: "Team" }, expiredAt: undefined },
  ];
  expect(sentenceOf({ ...denied, nearest: [{ acl, missing }] }, asked)).toContain(
    ', but it expired at 1970-01-01T00:00:00.000Z, and they are not in group "Team".',
  );
});
