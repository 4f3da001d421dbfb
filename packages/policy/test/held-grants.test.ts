import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type Acl,
  asSomebodyIn,
  type GroupId,
  type HeldGrant,
  type HeldGrants,
  heldGrants,
  isNeeds,
  type ObjectRef,
  objectTypeRow,
  type PrincipalId,
  permissions,
  type ReachingGrants,
  reachingGrants,
  systemRoles,
} from "../src/index.ts";
import { acl, ada, org, organization, orgProject, ref, root } from "./acme.ts";
import {
  judge,
  lookupOf,
  type OrganizationFacts,
  objectText,
  sampling,
  targetsIn,
  type WholeAccess,
  worlds,
} from "./index.ts";
import { atAndAbove, type OneTarget } from "./oracle.ts";

const search = ref("project", "search");
const tuned = ref("experiment", "tuned");

type OnObject = Extract<OneTarget, { kind: "object" }>;

function reachingOn(
  object: ObjectRef,
  facts: OrganizationFacts,
  nowMs: number,
  inAccess = Infinity,
): ReachingGrants {
  const reaching = reachingGrants({ org: facts.org, object, nowMs }, lookupOf(facts, inAccess));
  if (isNeeds(reaching)) throw new Error("all facts are there");
  return reaching;
}

function heldOn(
  object: ObjectRef,
  facts: OrganizationFacts,
  principal = ada,
  nowMs = 0,
  inAccess = Infinity,
): HeldGrants {
  const reaching = reachingOn(object, facts, nowMs, inAccess);
  const held = heldGrants({ org: facts.org, principal, nowMs }, reaching, lookupOf(facts, inAccess));
  if (isNeeds(held)) throw new Error("all facts are there");
  return held;
}

test("what is held on an object, and what is everybody's, is what the rule allows", {
  timeout: 120_000,
}, () => {
  fc.assert(
    fc.property(worlds(), fc.constantFrom(Infinity, 0, 2), ({ organizations, nowMs }, inAccess) => {
      for (const facts of organizations) {
        const targets = targetsIn(facts).filter((target): target is OnObject => target.kind === "object");
        const verdict = judge(facts, { targets, nowMs });
        for (const target of targets) {
          const { object } = target;
          const { everybody } = reachingOn(object, facts, nowMs, inAccess);
          for (const principal of facts.members.keys()) {
            const held = heldOn(object, facts, principal, nowMs, inAccess);
            const own = new Set([...everybody, ...held.grants.flatMap((one) => givenOn(object, one))]);
            expect(held.isMember).toBe(true);
            for (const permission of objectTypeRow(object.type).permissions) {
              expect(own.has(permission)).toBe(verdict(principal, permission, target));
            }
          }
        }
      }
    }),
    sampling({ numRuns: 60 }),
  );
});

test("nothing is lost at or below an object with an ACL that is marked as a duplicate there", {
  timeout: 120_000,
}, () => {
  let duplicates = 0;
  fc.assert(
    fc.property(worlds(), ({ organizations, nowMs }) => {
      for (const facts of organizations) {
        const targets = targetsIn(facts).filter((target): target is OnObject => target.kind === "object");
        const before = judge(facts, { targets, nowMs });
        const above = atAndAbove(facts, targets);
        for (const { object } of targets.slice(0, 6)) {
          for (const principal of facts.members.keys()) {
            const spare = heldOn(object, facts, principal, nowMs).grants.find((one) => one.isDuplicate);
            if (spare === undefined) continue;
            duplicates++;
            const after = judge(without(spare, facts), { targets, nowMs });
            for (const target of targets.filter((each) => above(each).has(objectText(object)))) {
              for (const permission of objectTypeRow(target.object.type).permissions) {
                expect(after(principal, permission, target)).toBe(before(principal, permission, target));
              }
            }
          }
        }
      }
    }),
    sampling({ numRuns: 60 }),
  );
  expect(duplicates).toBeGreaterThan(20);
});

describe("what somebody holds", () => {
  test("is told ACL by ACL, on the object and on what is below it, with each way there", () => {
    const facts = organization({
      groups: { outer: ["inner"], inner: [] },
      memberships: { ada: ["outer", "inner"] },
      on: [
        [orgProject, root, [acl({ toGroup: "outer", role: systemRoles.viewer.id })]],
        [search, orgProject, [acl({ to: ada, permission: "update", only: "dataset" })]],
      ],
    });
    const [direct, byGroup] = heldOn(search, facts).grants;
    expect(direct?.grant.gives).toEqual([{ type: "dataset", permission: "update" }]);
    expect(byGroup?.grant.gives[0]).toEqual({ type: "project", permission: "read" });
    expect(byGroup?.grant.gives).toContainEqual({ type: "experiment", permission: "read" });
    expect([...(byGroup?.paths ?? [])]).toMatchObject([
      { groups: ["outer"], objects: [search, orgProject], roles: [systemRoles.viewer.id] },
      { groups: ["inner", "outer"] },
    ]);
  });

  test("is a duplicate where others give all of it for as long, and both are where each gives the same", () => {
    const read = { ...acl({ to: ada }), id: "read" } as Acl;
    const all = { ...acl({ to: ada, role: systemRoles.viewer.id }), id: "all" } as Acl;
    const marks = (...acls: Acl[]) =>
      heldOn(tuned, withAcls(...acls)).grants.map(({ grant, isDuplicate }) => [grant.acl.id, isDuplicate]);
    expect(marks(read)).toEqual([["read", false]]);
    expect(marks(read, all)).toEqual([
      ["read", true],
      ["all", true],
    ]);
    expect(marks(read, { ...all, expiresAtMs: 1000 })).toEqual([
      ["read", false],
      ["all", true],
    ]);
    expect(marks({ ...read, expiresAtMs: 1000 }, { ...all, expiresAtMs: 500 })).toEqual([
      ["read", false],
      ["all", true],
    ]);
    const update = { ...acl({ to: ada, permission: "update" }), id: "update" } as Acl;
    const both = { ...acl({ to: ada, role: systemRoles.engineer.id }), id: "both" } as Acl;
    expect(marks(read, update, both)).toEqual([
      ["read", true],
      ["update", true],
      ["both", false],
    ]);
  });

  test("is everybody's where the object is public and it is nothing else", () => {
    const access: WholeAccess = { parent: search, alsoUnder: [], publicRead: true, acls: [acl({ to: ada })] };
    const facts = withAcls();
    const open = { ...facts, access: new Map([...facts.access, [objectText(tuned), access]]) };
    expect(reachingOn(tuned, open, 0).everybody).toEqual(["read"]);
    expect(heldOn(tuned, open).grants).toMatchObject([{ isEverybodys: true }]);
    expect(heldOn(tuned, withAcls(acl({ to: ada }))).grants).toMatchObject([{ isEverybodys: false }]);
  });

  test("leaves out what has expired, which still reaches the object", () => {
    const facts = withAcls({ ...acl({ to: ada }), expiresAtMs: 10 });
    expect(heldOn(tuned, facts, ada, 10).grants).toEqual([]);
    expect(reachingOn(tuned, facts, 10).grants).toMatchObject([{ isInForce: false, on: tuned }]);
  });

  test("is told of whoever is no member with that", () => {
    const eve = "eve" as PrincipalId;
    expect(heldOn(tuned, withAcls(acl({ to: eve })), eve)).toMatchObject({ isMember: false, grants: [{}] });
  });

  test("is told of a group as of somebody who is in it alone", () => {
    const facts = organization({
      groups: { outer: ["inner"], inner: [], other: [] },
      on: [
        [search, orgProject, [acl({ toGroup: "inner" }), acl({ toGroup: "other" }), acl({ to: ada })]],
        [tuned, search, [acl({ toGroup: "outer" })]],
      ],
    });
    const { principal, lookup } = asSomebodyIn("inner" as GroupId, lookupOf(facts));
    const held = heldGrants({ org, principal, nowMs: 0 }, reachingOn(tuned, facts, 0), lookup);
    if (isNeeds(held)) throw new Error("all facts are there");
    expect(held.grants.map(({ grant, isDuplicate }) => [grant.acl.id, isDuplicate])).toEqual([
      ["acl of outer", true],
      ["acl of inner", true],
    ]);
  });

  test("takes the facts of the principal", () => {
    const facts = withAcls(acl({ to: ada }));
    const lookup = { ...lookupOf(facts), member: () => undefined, memberships: () => undefined };
    const held = heldGrants({ org, principal: ada, nowMs: 0 }, reachingOn(tuned, facts, 0), lookup);
    expect(isNeeds(held) && held.keys.map(({ kind }) => kind)).toEqual(["member", "memberships"]);
  });
});

function withAcls(...acls: Acl[]): OrganizationFacts {
  return organization({
    on: [
      [orgProject, root],
      [search, orgProject],
      [tuned, search, acls],
    ],
  });
}

function givenOn(object: ObjectRef, { grant }: HeldGrant) {
  return permissions.filter((permission) =>
    grant.gives.some((given) => given.type === object.type && given.permission === permission),
  );
}

function without({ grant }: HeldGrant, facts: OrganizationFacts): OrganizationFacts {
  const on = objectText(grant.on);
  const fact = facts.access.get(on);
  if (fact === undefined) throw new Error("an ACL on nothing");
  const acls = fact.acls.filter((each) => each !== grant.acl);
  return { ...facts, access: new Map([...facts.access, [on, { ...fact, acls }]]) };
}
