import { randomUUID } from "node:crypto";
import pg from "pg";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { type System, startSystem } from "../src/system.ts";
import { makeTeam, type Team } from "../src/team.ts";

// An object with more than a hundred ACLs is read in another way, and with more than ten thousand in yet another. Who may
// do what must not change with the way, nor when ACLs that come and go make it change.

const parts = new AsyncDisposableStack();
let system: System;
let team: Team;

beforeAll(async () => {
  system = parts.use(await startSystem({ databaseServerUrl: inject("databaseUrl") }));
  team = await makeTeam(system, 3);
}, 120_000);
afterAll(() => parts.disposeAsync());

async function makeGroups(count: number): Promise<string[]> {
  const made: string[] = [];
  for (let index = 0; index < count; index++) {
    const { id } = await team.rest.ok<{ id: string }>("POST", "/v1/group", { name: `Crowd ${randomUUID()}` });
    made.push(id);
  }
  return made;
}

/** As many ACLs as it takes, of each group all permissions but `read`. */
function crowd(groups: readonly string[], count: number): object[] {
  const others = ["create", "update", "delete", "create_acls", "read_acls", "update_acls", "delete_acls"];
  const all = groups.flatMap((group_id) =>
    others.flatMap((permission) =>
      ["experiment", "dataset", "prompt", null].map((restrict_object_type) => ({
        object_type: "project",
        object_id: team.projectId,
        group_id,
        permission,
        restrict_object_type,
      })),
    ),
  );
  return all.slice(0, count);
}

async function update(change: { add_acls?: object[]; remove_acls?: object[] }): Promise<string> {
  const answer = await team.rest.request("POST", "/v1/acl/batch_update", change);
  expect(answer.status).toBe(200);
  return answer.headers.get("x-portcullis-revision") ?? "";
}

async function mayRead(person: string, revision: string): Promise<boolean> {
  const consistency = { kind: { $case: "atLeastAsFresh", value: revision } } as const;
  const { allowed } = await system.decision.check(team.question(person, consistency));
  return allowed;
}

test("a grant holds and ends as before while other ACLs come and go around it", {
  timeout: 60_000,
}, async () => {
  const [ada, bob, eve] = team.people as [string, string, string];
  let revision = await team.join(ada);
  const mine = {
    object_type: "project",
    object_id: team.projectId,
    user_id: bob,
    permission: "read",
  };
  const everyone = async () => Promise.all([ada, bob, eve].map((person) => mayRead(person, revision)));
  const groups = await makeGroups(8);
  const around = crowd(groups, 220);
  revision = await update({ add_acls: [mine] });
  expect(await everyone()).toEqual([true, true, false]);

  // Across the hundred, one ACL at a time, so that each side of it is seen.
  revision = await update({ add_acls: around.slice(0, 95) });
  for (const acl of around.slice(95, 105)) {
    revision = await update({ add_acls: [acl] });
    expect(await everyone()).toEqual([true, true, false]);
  }
  revision = await update({ remove_acls: [mine] });
  expect(await everyone()).toEqual([true, false, false]);
  revision = await team.leave(ada);
  expect(await everyone()).toEqual([false, false, false]);

  // What was read of it while it had many must not come back when it has many again.
  revision = await update({ add_acls: [mine, ...around.slice(105)] });
  expect(await everyone()).toEqual([false, true, false]);
  revision = await update({ remove_acls: around });
  expect(await everyone()).toEqual([false, true, false]);
  revision = await update({ remove_acls: [mine] });
  expect(await everyone()).toEqual([false, false, false]);
  revision = await update({ add_acls: around });
  expect(await everyone()).toEqual([false, false, false]);
  revision = await team.join(eve);
  expect(await everyone()).toEqual([false, false, true]);
});

test("lists, reasons and simulations see all of some hundred ACLs", { timeout: 60_000 }, async () => {
  const [ada, , eve] = team.people as [string, string, string];
  const object = { type: "experiment", id: team.experimentId };
  const asked = { object, permission: "read", consistency: { fully_consistent: {} } };
  const list = await team.rest.ok<{ principals: { principal: { id: string } }[] }>(
    "POST",
    "/v1/access/list-principals",
    asked,
  );
  const listed = list.principals.map(({ principal }) => principal.id);
  expect(listed).toContain(eve);
  expect(listed).not.toContain(ada);
  const explained = (principal_id: string) =>
    team.rest.ok<object>("POST", "/v1/access/explain", { ...asked, principal_id });
  expect(await explained(eve)).toMatchObject({ allowed: true, paths: [{ groups: [{ id: team.groupId }] }] });
  expect(await explained(ada)).toMatchObject({ allowed: false, nearest_cut: true });
  const change = { remove_principal: { group_id: team.groupId, principal_id: eve } };
  const simulated = await team.rest.ok<{ differences: { principal_id: string; object: object }[] }>(
    "POST",
    "/v1/access/simulate",
    { changes: [change] },
  );
  expect(simulated.differences).toContainEqual(
    expect.objectContaining({ principal_id: eve, object, lost: ["read"] }),
  );
});

test("of an object with a hundred thousand ACLs Check answers, and lists are refused with their limit", {
  timeout: 120_000,
}, async () => {
  const [ada, , eve] = team.people as [string, string, string];
  const { id } = await team.rest.ok<{ id: string }>("POST", "/v1/project", { name: "Crowded" });
  const client = new pg.Client({ connectionString: system.databaseUrl("grants") });
  await client.connect();
  await client.query(
    `insert into acl (id, org_id, object_type, object_id, subject_kind, subject_id, permission, built_in, created)
     select gen_random_uuid(), $1, 'project', $2, 'group', gen_random_uuid(), 'read', false, now()
     from generate_series(1, 100000)`,
    [team.orgId, id],
  );
  await client.end();
  const mine = { object_type: "project", object_id: id, group_id: team.groupId, permission: "read" };
  const ask = async (person: string, revision: string) => {
    const object = { type: "project", id } as const;
    const consistency = { kind: { $case: "atLeastAsFresh", value: revision } } as const;
    const question = {
      ...team.question(person, consistency),
      what: { $case: "object", value: object },
    } as const;
    return (await system.decision.check(question)).allowed;
  };
  let revision = await update({ add_acls: [mine] });
  expect([await ask(eve, revision), await ask(ada, revision)]).toEqual([true, false]);
  const about = { object: { type: "project", id }, permission: "read" };
  for (const [path, body] of [
    ["list-principals", about],
    ["simulate", { changes: [{ remove_principal: { group_id: team.groupId, principal_id: eve } }] }],
  ] as const) {
    const answer = await team.rest.request("POST", `/v1/access/${path}`, body);
    expect([path, answer.status]).toEqual([path, 400]);
    expect(JSON.stringify(answer.body)).toMatch(/more than 10000 ACLs/);
  }
  revision = await update({ remove_acls: [mine] });
  expect([await ask(eve, revision), await ask(ada, revision)]).toEqual([false, false]);
});
