import { expect, test } from "vitest";
import type { AclAtom } from "./atom.ts";
import { demandsOf } from "./rights.ts";

const nothingInside = { description: null, member_users: [], member_groups: [] };
const organization = {
  id: "org",
  groups: new Map([["Old", { id: "g", name: "Old", ...nothingInside }]]),
  roles: new Map(),
};
const acl = (on: AclAtom["on"]): AclAtom => ({
  kind: "acl",
  on,
  holder: { kind: "user", key: "p" },
  grant: { permission: "read", only: null },
  expiresAt: null,
});
const nothing = { addMembers: [], removeMembers: [], addGroups: [], removeGroups: [], description: null };

test("each kind of write takes what REST asks for it, once, but on what is only being made", () => {
  const project = acl({ type: "project", key: "o" });
  const steps = [
    { do: "remove_acls", acls: [project, project] },
    { do: "update_group", group: "Old", ...nothing },
    { do: "delete_group", group: "Old" },
    { do: "create_group", group: "New", ...nothing },
    { do: "create_group", group: "Newer", ...nothing },
    { do: "update_group", group: "New", ...nothing },
    {
      do: "add_acls",
      acls: [project, acl({ type: "group", key: "Old" }), acl({ type: "group", key: "New" })],
    },
  ] as const;
  expect(demandsOf(steps, organization)).toEqual([
    { permission: "delete_acls", object: { type: "project", id: "o" } },
    { permission: "update", object: { type: "group", id: "g" } },
    { permission: "delete", object: { type: "group", id: "g" } },
    { permission: "create", place: { type: "group", parent: { type: "organization", id: "org" } } },
    { permission: "create_acls", object: { type: "project", id: "o" } },
    { permission: "create_acls", object: { type: "group", id: "g" } },
  ]);
});
