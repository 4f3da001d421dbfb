import { expect, test } from "vitest";
import type { RoleContent } from "../../api/roles.ts";
import { changeBetween, matrixColumns, withCell } from "./role-matrix.ts";

const before: RoleContent = {
  name: "Labeller",
  description: "",
  member_permissions: [
    { permission: "read", restrict_object_type: null },
    { permission: "update", restrict_object_type: "dataset" },
  ],
  member_roles: ["viewer"],
};
const nothing = {
  add_member_permissions: [],
  remove_member_permissions: [],
  add_member_roles: [],
  remove_member_roles: [],
};

test("what nobody touched of a role is not sent", () => {
  expect(changeBetween(before, { ...before })).toEqual(nothing);
  expect(changeBetween(before, { ...before, name: "Annotator" })).toEqual({ ...nothing, name: "Annotator" });
});

test("of a role's permissions and roles those are sent that were set, and those that were taken away", () => {
  const [read, , update] = matrixColumns;
  const set = withCell(before.member_permissions, "experiment", read, true);
  const after = {
    ...before,
    member_permissions: withCell(set, "dataset", update, false),
    member_roles: ["b"],
  };
  expect(changeBetween(before, after)).toEqual({
    add_member_permissions: [{ permission: "read", restrict_object_type: "experiment" }],
    remove_member_permissions: [{ permission: "update", restrict_object_type: "dataset" }],
    add_member_roles: ["b"],
    remove_member_roles: ["viewer"],
  });
});
