import { systemRoles } from "@portcullis/policy";
import { expect, test } from "vitest";
import { atomsOf } from "./organization.ts";

const nowMs = Date.parse("2029-01-01T00:00:00Z");
const members = [{ id: "p", kind: "user" as const, name: null, email: "p@example.com", last_used_at: null }];
const owners = {
  id: "g",
  name: "Owners",
  description: null,
  member_users: ["p", "gone"],
  member_groups: ["x"],
};
const owner = {
  id: systemRoles.owner.id,
  org_id: null,
  name: "Owner",
  description: "Everything",
  member_permissions: [],
  member_roles: [],
};
const acl = {
  id: "a",
  object_type: "project" as const,
  object_id: "o",
  user_id: "p" as string | null,
  group_id: null as string | null,
  permission: "read" as const,
  restrict_object_type: null,
  role_id: null,
  expires_at: null as string | null,
};

const atomsWith = (...acls: Parameters<typeof atomsOf>[0]["acls"]) =>
  atomsOf({ members, groups: [owners], roles: [owner], acls }, nowMs).filter(({ kind }) => kind === "acl");

test("rows say what they give, and what nobody has any more is left out", () => {
  expect(atomsOf({ members, groups: [owners], roles: [owner], acls: [] }, nowMs)).toEqual([
    { kind: "group", group: "Owners", description: "" },
    { kind: "member", group: "Owners", principal: "p" },
  ]);
  expect(atomsWith({ ...acl, expires_at: "2030-01-01T01:00:00+01:00" })).toEqual([
    {
      kind: "acl",
      on: { type: "project", key: "o" },
      holder: { kind: "user", key: "p" },
      grant: { permission: "read", only: null },
      expiresAt: "2030-01-01T00:00:00.000Z",
    },
  ]);
  for (const nothing of [
    { expires_at: "2028-01-01T00:00:00.000Z" },
    { user_id: "gone" },
    { user_id: null, group_id: "gone" },
    { permission: null, role_id: "gone" },
    { object_type: "group" as const, object_id: "gone" },
  ]) {
    expect(atomsWith({ ...acl, ...nothing })).toEqual([]);
  }
});

test("what a built-in group came with is left out, and nothing else that it was granted", () => {
  const ofOwners = {
    ...acl,
    object_type: "organization" as const,
    user_id: null,
    group_id: "g",
    permission: null,
    role_id: owner.id,
  };
  expect(atomsWith(ofOwners)).toEqual([]);
  expect(atomsWith({ ...ofOwners, object_type: "org_project" })).toHaveLength(1);
  expect(atomsWith({ ...ofOwners, permission: "read", role_id: null })).toHaveLength(1);
});
