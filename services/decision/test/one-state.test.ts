// A simulation is of one state of all logs: it counts only what was read while none of them moved.

import { Metadata } from "@grpc/grpc-js";
import type { Fault } from "@portcullis/chassis/fault";
import type { Call } from "@portcullis/chassis/rpc/call";
import type { FactOwner, FactOwners } from "@portcullis/facts";
import type { FactKey, FactKind, FactValues, GroupId, OrgId, PrincipalId } from "@portcullis/policy";
import { expect, test } from "vitest";
import { simulator } from "../src/rpc/simulate.ts";
import type { SurroundingOwners } from "../src/surroundings.ts";

const org = "a0000000-0000-4000-8000-00000000000a" as OrgId;
const team = "20000000-0000-4000-8000-000000000001" as GroupId;
const ada = "20000000-0000-4000-8000-000000000002" as PrincipalId;

const call: Call = {
  requestId: "test",
  deadlineMs: null,
  signal: new AbortController().signal,
  caller: { kind: "service", name: "admin" },
  metadata: new Metadata(),
};

/** Owners that say of the group whether it is there in each reading; the logs move between those that follow. */
function owners(isThere: readonly boolean[], { moves }: { readonly moves: number }) {
  let readings = 0;
  let heads = 0;
  const values = (key: FactKey): FactValues[FactKind] => {
    switch (key.kind) {
      case "member":
        return { kind: "user" };
      case "memberships":
        return [];
      case "groups": {
        const here = isThere[readings] ?? isThere.at(-1) ?? false;
        readings += 1;
        return new Map(here ? [[team, { memberGroups: [], builtIn: null }]] : []);
      }
      case "roles":
        return new Map();
      default:
        return null;
    }
  };
  const owner = (counts: boolean): FactOwner => ({
    load: async (keys) => ({
      incarnation: "one",
      facts: keys.map((key) => ({ key, lo: 0, hi: 0, value: values(key) })),
    }),
    async heads() {
      if (counts) heads += 1;
      return { incarnation: "one", heads: [counts ? Math.min(heads, moves + 1) : 7] };
    },
    readLog: () => Promise.reject(new Error("no simulation reads a log")),
  });
  const facts: FactOwners = {
    identity: owner(false),
    groups: owner(true),
    grants: owner(false),
    tokens: owner(false),
  };
  const around: SurroundingOwners = {
    facts,
    groups: { findPrincipals: async () => ({ principalIds: [], more: false, revision: undefined }) },
    grants: {
      listAcls: async () => ({ acls: [] }),
      listAclsNaming: async () => ({ acls: [], more: false }),
      listObjectsBelow: async () => ({ objects: [], more: false }),
    },
  };
  return { around, readings: () => readings };
}

const request = {
  orgId: org,
  changes: [{ change: { $case: "addPrincipal", value: { groupId: team, principalId: ada } } as const }],
};

test("what was read while a log moved is read again", async () => {
  const { around, readings } = owners([false, false, true], { moves: 2 });
  const answer = await simulator(around)(request, call);
  expect(answer.differences).toEqual([]);
  expect(readings()).toBe(3);
});

test("a refusal too is of a state that stood still", async () => {
  const { around } = owners([true, false], { moves: 1 });
  await expect(simulator(around)(request, call)).rejects.toMatchObject({
    kind: "invalid",
    field: "changes[0].add_principal.group_id",
  });
});

test("logs that never stand still make it unavailable, and not wrong", async () => {
  const { around, readings } = owners([true], { moves: 1000 });
  await expect(simulator(around)(request, call)).rejects.toMatchObject({ kind: "unavailable" });
  expect(readings()).toBe(10);
});

test("nothing is read for somebody who has gone away", async () => {
  const { around, readings } = owners([true], { moves: 0 });
  const gone = AbortSignal.abort(new Error("gone"));
  await expect(simulator(around)(request, { ...call, signal: gone })).rejects.toThrow("gone");
  expect(readings()).toBe(0);
});

test("two are in work at a time, some wait, and the others are told to come again", async () => {
  const { around } = owners([true], { moves: 0 });
  const { promise: open, resolve: letOn } = Promise.withResolvers<undefined>();
  let [inWork, most] = [0, 0];
  const simulate = simulator({
    ...around,
    facts: {
      ...around.facts,
      identity: {
        ...around.facts.identity,
        async heads(orgs) {
          inWork += 1;
          most = Math.max(most, inWork);
          await open;
          inWork -= 1;
          return around.facts.identity.heads(orgs);
        },
      },
    },
  });
  const all = Array.from({ length: 20 }, () =>
    simulate(request, call).then(
      () => "answered",
      (fault: Fault) => fault.kind,
    ),
  );
  expect(await Promise.all(all.slice(18))).toEqual(["exhausted", "exhausted"]);
  letOn(undefined);
  expect(await Promise.all(all.slice(0, 18))).toEqual(Array.from({ length: 18 }, () => "answered"));
  expect(most).toBe(2);
});

test("a service token may simulate in its own organisation alone", async () => {
  const { around, readings } = owners([true], { moves: 0 });
  const asking = (orgId: string) =>
    simulator(around)(request, { ...call, caller: { kind: "other", principalId: ada, orgId } });
  await expect(asking("b0000000-0000-4000-8000-00000000000b")).rejects.toMatchObject({ kind: "denied" });
  expect(readings()).toBe(0);
  expect((await asking(org)).pairsExamined).toBe(0);
});
