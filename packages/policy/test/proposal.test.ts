// Changes that somebody thinks of making are refused for what the real ones are refused for. That those which can be
// made come to what they are for is a law of its own, beside the simulation.

import { describe, expect, test } from "vitest";
import {
  type Acl,
  type Change,
  type GroupId,
  type GroupNode,
  missingAtAndAbove,
  type OrgId,
  organizationFace,
  ownersAtStake,
  type Piece,
  type PrincipalId,
  proposed,
  type RoleId,
  type RoleNode,
  systemRoles,
  withFacts,
} from "../src/index.ts";

const nowMs = 1_800_000_000_000;
const org = "a0000000-0000-4000-8000-00000000000a" as OrgId;
const root = organizationFace("organization", org);
const [ada, bob, robot, stranger] = ["ada", "bob", "robot", "stranger"] as PrincipalId[] as [
  PrincipalId,
  PrincipalId,
  PrincipalId,
  PrincipalId,
];
const [owners, team] = ["owners", "team"] as GroupId[] as [GroupId, GroupId];
const reader = "reader" as RoleId;

const ownersGrant: Acl = {
  id: "built in" as Acl["id"],
  subject: { kind: "group", id: owners },
  grant: { kind: "role", id: systemRoles.owner.id },
  expiresAtMs: null,
};
const read = { kind: "permission", permission: "read", restrictObjectType: null } as const;

const rootKey = { kind: "access", org, object: root } as const;

function piece(more: Partial<Piece> = {}, acls: readonly Acl[] = [ownersGrant]): Piece {
  const all: Piece = {
    org,
    groups: new Map<GroupId, GroupNode>([
      [owners, { memberGroups: [team], builtIn: "owners" }],
      [team, { memberGroups: [], builtIn: null }],
    ]),
    roles: new Map<RoleId, RoleNode>([[reader, { permissions: [], memberRoles: [] }]]),
    members: new Map([
      [ada, { kind: "user" }],
      [bob, { kind: "user" }],
      [robot, { kind: "service_account" }],
      [stranger, null],
    ]),
    memberships: new Map([
      [ada, [owners]],
      [bob, []],
      [robot, [owners]],
      [stranger, []],
    ]),
    access: new Map(),
    ...more,
  };
  return withFacts(all, [[rootKey, { parent: null, alsoUnder: [], acls }]]);
}

function outcome(changes: readonly Change[], of = piece(), areOwnersAll = true) {
  return proposed(of, changes, { nowMs, areOwnersAll });
}

function addAcl(more: Partial<Acl>): Change {
  const acl = { subject: { kind: "group", id: team }, grant: read, expiresAtMs: null, ...more } as const;
  return { kind: "add_acl", on: root, acl };
}

const leave = (principal: PrincipalId): Change => ({ kind: "remove_principal", group: owners, principal });
const join = (principal: PrincipalId, group = owners): Change => ({
  kind: "add_principal",
  group,
  principal,
});

describe("the last Owner", () => {
  const wouldBeNone = /would be left without an active user in Owners/;

  test.each<[string, readonly Change[]]>([
    ["taken out, with a service account left", [leave(ada)]],
    ["removed from the organisation", [{ kind: "remove_member", principal: ada }]],
    [
      "replaced, and then its substitute gone",
      [join(bob), leave(ada), { kind: "remove_member", principal: bob }],
    ],
    [
      "only there through a nested group",
      [join(bob, team), leave(ada), { kind: "remove_member_group", group: owners, memberGroup: team }],
    ],
  ])("stays: %s", (_name, changes) => {
    expect(outcome(changes)).toMatchObject({
      kind: "refused",
      index: changes.length - 1,
      reason: expect.stringMatching(wouldBeNone),
      why: "refused",
    });
  });

  test("may go when there is another, directly or through a nested group", () => {
    expect(outcome([join(bob), leave(ada)]).kind).toBe("proposed");
    expect(outcome([join(bob, team), leave(ada)]).kind).toBe("proposed");
  });

  test("is not said to be the last where not all in Owners are known", () => {
    expect(outcome([leave(ada)], piece(), false)).toMatchObject({
      kind: "refused",
      reason: expect.stringMatching(/too many in Owners/),
    });
    expect(outcome([join(bob), leave(ada)], piece(), false).kind).toBe("proposed");
  });

  test("is looked for in all groups that may come to be in Owners, if anybody is taken away", () => {
    const other = "other" as GroupId;
    const nest = { kind: "add_member_group", group: team, memberGroup: other } as const;
    expect(ownersAtStake(piece(), [nest])).toEqual(new Set());
    expect(ownersAtStake(piece(), [leave(ada), nest])).toEqual(new Set([owners, team, other]));
  });
});

describe("nesting", () => {
  const groupAt = (place: number) => `group ${place}` as GroupId;
  const roleAt = (place: number) => `role ${place}` as RoleId;

  test("of groups goes 64 links deep, and no deeper", () => {
    const chain = piece({
      groups: new Map(
        Array.from({ length: 66 }, (_none, place): [GroupId, GroupNode] => [
          groupAt(place),
          { memberGroups: place < 64 && place !== 30 ? [groupAt(place + 1)] : [], builtIn: null },
        ]),
      ),
    });
    const close = { kind: "add_member_group", group: groupAt(30), memberGroup: groupAt(31) } as const;
    expect(outcome([close], chain).kind).toBe("proposed");
    const oneMore = { kind: "add_member_group", group: groupAt(64), memberGroup: groupAt(65) } as const;
    expect(outcome([close, oneMore], chain)).toMatchObject({
      index: 1,
      field: "member_group_id",
      reason: "groups can't be nested more than 64 deep",
    });
    const open = { ...close, kind: "remove_member_group" } as const;
    expect(outcome([close, open, oneMore], chain).kind).toBe("proposed");
  });

  test("of roles goes 64 roles deep, and no deeper, those of the system included", () => {
    const chain = piece({
      roles: new Map(
        Array.from({ length: 64 }, (_none, place): [RoleId, RoleNode] => [
          roleAt(place),
          { permissions: [], memberRoles: place < 62 ? [roleAt(place + 1)] : [] },
        ]),
      ),
    });
    const add = (role: number, memberRole: RoleId) =>
      ({ kind: "add_member_role", role: roleAt(role), memberRole }) as const;
    expect(outcome([add(62, roleAt(63))], chain).kind).toBe("proposed");
    expect(outcome([add(62, roleAt(63)), add(63, systemRoles.viewer.id)], chain)).toMatchObject({
      index: 1,
      field: "member_role_id",
      reason: "roles can't be nested more than 64 deep",
    });
  });

  test("never leads back", () => {
    const back = { kind: "add_member_group", group: team, memberGroup: owners } as const;
    expect(outcome([back])).toMatchObject({
      field: "member_group_id",
      reason: "the group would contain itself",
    });
    expect(outcome([{ ...back, memberGroup: team }])).toMatchObject({
      reason: "the group would contain itself",
    });
    const itself = { kind: "add_member_role", role: reader, memberRole: reader } as const;
    expect(outcome([itself])).toMatchObject({ field: "member_role_id", why: "refused" });
  });
});

test.each<[string, Change, string]>([
  ["an ACL for who is no member", addAcl({ subject: { kind: "principal", id: stranger } }), "principal_id"],
  ["an ACL for no group", addAcl({ subject: { kind: "group", id: "none" as GroupId } }), "group_id"],
  ["an ACL of no role", addAcl({ grant: { kind: "role", id: "none" as RoleId } }), "role_id"],
  ["an ACL that is over", addAcl({ expiresAtMs: nowMs }), "expires_at"],
  [
    "a restriction to what does not occur there",
    {
      kind: "add_acl",
      on: organizationFace("org_member", org),
      acl: { ...ownersGrant, grant: { ...read, restrictObjectType: "project" } },
    },
    "restrict_object_type",
  ],
  ["an ACL that does not stand", { kind: "remove_acl", on: root, acl: { ...ownersGrant, grant: read } }, ""],
  ["what is built in", { kind: "remove_acl", on: root, acl: ownersGrant }, ""],
  ["an end of what is built in", addAcl({ ...ownersGrant, expiresAtMs: nowMs + 1 }), ""],
  ["who is no member, into a group", join(stranger), "principal_id"],
  ["somebody into no group", join(ada, "none" as GroupId), "group_id"],
  [
    "who is no member, out of the organisation",
    { kind: "remove_member", principal: stranger },
    "principal_id",
  ],
  [
    "a role of the system",
    { kind: "add_role_permission", role: systemRoles.viewer.id, permission: read },
    "role_id",
  ],
  ["no role", { kind: "remove_member_role", role: "none" as RoleId, memberRole: reader }, "role_id"],
])("refused: %s", (_name, change, field) => {
  expect(outcome([join(bob, team), change])).toMatchObject({ kind: "refused", index: 1, field });
});

test("an ACL that was removed can't be removed again, and one that was added can", () => {
  const added = addAcl({});
  const removed: Change = {
    kind: "remove_acl",
    on: root,
    acl: { subject: { kind: "group", id: team }, grant: read },
  };
  expect(outcome([added, removed]).kind).toBe("proposed");
  expect(outcome([added, removed, removed])).toMatchObject({ kind: "refused", index: 2 });
});

test("an ACL that stands keeps its expiry unless another is named; one that has expired is granted anew", () => {
  const expiryAfter = (standing: number | null, named: number | null) => {
    const acl = { ...ownersGrant, grant: read, expiresAtMs: standing };
    const of = piece({}, [acl]);
    const after = outcome([addAcl({ ...acl, expiresAtMs: named })], of);
    if (after.kind === "refused") throw new Error(after.reason);
    return [...after.piece.access.values()][0]?.acls?.map(({ expiresAtMs }) => expiresAtMs);
  };
  expect(expiryAfter(nowMs + 1, null)).toEqual([nowMs + 1]);
  expect(expiryAfter(nowMs + 1, nowMs + 2)).toEqual([nowMs + 2]);
  expect(expiryAfter(null, nowMs + 2)).toEqual([nowMs + 2]);
  expect(expiryAfter(nowMs, null)).toEqual([null]);
});

test("the ACLs of an object with very many are loaded by themselves, and then are like any", () => {
  const apart = piece();
  const without = withFacts(apart, [[rootKey, { parent: null, alsoUnder: [], acls: null }]]);
  expect(missingAtAndAbove([root], without)).toEqual([{ kind: "acls", org, object: root }]);
  expect(() => outcome([addAcl({})], without)).toThrow(/without the facts/);
  const loaded = withFacts(without, [[{ kind: "acls", org, object: root }, [ownersGrant]]]);
  expect(missingAtAndAbove([root], loaded)).toEqual([]);
  expect(loaded.access).toEqual(apart.access);
});
