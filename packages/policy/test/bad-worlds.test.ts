// Organisations that somebody built to hurt: deep, wide and dense. The answer must be right, and come.

import { expect, test } from "vitest";
import {
  type Acl,
  type AclId,
  type Decision,
  decide,
  type GroupId,
  type GroupNode,
  grantPath,
  indexGroups,
  type Memberships,
  type ObjectId,
  type ObjectRef,
  type OrgId,
  organizationFace,
  type PrincipalId,
  type Question,
  type RoleId,
  type RoleNode,
} from "../src/index.ts";
import { lookupOf, type OrganizationFacts, objectText, type WholeAccess } from "./organization-facts.ts";

const emptyGroup: GroupNode = { memberGroups: [], builtIn: null };
const deadline = { timeout: 30_000 };
const many = 100_000;
const org = "org" as OrgId;
const ada = "ada" as PrincipalId;
const project: ObjectRef = { type: "project", id: "project" as ObjectId };
/** Each group holds the next one. */
const chain: ReadonlyMap<GroupId, GroupNode> = new Map(
  numbers(many).map((number) => [group(number), { memberGroups: [group(number + 1)], builtIn: null }]),
);
const question: Question = {
  org,
  principal: ada,
  permission: "read",
  target: { kind: "object", object: project },
  nowMs: 0,
};

test("a chain of 100,000 nested groups", deadline, () => {
  const facts = organization({ groups: chain, memberships: [group(many - 1)], acls: [toGroup(0)] });
  expect(isAllowed(decide(question, lookupOf(facts)))).toBe(true);
  const cut = new Map([...chain, [group(many / 2), emptyGroup]]);
  expect(isAllowed(decide(question, lookupOf({ ...facts, groups: cut })))).toBe(false);
});

test("a circle of 100,000 nested groups", deadline, () => {
  const groups = new Map(
    numbers(many).map((number) => [
      group(number),
      { memberGroups: [group((number + 1) % many)], builtIn: null },
    ]),
  );
  const facts = organization({ groups, memberships: [group(5)], acls: [toGroup(6)] });
  expect(isAllowed(decide(question, lookupOf(facts)))).toBe(true);
});

test("a group of 100,000 groups", deadline, () => {
  const groups = new Map<GroupId, GroupNode>(numbers(many).map((number) => [group(number), emptyGroup]));
  groups.set(group(many), { memberGroups: numbers(many).map(group), builtIn: null });
  const facts = organization({ groups, memberships: [group(many - 1)], acls: [toGroup(many)] });
  expect(isAllowed(decide(question, lookupOf(facts)))).toBe(true);
});

test(
  "a principal in 100,000 groups, and 100,000 ACLs for others before the one that counts",
  deadline,
  () => {
    const groups = new Map(numbers(many).map((number) => [group(number), emptyGroup]));
    const others = numbers(many).map((number) => toGroup(many + number));
    const facts = organization({
      groups,
      memberships: numbers(many).map(group),
      acls: [...others, toGroup(many - 1)],
    });
    expect(isAllowed(decide(question, lookupOf(facts)))).toBe(true);
    expect(isAllowed(decide(question, lookupOf(organization({ groups, acls: others }))))).toBe(false);
  },
);

test("a mesh of 1,000 groups, each in every other", deadline, () => {
  const all = numbers(1000).map(group);
  const groups = new Map(all.map((one) => [one, { memberGroups: all, builtIn: null }]));
  const facts = organization({ groups, memberships: [group(0)], acls: [toGroup(999)] });
  expect(isAllowed(decide(question, lookupOf(facts)))).toBe(true);
});

test("a chain of 100,000 roles", deadline, () => {
  const roles = new Map<RoleId, RoleNode>(
    numbers(many).map((number) => [role(number), { permissions: [], memberRoles: [role(number + 1)] }]),
  );
  roles.set(role(many), {
    permissions: [{ permission: "read", restrictObjectType: "project" }],
    memberRoles: [role(0)],
  });
  const facts = organization({ roles, acls: [toAda(role(0))] });
  expect(isAllowed(decide(question, lookupOf(facts)))).toBe(true);
  expect(isAllowed(decide({ ...question, permission: "update" }, lookupOf(facts)))).toBe(false);
});

test("the path through the longest chain is told whole", deadline, () => {
  const lookup = lookupOf(
    organization({ groups: chain, memberships: [group(many - 1)], acls: [toGroup(0)] }),
  );
  const decision = decide(question, lookup);
  if (decision.kind === "needs" || !decision.allowed) throw new Error("not allowed");
  if (decision.because === "public") throw new Error("allowed without a grant");
  expect(grantPath(question, decision.because, lookup)?.groups).toEqual(
    numbers(many).map(group).toReversed(),
  );
});

test("what an index remembers is bounded, and forgetting changes no answer", deadline, () => {
  const index = indexGroups(chain);
  const first: Memberships = [group(many - 1)];
  const remembered = index.holding(first);
  expect(index.holding(first)).toBe(remembered);
  for (const number of numbers(10)) index.holding([group(many - 1 - number)]);
  const again = index.holding(first);
  expect(again).not.toBe(remembered);
  expect(again).toEqual(remembered);
  index.holding([group(0)]);
  expect(index.holding(first)).toBe(again);
});

interface Parts {
  readonly groups?: ReadonlyMap<GroupId, GroupNode>;
  readonly memberships?: Memberships;
  readonly roles?: ReadonlyMap<RoleId, RoleNode>;
  readonly acls: readonly Acl[];
}

function organization({
  groups = new Map(),
  memberships = [],
  roles = new Map(),
  acls,
}: Parts): OrganizationFacts {
  const bare: WholeAccess = { parent: null, alsoUnder: [], acls: [] };
  return {
    org,
    members: new Map([[ada, { kind: "user" }]]),
    memberships: new Map([[ada, memberships]]),
    groups,
    roles,
    access: new Map([
      [objectText(organizationFace("organization", org)), bare],
      [objectText(project), { ...bare, parent: organizationFace("org_project", org), acls }],
    ]),
  };
}

function toGroup(number: number): Acl {
  return {
    id: `acl ${number}` as AclId,
    subject: { kind: "group", id: group(number) },
    grant: { kind: "permission", permission: "read", restrictObjectType: null },
    expiresAtMs: null,
  };
}

function toAda(id: RoleId): Acl {
  return {
    id: "acl" as AclId,
    subject: { kind: "principal", id: ada },
    grant: { kind: "role", id },
    expiresAtMs: null,
  };
}

function numbers(count: number): readonly number[] {
  return Array.from({ length: count }, (_, number) => number);
}

function group(number: number): GroupId {
  return `group ${number}` as GroupId;
}

function role(number: number): RoleId {
  return `role ${number}` as RoleId;
}

function isAllowed(decision: Decision): boolean {
  return decision.kind === "decided" && decision.allowed;
}
