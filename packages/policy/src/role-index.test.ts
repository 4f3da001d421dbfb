import { expect, test } from "vitest";
import { systemRoles } from "./catalog.ts";
import type { RoleNode } from "./facts.ts";
import type { RoleId } from "./ids.ts";
import { indexRoles } from "./role-index.ts";

const reader = "reader" as RoleId;
const onProjects = { permission: "read", restrictObjectType: "project" } as const;

/** Roles that count how often they are looked at. */
class Counted extends Map<RoleId, RoleNode> {
  reads = 0;
  override get(role: RoleId): RoleNode | undefined {
    this.reads += 1;
    return super.get(role);
  }
}

test("what a role grants is worked out once", () => {
  const roles = new Counted([[reader, { permissions: [onProjects], memberRoles: [] }]]);
  const index = indexRoles(roles);
  expect(index.grants(reader, "read", "project")).toBe(true);
  const { reads } = roles;
  expect(reads).toBeGreaterThan(0);
  expect(index.grants(reader, "read", "experiment")).toBe(false);
  expect(index.grants(reader, "update", "project")).toBe(false);
  expect(roles.reads).toBe(reads);
});

test("a role that is not there has no node and grants nothing", () => {
  const index = indexRoles(new Map());
  expect(index.node(reader)).toBeNull();
  expect(index.grants(reader, "read", "project")).toBe(false);
});

test("the system's roles say all that they grant themselves, and belong to nobody", () => {
  const index = indexRoles(new Map());
  for (const { id, permissions } of Object.values(systemRoles)) {
    expect(index.has(id)).toBe(false);
    expect(index.node(id)).toEqual({
      permissions: permissions.map((permission) => ({ permission, restrictObjectType: null })),
      memberRoles: [],
    });
  }
});
