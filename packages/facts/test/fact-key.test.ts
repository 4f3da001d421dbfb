import type { FactKey, OrgId, PrincipalId } from "@portcullis/policy";
import fc from "fast-check";
import { expect, test } from "vitest";
import { factKeyText } from "../src/fact-key.ts";
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

test("ids that look like the end of another name do not end it", () => {
  const member = (principal: string) =>
    factKeyText({ kind: "member", org: "o" as OrgId, principal: principal as PrincipalId });
  const names = ["", "|0:", "1:a", "a", "a|1:a", "|1:a", "ä", "Ä", "a ", " a"].map(member);
  expect(new Set(names).size).toBe(names.length);
});
