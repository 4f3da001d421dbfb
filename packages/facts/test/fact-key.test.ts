import type { CredentialDigest, FactKey, ObjectId, OrgId, PrincipalId } from "@portcullis/policy";
import fc from "fast-check";
import { expect, test } from "vitest";
import { factKeyFromText, factKeyText } from "../src/fact-key.ts";
import { decoy, factKeys } from "./facts-arbitrary.ts";

test("two facts of an organisation never share a name, whatever their ids hold", () => {
  const keys = factKeys(decoy).map((key): FactKey => ({ ...key, org: "o" as OrgId }));
  fc.assert(
    fc.property(fc.array(keys, { minLength: 2, maxLength: 30 }), (some) => {
      const distinct = new Set(some.map((key) => JSON.stringify(key)));
      expect(new Set(some.map(factKeyText)).size).toBe(distinct.size);
    }),
    { numRuns: 2000 },
  );
});

test("a name leads back to the fact of principals, objects and whole organisations, and of no others", () => {
  const org = "0190a000-0000-7000-8000-000000000001" as OrgId;
  const id = "0190a000-0000-7000-8000-00000000000a";
  const keys: FactKey[] = [
    { kind: "member", org, principal: id as PrincipalId },
    { kind: "memberships", org, principal: id as PrincipalId },
    { kind: "groups", org },
    { kind: "roles", org },
    { kind: "access", org, object: { type: "project", id: id as ObjectId } },
  ];
  for (const key of keys) expect(factKeyFromText(org, factKeyText(key))).toEqual(key);
  const digest = "0".repeat(64) as CredentialDigest;
  const unread = [
    factKeyText({ kind: "credential", org, digest }),
    "",
    "member",
    "member|1:a",
    "access|7:project|1:a",
  ];
  for (const text of unread) expect(factKeyFromText(org, text)).toBeNull();
});

test("ids that look like the end of another name do not end it", () => {
  const member = (principal: string) =>
    factKeyText({ kind: "member", org: "o" as OrgId, principal: principal as PrincipalId });
  const names = ["", "|0:", "1:a", "a", "a|1:a", "|1:a", "ä", "Ä", "a ", " a"].map(member);
  expect(new Set(names).size).toBe(names.length);
});
