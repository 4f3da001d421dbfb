// The judge of torture, on recorded histories: what can be right passes, and each kind of wrong is found.

import type {
  Access,
  Acl,
  AclId,
  GroupId,
  ObjectId,
  ObjectRef,
  OrgId,
  PrincipalId,
} from "@portcullis/policy";
import { organizationFace } from "@portcullis/policy";
import { objectText } from "@portcullis/policy/testing";
import { Event } from "@portcullis/proto/events/v1/events";
import { describe, expect, test } from "vitest";
import { OwnerHistory, type WriteSeen } from "../src/torture/owner-history.ts";
import { leftovers, type States, withCredential, withMember } from "../src/torture/states.ts";
import {
  type Answer,
  type Freshness,
  type Histories,
  Judge,
  type Observation,
} from "../src/torture/verdict.ts";

import { wrongInFeed } from "../src/torture/watcher.ts";

const org = "a0000000-0000-4000-8000-000000000000" as OrgId;
const ada = "ada" as PrincipalId;
const crew = "crew" as GroupId;
const project: ObjectRef = { type: "project", id: "p" as ObjectId };
const target = { kind: "object", object: project } as const;
const maxStalenessMs = 100;

function write<State>(
  requestId: string,
  [askedAt, endedAt]: readonly [number, number],
  change: (state: State) => State,
  more: Partial<WriteSeen<State>> = {},
): WriteSeen<State> {
  return {
    requestId,
    what: requestId,
    askedAt,
    outcome: "acknowledged",
    endedAt,
    position: null,
    change,
    ...more,
  };
}

function event(position: number, requestId: string, dependsOn: Event["dependsOn"] = []): Event {
  const context = { actor: undefined, requestId, sourceAddress: "", unchangedSince: [] };
  return { ...Event.decode(new Uint8Array()), position, context, dependsOn };
}

const leave = (state: States["groups"]): States["groups"] =>
  state.memberships.get(ada)?.length === 0 ? state : { ...state, memberships: new Map([[ada, []]]) };
const acl: Acl = {
  id: "acl" as AclId,
  subject: { kind: "group", id: crew },
  grant: { kind: "permission", permission: "read", restrictObjectType: null },
  expiresAtMs: null,
};
const setAcls =
  (acls: readonly Acl[]) =>
  (state: States["grants"]): States["grants"] => {
    const access = state.access.get(objectText(project)) as Access;
    return { ...state, access: new Map([...state.access, [objectText(project), { ...access, acls }]]) };
  };

const initialGroups: States["groups"] = {
  groups: new Map([[crew, { memberGroups: [], builtIn: null }]]),
  memberships: new Map([[ada, [crew]]]),
};
const root = organizationFace("organization", org);
const place = organizationFace("org_project", org);
const initialGrants = (acls: readonly Acl[]): States["grants"] => ({
  roles: new Map(),
  access: new Map([
    [objectText(root), { parent: null, alsoUnder: [], acls: [] }],
    [objectText(place), { parent: root, alsoUnder: [], acls: [] }],
    [objectText(project), { parent: place, alsoUnder: [], acls }],
  ]),
});

const unchanging = {
  identity: new OwnerHistory("identity", { start: 0, initial: new Set([ada]) }, [], [], []),
  tokens: new OwnerHistory("tokens", { start: 0, initial: new Map([["key", ada]]) }, [], [], []),
};

/** Ada leaves the crew, asked for at 1000 and acknowledged at 1010; the crew is granted the project at 2000 to 2010. */
function leavesThenGranted({ closes = true } = {}) {
  const groups = new OwnerHistory(
    "groups",
    { start: 0, initial: initialGroups },
    [event(1, "leave")],
    [write("leave", [1000, 1010], leave, { position: 1 })],
    [],
  );
  const dependsOn = closes ? [{ owner: "groups", incarnation: "i", position: 1 }] : [];
  const grants = new OwnerHistory(
    "grants",
    { start: 0, initial: initialGrants([]) },
    [event(1, "grant", dependsOn)],
    [write("grant", [2000, 2010], setAcls([acl]), { position: 1 })],
    [],
  );
  return { ...unchanging, groups, grants };
}

/** The crew may read the project, until Ada leaves it. */
function granted() {
  const grants = new OwnerHistory("grants", { start: 0, initial: initialGrants([acl]) }, [], [], []);
  return { ...leavesThenGranted(), grants };
}

function wrong(
  histories: Histories,
  answer: Answer,
  [startedAt, endedAt]: readonly [number, number],
  freshness: Freshness = { kind: "minimize_latency" },
  who: Observation["who"] = { kind: "principal", id: ada },
): boolean {
  const judge = new Judge({ org, people: [ada], histories, targets: [target], maxStalenessMs });
  const observation = { who, permission: "read", target, freshness, startedAt, endedAt, answer } as const;
  return judge.wrongWith(observation) !== null;
}

describe("of somebody who leaves", () => {
  test("an allow is right before, and for the bound after; then it is wrong", () => {
    expect(wrong(granted(), "allowed", [900, 905])).toBe(false);
    expect(wrong(granted(), "allowed", [1110, 1111])).toBe(false);
    expect(wrong(granted(), "allowed", [1111, 1112])).toBe(true);
  });
  test("a denial is wrong before the write was asked for, and right from then on", () => {
    expect(wrong(granted(), "denied", [900, 999])).toBe(true);
    expect(wrong(granted(), "denied", [900, 1000])).toBe(false);
    expect(wrong(granted(), "denied", [5000, 5001])).toBe(false);
  });
  test("a fully consistent allow is wrong once the write was acknowledged", () => {
    expect(wrong(granted(), "allowed", [1010, 1012], { kind: "fully_consistent" })).toBe(false);
    expect(wrong(granted(), "allowed", [1011, 1012], { kind: "fully_consistent" })).toBe(true);
  });
  test("an allow older than its token is wrong at once", () => {
    const token = {
      kind: "at_least_as_fresh",
      positions: { identity: 0, groups: 1, grants: 0, tokens: 0 },
    } as const;
    expect(wrong(granted(), "allowed", [1010, 1012], token)).toBe(true);
    expect(wrong(granted(), "denied", [1010, 1012], token)).toBe(false);
  });
});

test("a grant that is seen without the leaving before it is wrong, though each is fresh enough by itself", () => {
  // Of one moment long ago it would be stale; here both were current within the bound, in a long call.
  const longCall = [1005, 2020] as const;
  expect(wrong(leavesThenGranted(), "allowed", longCall)).toBe(true);
  expect(wrong(leavesThenGranted({ closes: false }), "allowed", longCall)).toBe(false);
  expect(wrong(leavesThenGranted(), "denied", longCall)).toBe(false);
});

describe("of a member who is removed", () => {
  const removed = {
    ...granted(),
    identity: new OwnerHistory(
      "identity",
      { start: 0, initial: new Set([ada]) },
      [event(1, "remove")],
      [
        write<States["identity"]>("remove", [1000, 1010], (state) => withMember(state, ada, false), {
          position: 1,
        }),
      ],
      [],
    ),
    groups: new OwnerHistory("groups", { start: 0, initial: initialGroups }, [], [], []),
  };
  const key = { kind: "credential", id: "key" } as const;

  test("an allow is right before, and for the bound after; then it is wrong", () => {
    expect(wrong(removed, "allowed", [900, 905])).toBe(false);
    expect(wrong(removed, "allowed", [1110, 1111])).toBe(false);
    expect(wrong(removed, "allowed", [1111, 1112])).toBe(true);
    expect(wrong(removed, "denied", [1111, 1112])).toBe(false);
  });
  test("a credential is as good as its holder, and no answer but that it is none", () => {
    const minimal = { kind: "minimize_latency" } as const;
    expect(wrong(removed, "allowed", [900, 905], minimal, key)).toBe(false);
    expect(wrong(removed, "denied", [900, 905], minimal, key)).toBe(true);
    expect(wrong(removed, "unauthenticated", [900, 905], minimal, key)).toBe(true);
    expect(wrong(removed, "unauthenticated", [1111, 1112], minimal, key)).toBe(false);
    expect(wrong(removed, "allowed", [1111, 1112], minimal, key)).toBe(true);
  });
  test("what is left is told", () => {
    const states = {
      identity: new Set<PrincipalId>(),
      groups: initialGroups,
      grants: initialGrants([]),
      tokens: new Map([["key", ada]]),
    };
    expect(leftovers([ada], states)).toEqual([
      expect.stringMatching(/^ada .* memberships$/),
      expect.stringMatching(/^ada .* credentials$/),
    ]);
    expect(leftovers([ada], { ...states, identity: new Set([ada]) })).toEqual([]);
  });
});

test("a credential is none from its revocation on, and was none before it was made", () => {
  const tokens = new OwnerHistory<States["tokens"]>(
    "tokens",
    { start: 0, initial: new Map() },
    [event(1, "make"), event(2, "revoke")],
    [
      write("make", [1000, 1010], (state) => withCredential(state, "key", ada), { position: 1 }),
      write("revoke", [2000, 2010], (state) => withCredential(state, "key", null), { position: 2 }),
    ],
    [],
  );
  const histories = {
    ...granted(),
    groups: new OwnerHistory("groups", { start: 0, initial: initialGroups }, [], [], []),
    tokens,
  };
  const asked = (answer: Answer, at: number) =>
    wrong(histories, answer, [at, at + 1], { kind: "fully_consistent" }, { kind: "credential", id: "key" });
  expect([asked("unauthenticated", 900), asked("allowed", 900)]).toEqual([false, true]);
  expect([asked("unauthenticated", 1500), asked("allowed", 1500)]).toEqual([true, false]);
  expect([asked("unauthenticated", 2500), asked("allowed", 2500)]).toEqual([false, true]);
});

describe("a log", () => {
  const problems = (events: readonly Event[], writes: readonly WriteSeen<States["groups"]>[]) =>
    new OwnerHistory("groups", { start: 0, initial: initialGroups }, events, writes, []).problems;
  const left = write("leave", [1, 2], leave, { position: 1 });

  test("with one event for each write is right", () => {
    expect(problems([event(1, "leave")], [left])).toEqual([]);
  });
  test("without an acknowledged write has lost it", () => {
    expect(problems([], [{ ...left, position: 0 }])).toEqual([expect.stringContaining("is lost")]);
    expect(problems([], [left])).toEqual([expect.stringContaining("is lost")]);
  });
  test("may hold what was done because of another owner's write, once", () => {
    const cleared = { requestId: "remove", askedAt: 1, change: leave };
    const of = (events: readonly Event[]) =>
      new OwnerHistory("groups", { start: 0, initial: initialGroups }, events, [], [cleared]);
    expect(of([]).problems).toEqual([]);
    expect(of([event(1, "remove")]).problems).toEqual([]);
    expect(of([event(1, "remove")]).last.memberships.get(ada)).toEqual([]);
    expect(of([event(1, "remove"), event(2, "remove")]).problems).toHaveLength(1);
  });
  test("needs no event of a write that finds its effect there", () => {
    const again = write("again", [3, 4], leave, { position: 1 });
    expect(problems([event(1, "leave")], [left, again])).toEqual([]);
  });
  test("may hold a write whose outcome is not known, or not", () => {
    const unknown = { ...left, outcome: "unknown", position: null } as const;
    expect(problems([event(1, "leave")], [unknown])).toEqual([]);
    expect(problems([], [unknown])).toEqual([]);
  });
  test.each([
    ["a second event of one write", [event(1, "leave"), event(2, "leave")], [left]],
    ["has a gap", [event(2, "leave")], [left]],
    ["nobody asked for this", [event(1, "somebody's")], []],
    [
      "a refused write changed something",
      [event(1, "leave")],
      [{ ...left, outcome: "refused", position: null }],
    ],
  ] as const)("is wrong: %s", (problem, events, writes) => {
    expect(problems(events, writes)).toContainEqual(expect.stringContaining(problem));
  });
});

describe("of a change feed", () => {
  const start = { identity: 0, groups: 3, grants: 0, tokens: 0 };
  const of = (owner: string, position: number, dependsOn: Event["dependsOn"] = []): Event => ({
    ...event(position, `${owner} ${position}`, dependsOn),
    owner,
  });
  const left = of("groups", 4);
  const granted = of("grants", 1, [{ owner: "groups", incarnation: "first", position: 4 }]);
  const revoked = of("grants", 2, [{ owner: "groups", incarnation: "", position: 0 }]);
  const logs = { identity: [], groups: [left], grants: [granted, revoked], tokens: [] };

  test("all in order is right", () => {
    expect(wrongInFeed(start, [left, granted, revoked], logs)).toEqual([]);
  });

  test.each([
    ["an event that is missing at the end", [left, granted], "grants was told up to 1 of 2"],
    ["an event that is missing in between", [left, revoked], "grants 2 was told after 0"],
    ["an event told twice", [left, granted, granted, revoked], "grants 1 was told after 1"],
    [
      "an event told before what it came after",
      [granted, revoked, left],
      "grants 1 was told before groups 4, which it came after",
    ],
    [
      "an event that is not what was committed",
      [left, granted, { ...revoked, action: "something_else" }],
      "grants 2 is not what was told",
    ],
  ])("%s is found", (_, told, problem) => {
    expect(wrongInFeed(start, told, logs)).toContain(problem);
  });
});
