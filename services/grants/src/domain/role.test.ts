import { permissions, type RoleId } from "@portcullis/policy";
import { expect, test } from "vitest";
import {
  changed,
  checkRoom,
  type RoleChange,
  type RoleContent,
  systemRoleNamed,
  systemRoles,
} from "./role.ts";

const none: RoleChange = {
  addPermissions: [],
  removePermissions: [],
  addMemberRoles: [],
  removeMemberRoles: [],
};
const [a, b] = ["a" as RoleId, "b" as RoleId];
const read = { permission: "read", restrictObjectType: null } as const;
const readPrompts = { permission: "read", restrictObjectType: "prompt" } as const;
const standing: RoleContent = {
  name: "r",
  description: "d",
  permissions: [readPrompts, read],
  memberRoles: [a],
};

test("what is not given stays", () => {
  expect(changed(standing, none)).toEqual(standing);
  expect(changed(standing, { ...none, description: "" })).toEqual({ ...standing, description: "" });
});

test("a permission is removed with its own restriction only", () => {
  expect(changed(standing, { ...none, removePermissions: [read] }).permissions).toEqual([readPrompts]);
  expect(changed(standing, { ...none, removePermissions: [readPrompts] }).permissions).toEqual([read]);
});

test("whole lists apply first, then additions, then removals, and nothing stands twice", () => {
  const after = changed(standing, {
    ...none,
    replacePermissions: [read, read],
    addPermissions: [readPrompts, read],
    replaceMemberRoles: [b, b],
    addMemberRoles: [a, b],
    removeMemberRoles: [b],
  });
  expect(after).toMatchObject({ permissions: [read, readPrompts], memberRoles: [a] });
});

test("the system's roles are told by exact name and listed by descending id", () => {
  expect(systemRoles.map((role) => role.name)).toEqual(["Viewer", "Engineer", "Owner"]);
  expect(systemRoleNamed("owner")).toBeNull();
  expect(systemRoleNamed("Owner")?.permissions).toHaveLength(permissions.length);
});

test("an organisation has so many roles, and they hold so much together; what becomes less is always taken", () => {
  const others = { roles: 9999, permissions: 99_998, memberRoles: 99_999 };
  checkRoom(others, null, standing);
  const full = { ...others, roles: 10_000, permissions: 99_999 };
  expect(() => checkRoom(full, null, { ...standing, permissions: [] })).toThrow(/at most 10000 roles/);
  const smaller = { ...standing, permissions: [read] };
  expect(() => checkRoom(full, smaller, standing)).toThrow(/^permissions: .* at most 100000/);
  checkRoom(full, standing, standing);
  checkRoom(full, standing, smaller);
  expect(() => checkRoom(full, standing, { ...smaller, memberRoles: [a, b] })).toThrow(/^member_role_ids: /);
});
