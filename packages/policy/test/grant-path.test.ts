import { describe, expect, test } from "vitest";
import {
  decide,
  type FactLookup,
  type GrantPath,
  grantPath,
  type Question,
  systemRoles,
} from "../src/index.ts";
import { acl, ada, everything, org, organization, orgProject, ref, root } from "./acme.ts";
import { lookupOf, type OrganizationFacts } from "./organization-facts.ts";

const search = ref("project", "search");
const tuned = ref("experiment", "tuned");
const readTuned: Question = {
  org,
  principal: ada,
  permission: "read",
  target: { kind: "object", object: tuned },
  nowMs: 0,
};

describe("the path of a grant", () => {
  test("leads from a group of the principal over the groups around it, and never through one that is gone", () => {
    const facts = organization({
      groups: { outer: ["middle", "gone"], middle: ["inner"], inner: [] },
      memberships: { ada: ["gone", "inner"] },
      on: [
        [search, orgProject, [acl({ toGroup: "outer", permission: "read" })]],
        [tuned, search],
      ],
    });
    expect(pathOf(readTuned, facts)).toMatchObject({
      groups: ["inner", "middle", "outer"],
      roles: [],
      objects: [tuned, search],
    });
  });

  test("leads from the role of the ACL to the one that holds the permission on that type", () => {
    const facts = organization({
      roles: {
        lead: {
          permissions: [{ permission: "read", restrictObjectType: "dataset" }],
          memberRoles: ["editor", "reviewer"],
        },
        editor: { permissions: [{ permission: "update", restrictObjectType: null }] },
        reviewer: { memberRoles: [systemRoles.viewer.id] },
      },
      on: [
        [search, orgProject],
        [tuned, search, [acl({ to: ada, role: "lead" })]],
      ],
    });
    expect(pathOf(readTuned, facts)).toMatchObject({
      groups: [],
      roles: ["lead", "reviewer", systemRoles.viewer.id],
      objects: [tuned],
    });
  });

  test("leads up to the object that the ACL sits on, beside others of its type", () => {
    const listed = ref("project_group", "public");
    const facts = organization({
      on: [
        [ref("project_group", "other"), root],
        [listed, root, [everything()]],
        [search, orgProject, [], [ref("project_group", "other"), listed]],
        [tuned, search],
      ],
    });
    expect(pathOf(readTuned, facts)?.objects).toEqual([tuned, search, listed]);
    const unlisted = organization({
      on: [
        [search, orgProject, [], [ref("project_group", "other")]],
        [tuned, search],
      ],
    });
    expect(grantPath(readTuned, { acl: everything(), on: listed }, lookupOf(unlisted))).toBeNull();
  });

  test("of a place begins with its parent", () => {
    const facts = organization({ on: [[root, null, [everything()]]] });
    const target = { kind: "place", type: "project", parent: root } as const;
    expect(pathOf({ ...readTuned, permission: "create", target }, facts)?.objects).toEqual([
      orgProject,
      root,
    ]);
  });

  test("is null when the facts are not those by which the grant was found", () => {
    const facts = organization({
      groups: { team: [] },
      memberships: { ada: ["team"] },
      on: [
        [search, orgProject, [acl({ toGroup: "team", role: systemRoles.viewer.id })]],
        [tuned, search],
      ],
    });
    const full = lookupOf(facts);
    const grant = grantOf(readTuned, full);
    expect(grantPath(readTuned, grant, full)).not.toBeNull();
    const changed: readonly Partial<FactLookup>[] = [
      { memberships: () => [] },
      { memberships: () => undefined },
      { groups: () => undefined },
      { roles: () => undefined },
      { access: () => null },
      { access: () => undefined },
    ];
    for (const change of changed) {
      expect(grantPath(readTuned, grant, { ...full, ...change }), Object.keys(change).join()).toBeNull();
    }
  });
});

function pathOf(question: Question, facts: OrganizationFacts): GrantPath | null {
  const lookup = lookupOf(facts);
  return grantPath(question, grantOf(question, lookup), lookup);
}

function grantOf(question: Question, lookup: FactLookup) {
  const decision = decide(question, lookup);
  if (decision.kind === "needs" || !decision.allowed) throw new Error("not allowed");
  if (decision.because === "public") throw new Error("allowed without a grant");
  return decision.because;
}
