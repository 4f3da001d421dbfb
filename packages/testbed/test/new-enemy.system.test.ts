import { Fault } from "@portcullis/chassis/fault";
import { encodeRevision } from "@portcullis/facts/revision";
import { revisionFromWire } from "@portcullis/facts/wire";
import { throwawayRedis } from "@portcullis/one-machine/redis";
import type { Consistency } from "@portcullis/proto/decision/v1/decision";
import type { Revision } from "@portcullis/proto/events/v1/events";
import type { AclContent } from "@portcullis/proto/grants/v1/grants";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { type Gate, openGate } from "../src/gate.ts";
import { type System, startSystem } from "../src/system.ts";
import { makeTeam, type Team } from "../src/team.ts";

// What was done first is seen wherever that is seen which was done after it, though the two stand in logs of different
// owners. Nothing rings here: Redis is cut off, so decision hears of a log only when it looks, and changes are asked of
// the owners themselves, as the facade would have decision look. A question that brings the revision of the second
// change makes it look at that one's log; what came before must come along.

const rounds = 10;

const parts = new AsyncDisposableStack();
let system: System;
let redisGate: Gate;
let team: Team;

beforeAll(async () => {
  const server = parts.use(await throwawayRedis());
  redisGate = parts.use(await openGate(server.url));
  system = parts.use(
    await startSystem({ databaseServerUrl: inject("databaseUrl"), redisUrl: redisGate.url }),
  );
  team = await makeTeam(system, 2);
  redisGate.shut();
});
afterAll(() => parts.disposeAsync());

const context = { actor: undefined, requestId: "edit", sourceAddress: "", unchangedSince: [] };

function asFreshAs(revision: Revision | undefined): Consistency {
  if (revision === undefined) throw new Error("a write answered without a revision");
  return { kind: { $case: "atLeastAsFresh", value: encodeRevision(revisionFromWire(revision)) } };
}

async function isAllowed(person: string, consistency?: Consistency): Promise<boolean> {
  return (await system.decision.check(team.question(person, consistency))).allowed;
}

async function changeTeam(change: { join: string } | { leave: string }): Promise<Consistency> {
  const { revision } = await system.groups.updateGroup({
    context,
    orgId: team.orgId,
    id: team.groupId,
    name: undefined,
    description: undefined,
    replacePrincipalIds: undefined,
    replaceMemberGroupIds: undefined,
    addPrincipalIds: "join" in change ? [change.join] : [],
    removePrincipalIds: "leave" in change ? [change.leave] : [],
    addMemberGroupIds: [],
    removeMemberGroupIds: [],
  });
  return asFreshAs(revision);
}

/** Lets the team read the project, or takes that away. */
async function changeGrant(change: "add" | "remove"): Promise<Consistency> {
  const content: AclContent = {
    object: { type: "project", id: team.projectId },
    subject: { $case: "groupId", value: team.groupId },
    grant: { $case: "permission", value: "read" },
    restrictObjectType: "",
    expiresAt: undefined,
  };
  const { revision } = await system.grants.updateAcls({
    context,
    orgId: team.orgId,
    add: change === "add" ? [content] : [],
    remove: change === "remove" ? [{ what: { $case: "content", value: content } }] : [],
  });
  return asFreshAs(revision);
}

function people(): readonly [string, string] {
  const [leaver, stayer] = team.people;
  if (leaver === undefined || stayer === undefined) throw new Error("two people were expected");
  return [leaver, stayer];
}

test("who has left a group gets nothing of what it is granted afterwards", async () => {
  const [leaver, stayer] = people();
  await changeTeam({ join: stayer });
  for (let round = 0; round < rounds; round++) {
    const withdrawn = await changeGrant("remove");
    const joined = await changeTeam({ join: leaver });
    for (const person of [leaver, stayer]) {
      for (const since of [withdrawn, joined]) expect(await isAllowed(person, since)).toBe(false);
    }
    await changeTeam({ leave: leaver });
    const granted = await changeGrant("add");
    expect(await isAllowed(leaver, granted)).toBe(false);
    expect(await isAllowed(stayer, granted)).toBe(true);
  }
});

test("who joins a group gets nothing of what was taken from it before", async () => {
  const [leaver, stayer] = people();
  for (let round = 0; round < rounds; round++) {
    const left = await changeTeam({ leave: leaver });
    const granted = await changeGrant("add");
    for (const since of [granted, left]) {
      expect(await isAllowed(leaver, since)).toBe(false);
      expect(await isAllowed(stayer, since)).toBe(true);
    }
    await changeGrant("remove");
    expect(await isAllowed(leaver, await changeTeam({ join: leaver }))).toBe(false);
  }
});

test("a change is made though another owner can't say where it stands, and nobody is let in by it who had left", async () => {
  const [leaver, stayer] = people();
  const { orgId } = team;
  const role = await team.rest.ok<{ id: string }>("POST", "/v1/role", { name: "Empty" });
  await team.rest.ok("POST", "/v1/acl", {
    object_type: "project",
    object_id: team.projectId,
    group_id: team.groupId,
    role_id: role.id,
  });
  const joined = await changeTeam({ join: leaver });
  for (const person of [leaver, stayer]) expect(await isAllowed(person, joined)).toBe(false);
  await changeTeam({ leave: leaver });
  let edit: Revision | undefined;
  system.signal("groups", "SIGSTOP");
  try {
    const { revision } = await system.grants.updateRole({
      context,
      orgId,
      id: role.id,
      replacePermissions: undefined,
      replaceMemberRoleIds: undefined,
      addPermissions: [{ permission: "read", restrictObjectType: "" }],
      removePermissions: [],
      addMemberRoleIds: [],
      removeMemberRoleIds: [],
    });
    edit = revision;
    // The answer is "no" or none at all for as long as groups can't say whether somebody left before.
    const until = performance.now() + 3000;
    while (performance.now() < until) {
      const allowed = await isAllowed(leaver, asFreshAs(edit)).catch((error: unknown) => {
        if (error instanceof Fault && ["unavailable", "timeout"].includes(error.kind)) return false;
        throw error;
      });
      expect(allowed).toBe(false);
    }
  } finally {
    system.signal("groups", "SIGCONT");
  }
  const { events } = await system.facts.grants.readLog({
    orgId,
    after: (edit?.position ?? 0) - 1,
    limit: 1,
  });
  expect(events[0]?.dependsOn).toContainEqual({ owner: "groups", incarnation: "", position: 0 });
  expect(await isAllowed(leaver, { kind: { $case: "fullyConsistent", value: {} } })).toBe(false);
  expect(await isAllowed(stayer, { kind: { $case: "fullyConsistent", value: {} } })).toBe(true);
});

test("each change says where the other logs stood", async () => {
  const { orgId } = team;
  const saysOfTheLast = async () => {
    const { head } = await system.facts.groups.readLog({ orgId, after: 0, limit: 1 });
    const { events } = await system.facts.groups.readLog({ orgId, after: head - 1, limit: 1 });
    return events[0]?.dependsOn ?? [];
  };
  // Groups was frozen a moment ago, and may not have heard of the others since.
  const unknown = async () => {
    await changeTeam({ join: people()[1] });
    await changeTeam({ leave: people()[1] });
    return (await saysOfTheLast()).filter(({ incarnation }) => incarnation === "");
  };
  await expect.poll(unknown).toEqual([]);

  await changeTeam({ join: people()[1] });
  const heads = await Promise.all(
    (["identity", "grants", "tokens"] as const).map(async (owner) => {
      const { positions, incarnation } = await system.facts[owner].heads({ orgIds: [orgId] });
      return { owner, incarnation, position: positions[0] ?? 0 };
    }),
  );
  expect(await saysOfTheLast()).toEqual(heads);
});
