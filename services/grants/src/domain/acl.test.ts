import {
  type GroupId,
  type ObjectId,
  type OrgId,
  objectTypeNames,
  occursAtOrBelow,
  type PrincipalId,
  type RoleId,
} from "@portcullis/policy";
import { expect, test } from "vitest";
import { type AclContent, aclIdentity, builtInGrants, checkExpiries, checkRestriction } from "./acl.ts";

const now = new Date("2026-01-01T00:00:00Z");
const plain: AclContent = {
  object: { type: "project", id: "x" as ObjectId },
  subject: { kind: "principal", id: "x" as PrincipalId },
  grant: { kind: "permission", permission: "read", restrictObjectType: null },
  expiresAt: null,
};

test("two ACLs are one if and only if they differ in nothing but the expiry", () => {
  const others: AclContent[] = [
    { ...plain, object: { type: "project_log", id: plain.object.id } },
    { ...plain, object: { type: "project", id: "y" as ObjectId } },
    { ...plain, subject: { kind: "group", id: "x" as GroupId } },
    { ...plain, subject: { kind: "principal", id: "y" as PrincipalId } },
    { ...plain, grant: { kind: "permission", permission: "update", restrictObjectType: null } },
    { ...plain, grant: { kind: "permission", permission: "read", restrictObjectType: "prompt" } },
    { ...plain, grant: { kind: "role", id: "read" as RoleId } },
  ];
  expect(new Set([plain, ...others].map(aclIdentity)).size).toBe(1 + others.length);
  expect(aclIdentity({ ...plain, expiresAt: now })).toBe(aclIdentity(plain));
});

test("a restriction is allowed on every pair of types if and only if the one occurs at or below the other", () => {
  for (const outer of objectTypeNames) {
    for (const inner of objectTypeNames) {
      const content: AclContent = {
        ...plain,
        object: { type: outer, id: plain.object.id },
        grant: { kind: "permission", permission: "read", restrictObjectType: inner },
      };
      expect(refuses(() => checkRestriction(content, "add[0]"))).toBe(!occursAtOrBelow(inner, outer));
    }
  }
});

test("an addition may not have expired, at this very instant included", () => {
  const ending = (ms: number): AclContent[] => [plain, { ...plain, expiresAt: new Date(now.getTime() + ms) }];
  for (const ms of [-1, 0])
    expect(() => checkExpiries(ending(ms).slice(1), now)).toThrow(/^add\[0\]\.expires_at/);
  expect(() => checkExpiries(ending(1).slice(1), now)).not.toThrow();
  expect(() => checkExpiries(ending(1), now)).toThrow(/^add\[1\]\.expires_at: .*add\[0\]/);
  expect(() => checkExpiries([plain, plain], now)).not.toThrow();
});

test("the built-in groups hold what the catalog says", () => {
  const groups = { owners: "o" as GroupId, engineers: "e" as GroupId, viewers: "v" as GroupId };
  const grants = builtInGrants("acme" as OrgId, groups);
  expect(grants.map(({ object, subject, grant }) => [object, subject.id, grant.kind])).toEqual([
    [{ type: "organization", id: "acme" }, "o", "role"],
    [{ type: "org_project", id: "acme" }, "e", "role"],
    [{ type: "org_project", id: "acme" }, "v", "role"],
  ]);
});

function refuses(check: () => void): boolean {
  try {
    check();
    return false;
  } catch (error) {
    expect(error).toMatchObject({ kind: "invalid", field: "add[0].restrict_object_type" });
    return true;
  }
}
