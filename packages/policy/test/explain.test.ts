import { describe, expect, test } from "vitest";
import {
  type Acl,
  type AclId,
  type Explanation,
  explain,
  explanationMax,
  type FactLookup,
  type Question,
  systemRoles,
} from "../src/index.ts";
import { acl, ada, org, organization, orgProject, ref, root } from "./acme.ts";
import { lookupOf, type OrganizationFacts } from "./organization-facts.ts";

const search = ref("project", "search");
const updateSearch: Question = {
  org,
  principal: ada,
  permission: "update",
  target: { kind: "object", object: search },
  nowMs: 1000,
};

describe("an explanation", () => {
  test("has a path for each group of the principal that leads to the ACL, and ends at 100", () => {
    const names = Array.from({ length: explanationMax.paths + 1 }, (_, index) => `team ${index}`);
    const withTeams = (teams: readonly string[]) =>
      organization({
        groups: { all: teams, ...Object.fromEntries(teams.map((team) => [team, []])) },
        memberships: { ada: teams },
        on: [[search, orgProject, [acl({ toGroup: "all", permission: "update" })]]],
      });
    const whole = explained(withTeams(names.slice(1)));
    expect(whole.paths.map(({ groups }) => groups)).toEqual(names.slice(1).map((team) => [team, "all"]));
    expect(whole.arePathsCut).toBe(false);
    const cut = explained(withTeams(names));
    expect(cut.paths).toHaveLength(explanationMax.paths);
    expect(cut.arePathsCut).toBe(true);
  });

  test("puts what lacks least first, and ends at 20 misses", () => {
    const expired = { ...acl({ to: ada, permission: "update" }), expiresAtMs: 1000 };
    const acls: readonly Acl[] = [
      acl({ to: "bob", permission: "update" }),
      acl({ toGroup: "gone", permission: "update" }),
      acl({ toGroup: "team", permission: "read" }),
      { ...acl({ toGroup: "team", permission: "update" }), expiresAtMs: 0 },
      acl({ to: ada, role: systemRoles.viewer.id }),
      acl({ toGroup: "team", permission: "update" }),
      acl({ to: ada, permission: "update", only: "dataset" }),
      expired,
    ];
    const withAcls = (all: readonly Acl[]) =>
      organization({ groups: { team: [] }, on: [[search, orgProject, all]] });
    const { misses, areMissesCut } = explained(withAcls(acls));
    expect(misses.map(({ missing }) => missing)).toEqual([
      [{ kind: "in_force", expiredAtMs: 1000 }],
      [{ kind: "object_type", grantedTypes: ["dataset"] }],
      [{ kind: "group", group: "team" }],
      [{ kind: "permission", grantedPermissions: ["read"] }],
      [
        { kind: "in_force", expiredAtMs: 0 },
        { kind: "group", group: "team" },
      ],
    ]);
    expect(areMissesCut).toBe(false);
    const many = Array.from({ length: explanationMax.misses + 1 }, (_, index) => ({
      ...expired,
      id: `acl ${index}` as AclId,
    }));
    expect(explained(withAcls(many.slice(1))).areMissesCut).toBe(false);
    const cut = explained(withAcls(many));
    expect(cut.misses).toHaveLength(explanationMax.misses);
    expect(cut.areMissesCut).toBe(true);
  });

  test("goes by what lists the object too, and waits for the facts of that though a grant is found", () => {
    const shown = ref("project_group", "shown");
    const facts = organization({
      on: [
        [shown, root, [{ ...acl({ to: ada, permission: "update" }), id: "listing" as AclId }]],
        [search, orgProject, [acl({ to: ada, permission: "update" })], [shown]],
      ],
    });
    expect(explained(facts).paths.map(({ objects }) => objects)).toEqual([[search], [search, shown]]);
    const full = lookupOf(facts);
    const partial: FactLookup = {
      ...full,
      access: (object) => (object.id === shown.id ? undefined : full.access(object)),
    };
    expect(explain(updateSearch, partial)).toEqual({
      kind: "needs",
      keys: [{ kind: "access", org, object: shown }],
    });
  });

  test("says of whoever is no member whether membership is all that lacks", () => {
    const on = [[search, orgProject, [acl({ to: ada, permission: "update" })]] as const];
    expect(explained(organization({ members: [], on })).misses).toEqual([
      { grant: null, missing: [{ kind: "membership", isEnough: true }] },
    ]);
    expect(explained(organization({ members: [], on: [[search, orgProject]] })).misses).toEqual([
      { grant: null, missing: [{ kind: "membership", isEnough: false }] },
    ]);
  });
});

test("of an object with very many ACLs only those that name the principal are said to come near", () => {
  const acls = [acl({ to: ada, permission: "read" }), acl({ toGroup: "team", permission: "update" })];
  const facts = organization({ groups: { team: [] }, on: [[search, orgProject, acls]] });
  expect(explained(facts)).toMatchObject({ misses: [{}, {}], areMissesCut: false });
  const cut = explain(updateSearch, lookupOf(facts, 1));
  expect(cut).toMatchObject({
    misses: [{ missing: [{ kind: "permission", grantedPermissions: ["read"] }] }],
    areMissesCut: true,
  });
});

function explained(facts: OrganizationFacts): Explanation {
  const explanation = explain(updateSearch, lookupOf(facts));
  if (explanation.kind === "needs") throw new Error("everything was loaded");
  return explanation;
}
