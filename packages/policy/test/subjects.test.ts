import fc from "fast-check";
import { expect, test } from "vitest";
import {
  type Acl,
  isNeeds,
  type OrgId,
  organizationFace,
  type Permission,
  type PrincipalId,
  subjectsOf,
} from "../src/index.ts";
import { judge, lookupOf, objectText, sampling, targetsIn, worlds } from "./index.ts";

const asked: readonly Permission[] = ["read", "create", "update"];

test("whom subjects name or hold, and who is a member, are those whom the rule allows", {
  timeout: 120_000,
}, () => {
  fc.assert(
    fc.property(worlds(), fc.constantFrom(Infinity, 0, 2), ({ organizations, nowMs }, inAccess) => {
      for (const facts of organizations) {
        const lookup = lookupOf(facts, inAccess);
        const targets = targetsIn(facts).filter((target) => target.kind === "object");
        const verdict = judge(facts, { targets, nowMs });
        for (const target of targets) {
          for (const permission of asked) {
            const { org } = facts;
            const subjects = subjectsOf({ org, permission, object: target.object, nowMs }, lookup);
            if (isNeeds(subjects)) throw new Error("all facts are there");
            const isHeld = (principal: PrincipalId): boolean => {
              const groups = lookup.groups()?.holding(facts.memberships.get(principal) ?? []) ?? new Set();
              return [...groups].some((group) => subjects.groups.has(group));
            };
            for (const member of facts.members.keys()) {
              const has = subjects.everybody || subjects.principals.has(member) || isHeld(member);
              expect(has).toBe(verdict(member, permission, target));
            }
          }
        }
      }
    }),
    sampling({ numRuns: 100 }),
  );
});

test("the facts that are missing are named, those of no principal among them", () => {
  const org = "a0000000-0000-4000-8000-00000000000a" as never;
  const nothing = {
    member: () => undefined,
    memberships: () => undefined,
    groups: () => undefined,
    roles: () => undefined,
    access: () => undefined,
    aclsNaming: () => undefined,
    acls: () => undefined,
  };
  const object = { type: "project", id: "10000000-0000-4000-8000-000000000001" as never } as const;
  const subjects = subjectsOf({ org, permission: "read", object, nowMs: 0 }, nothing);
  expect(isNeeds(subjects) && subjects.keys.map(({ kind }) => kind)).toEqual([
    "groups",
    "roles",
    "access",
    "access",
    "access",
  ]);
});

test("of an object with too many ACLs nobody is told, and it is named", () => {
  const org = "a0000000-0000-4000-8000-00000000000a" as OrgId;
  const root = organizationFace("organization", org);
  const acl: Acl = {
    id: "any" as Acl["id"],
    subject: { kind: "principal", id: "ada" as PrincipalId },
    grant: { kind: "permission", permission: "read", restrictObjectType: null },
    expiresAtMs: null,
  };
  const none = new Map<never, never>();
  const access = new Map([[objectText(root), { parent: null, alsoUnder: [], acls: [acl] }]]);
  const facts = { org, members: none, memberships: none, groups: none, roles: none, access };
  const question = { org, permission: "read", object: root, nowMs: 0 } as const;
  const withAcls = (acls: readonly Acl[] | null | undefined) =>
    subjectsOf(question, { ...lookupOf(facts, 0), acls: () => acls });
  expect(withAcls([acl])).toMatchObject({ principals: new Set(["ada"]), tooManyOn: null });
  expect(withAcls(null)).toMatchObject({ everybody: false, principals: new Set(), tooManyOn: root });
  expect(withAcls(undefined)).toEqual({ kind: "needs", keys: [{ kind: "acls", org, object: root }] });
});
