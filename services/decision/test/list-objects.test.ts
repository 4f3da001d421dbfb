// A list is of one moment, and so is what of it a credential lets through.

import { Metadata } from "@grpc/grpc-js";
import { openLog } from "@portcullis/chassis/log";
import { FactMemory, FactReader, Follows, fromOwners } from "@portcullis/facts";
import { ScriptedOwner } from "@portcullis/facts/testing";
import type { FactKey, ObjectId, OrgId, PrincipalId, Scope } from "@portcullis/policy";
import { expect, onTestFinished, test } from "vitest";
import { listObjects } from "../src/rpc/list-objects.ts";

const org = "a0000000-0000-4000-8000-00000000000a" as OrgId;
const ada = "20000000-0000-4000-8000-000000000001" as PrincipalId;
const project = { type: "project", id: "30000000-0000-4000-8000-000000000001" as ObjectId } as const;
const group = { type: "project_group", id: "30000000-0000-4000-8000-000000000002" as ObjectId } as const;
const inGroup: Scope = { permissions: null, objectTypes: null, objects: [group] };

const silent = openLog("list-objects-test", "silent");
const call = {
  requestId: "test",
  deadlineMs: null,
  signal: new AbortController().signal,
  caller: { kind: "service", name: "admin" },
  metadata: new Metadata(),
} as const;

/** Ada may read a project that a project group lists, or does not. */
function listed({ isInGroup }: { readonly isInGroup: boolean }) {
  const owners = {
    identity: new ScriptedOwner("identity"),
    groups: new ScriptedOwner("groups"),
    grants: new ScriptedOwner("grants"),
    tokens: new ScriptedOwner("tokens"),
  };
  let mayRead = true;
  const place = (isListed: boolean) =>
    [
      { kind: "access", org, object: project } satisfies FactKey,
      {
        parent: { type: "org_project", id: org as string as ObjectId },
        alsoUnder: isListed ? [group] : [],
        acls: [],
      },
    ] as const;
  const root = { type: "organization", id: org as string as ObjectId } as const;
  owners.identity.commit([[{ kind: "member", org, principal: ada }, { kind: "user" }]]);
  owners.groups.commit([[{ kind: "memberships", org, principal: ada }, []]]);
  owners.grants.commit([
    place(isInGroup),
    [
      { kind: "access", org, object: root },
      { parent: null, alsoUnder: [], acls: [] },
    ],
    [
      { kind: "access", org, object: group },
      { parent: root, alsoUnder: [], acls: [] },
    ],
  ]);
  const memory = new FactMemory({ idsMax: 1000 });
  const clock = () => performance.now();
  const follows = new Follows({ owners, memory, clock, log: silent });
  onTestFinished(() => follows[Symbol.dispose]());
  const facts = new FactReader({
    memory,
    follows,
    source: fromOwners(owners),
    clock,
    maxStalenessMs: 2000,
  });
  const grants = {
    findObjects: async () => ({
      ids: mayRead ? [project.id] : [],
      more: false,
      every: false,
      revision: { orgId: org, owner: "grants", position: owners.grants.head(org), incarnation: "first" },
    }),
  };
  const request = {
    orgId: org,
    who: { $case: "principalId", value: ada },
    permission: "read",
    type: "project",
    under: undefined,
    limit: 10,
    cursor: "",
    consistency: undefined,
  } as const;
  return {
    owners,
    /** The group lists it from now on, and Ada may read it no longer. */
    turn: () => {
      owners.grants.commit([place(true)]);
      mayRead = false;
    },
    ask: async (scope: Scope | null) => {
      const principalOf = () => ({ org, find: () => ({ principal: ada, credential: null, scope }) });
      return (await listObjects(facts, grants, principalOf, request, call)).ids;
    },
  };
}

test("holds what the scope of a credential lets through, and nothing else", async () => {
  expect(await listed({ isInGroup: true }).ask(inGroup)).toEqual([project.id]);
  const { ask } = listed({ isInGroup: false });
  expect(await ask(null)).toEqual([project.id]);
  expect(await ask(inGroup)).toEqual([]);
});

test("holds nothing that was granted before the scope let it through, and not after", async () => {
  const { owners, turn, ask } = listed({ isInGroup: false });
  owners.grants.before = (name, keys) => {
    const isWithinRead = keys.some((key) => key.kind === "access" && key.object.type === "project");
    if (name !== "load" || !isWithinRead) return;
    owners.grants.before = () => undefined;
    turn();
  };
  expect(await ask(inGroup)).toEqual([]);
});
