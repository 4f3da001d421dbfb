import type { FactKey, ObjectId, ObjectRef, OrgId } from "@portcullis/policy";
import { expect, test } from "vitest";
import { readFacts } from "./facts.ts";

test("a project that 100,000 project groups list is read in time", { timeout: 2000 }, () => {
  const org = "org" as OrgId;
  const object: ObjectRef = { type: "project", id: "project" as ObjectId };
  const keys: FactKey[] = [{ kind: "parents", org, object }];
  const row = {
    org_id: org,
    parent_type: "org_project",
    parent_id: org as string as ObjectId,
    public_read: false,
  };
  const listings = Array.from({ length: 100_000 }, (_, index) => ({
    org_id: org,
    id: `group ${index}` as ObjectId,
    project: object.id,
  }));
  const [place] = readFacts(keys).values({
    objects: [{ ...row, ...object }],
    listings,
    acls: [],
    all_acls: [],
    acls_naming: [],
    roles: [],
  });
  expect(place).toMatchObject({ alsoUnder: { length: 100_000 } });
});
