import { randomUUID } from "node:crypto";
import type { CheckRequest } from "@portcullis/proto/decision/v1/decision";
import pg from "pg";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { restClient } from "../src/rest.ts";
import { type System, startSystem } from "../src/system.ts";
import { makeTeam, type Team } from "../src/team.ts";

// Organisations as large and as deep as nobody would want them: every question has its right answer or is refused with
// the limit, whatever its size. What would take hours to make through the API is put into the databases directly.

const parts = new AsyncDisposableStack();
let system: System;
beforeAll(async () => {
  system = parts.use(await startSystem({ databaseServerUrl: inject("databaseUrl") }));
}, 120_000);
afterAll(() => parts.disposeAsync());

async function put(owner: "identity" | "groups" | "grants", text: string, values: unknown[]): Promise<void> {
  const client = new pg.Client({ connectionString: system.databaseUrl(owner) });
  await client.connect();
  try {
    await client.query(text, values);
  } finally {
    await client.end();
  }
}

const fullyConsistent = { kind: { $case: "fullyConsistent", value: {} } } as const;
const now = { fully_consistent: {} };

function mayRead(team: Team, principal: string): CheckRequest {
  return team.question(principal, fullyConsistent);
}

async function isAllowed(question: CheckRequest): Promise<boolean> {
  return (await system.decision.check(question)).allowed;
}

/** A key of somebody's own. */
async function keyOf(team: Team, person: string): Promise<string> {
  const { secret } = await system.tokens.createCredential({
    context: { actor: undefined, requestId: "test", sourceAddress: "", unchangedSince: [] },
    orgId: team.orgId,
    kind: "api_key",
    principalId: person,
    name: "test",
    expiresAt: undefined,
    scope: undefined,
    replace: false,
  });
  return secret;
}

const uuidOf = (number: number, kind: number) =>
  `00000000-0000-7000-8${kind.toString(16).padStart(3, "0")}-${number.toString(16).padStart(12, "0")}`;

test("a group with a hundred thousand members", { timeout: 120_000 }, async () => {
  const count = 100_000;
  const team = await makeTeam(system, 2);
  const [ada = "", eve = ""] = team.people;
  await put(
    "identity",
    `with made as (
       insert into principal (id, kind, email, email_key, created)
       select gen_random_uuid(), 'user', address, address, now()
       from (select 'crowd-' || number || $2 as address from generate_series(1, $3::int) as number) as crowd
       returning id
     )
     insert into membership (org_id, principal_id, joined) select $1::uuid, id, now() from made`,
    [team.orgId, `@${randomUUID()}.example`, count],
  );
  const identity = new pg.Client({ connectionString: system.databaseUrl("identity") });
  await identity.connect();
  const { rows } = await identity.query<{ principal_id: string }>(
    "select principal_id from membership where org_id = $1 and principal_id <> all($2::uuid[]) order by 1",
    [team.orgId, [ada, eve]],
  );
  await identity.end();
  const crowd = rows.map((row) => row.principal_id).slice(0, count);
  await put(
    "groups",
    "insert into group_principal (org_id, group_id, principal_id) select $1, $2, unnest($3::uuid[]) on conflict do nothing",
    [team.orgId, team.groupId, crowd],
  );

  const [first = "", last = ""] = [crowd[0], crowd.at(-1)];
  expect(await isAllowed(mayRead(team, first))).toBe(true);
  expect(await isAllowed(mayRead(team, last))).toBe(true);
  expect(await isAllowed(mayRead(team, eve))).toBe(false);
  await team.join(eve);
  expect(await isAllowed(mayRead(team, eve))).toBe(true);
  await team.leave(last);
  expect(await isAllowed(mayRead(team, last))).toBe(false);
  const object = { type: "experiment", id: team.experimentId };
  const explained = await team.rest.ok<{ paths: object[] }>("POST", "/v1/access/explain", {
    principal_id: eve,
    permission: "read",
    object,
    consistency: now,
  });
  expect(explained.paths).toHaveLength(1);

  // Three pages of hundreds: in order, without repetition, of those who may and of no others.
  const listed: string[] = [];
  let cursor: string | null = null;
  for (let page = 0; page < 3; page++) {
    const answer: { principals: { principal: { id: string } }[]; cursor: string | null } = await team.rest.ok(
      "POST",
      "/v1/access/list-principals",
      { object, permission: "read", limit: 300, ...(cursor !== null && { cursor }) },
    );
    listed.push(...answer.principals.map(({ principal }) => principal.id));
    cursor = answer.cursor;
    expect(cursor).not.toBeNull();
  }
  expect(listed.length).toBeGreaterThan(800);
  expect(listed).toEqual([...new Set(listed)].toSorted());
  const members = new Set([...crowd, eve]);
  members.delete(last);
  const before = [...members].filter((id) => id <= (listed.at(-1) ?? "")).toSorted();
  expect(before.filter((id) => !listed.includes(id))).toEqual([]);

  const shown = await team.rest.ok<{ member_users: string[] }>("GET", `/v1/group/${team.groupId}`);
  expect(shown.member_users).toHaveLength(members.size);
  await team.rest.ok("DELETE", `/v1/group/${team.groupId}`);
  expect(await isAllowed(mayRead(team, first))).toBe(false);
  expect(await isAllowed(mayRead(team, eve))).toBe(false);
});

/** What was put into a database beside the log becomes known with the next event that touches it. */
async function touch(team: Team, path: "/v1/group" | "/v1/role"): Promise<string> {
  return (await team.rest.ok<{ id: string }>("POST", path, { name: `Touch ${randomUUID()}` })).id;
}

test("a principal in ten thousand groups", { timeout: 120_000 }, async () => {
  const limit = 10_000;
  const team = await makeTeam(system, 2);
  const [ada = "", eve = ""] = team.people;
  const crowdIds = Array.from({ length: limit }, (_, index) => uuidOf(index, 1));
  await put(
    "groups",
    `insert into permission_group (id, org_id, name, created)
     select id, $1, 'Crowd ' || id, now() from unnest($2::uuid[]) as id`,
    [team.orgId, crowdIds],
  );
  await put(
    "groups",
    "insert into group_principal (org_id, group_id, principal_id) select $1, unnest($2::uuid[]), $3",
    [team.orgId, crowdIds, ada],
  );
  await touch(team, "/v1/group");
  const group_id = uuidOf(limit - 1, 1);
  const acl = { object_type: "project", object_id: team.projectId, group_id, permission: "read" };
  await team.rest.ok("POST", "/v1/acl", acl);
  const object = { type: "experiment", id: team.experimentId };

  const question = mayRead(team, ada);
  expect(await isAllowed(question)).toBe(true);
  expect(await isAllowed({ ...question, permission: "update" })).toBe(false);
  expect(await isAllowed(mayRead(team, eve))).toBe(false);
  const { results } = await system.decision.batchCheck({
    orgId: team.orgId,
    checks: ["read", "update"].map((permission) => ({ ...question, permission, consistency: undefined })),
    consistency: fullyConsistent,
  });
  expect(results.map(({ allowed, error }) => error?.message ?? allowed)).toEqual([true, false]);
  const { permissions } = await system.decision.permissions({
    orgId: team.orgId,
    who: { $case: "principalId", value: ada },
    object,
    consistency: fullyConsistent,
  });
  expect(permissions).toEqual(["read"]);
  const explained = await system.decision.explain({ ...question, what: { $case: "object", value: object } });
  expect(explained.paths.map(({ groups }) => groups.map(({ id }) => id))).toEqual([[group_id]]);
  const list = { orgId: team.orgId, permission: "read", limit: 0, cursor: "", consistency: fullyConsistent };
  const objects = {
    ...list,
    who: { $case: "principalId", value: ada } as const,
    type: "experiment",
    under: undefined,
  };
  expect((await system.decision.listObjects(objects)).ids).toEqual([team.experimentId]);
  const { principals } = await system.decision.listPrincipals({ ...list, object });
  expect(principals.map(({ principal }) => principal?.id)).toContain(ada);

  // With a key of theirs, which is looked up with all that they are in.
  const rest = restClient(system.adminUrl, await keyOf(team, ada));
  expect(await rest.request("GET", `/v1/experiment/${team.experimentId}`)).toMatchObject({ status: 200 });
  const standing = () =>
    system.decision.standing({
      orgId: team.orgId,
      who: { $case: "principalId", value: ada },
      consistency: fullyConsistent,
    });
  expect(await standing()).toMatchObject({ owner: false, hasGrant: true });

  // Also on an object with so many ACLs that each group's are read for themselves.
  const others = ["create", "update", "delete", "create_acls", "read_acls", "update_acls", "delete_acls"];
  const crowd = ["experiment", "dataset", "prompt", null].flatMap((restrict_object_type) =>
    others.flatMap((permission) =>
      [0, 1, 2, 3].map((number) => ({
        ...acl,
        group_id: uuidOf(number, 1),
        permission,
        restrict_object_type,
      })),
    ),
  );
  await team.rest.ok("POST", "/v1/acl/batch_update", { add_acls: crowd });
  expect(await isAllowed(question)).toBe(true);
  expect(await isAllowed(mayRead(team, eve))).toBe(false);
  await team.rest.ok("DELETE", "/v1/acl", acl);
  expect(await isAllowed(question)).toBe(false);
  await team.rest.ok("POST", "/v1/acl", acl);

  // One more: a list of objects is refused with its limit, and everything else has its answer.
  await team.rest.ok("POST", "/v1/group", { name: "One more", member_users: [ada] });
  expect(await isAllowed(question)).toBe(true);
  expect(await standing()).toMatchObject({ owner: false, hasGrant: true });
  expect(await rest.request("GET", `/v1/experiment/${team.experimentId}`)).toMatchObject({ status: 200 });
  await expect(system.decision.listObjects(objects)).rejects.toMatchObject({
    kind: "refused",
    message: "the principal is in 10001 groups; lists are made for at most 10000",
  });
});

test("groups and roles nested a thousand deep, though none may be made so deep", {
  timeout: 120_000,
}, async () => {
  const depth = 1000;
  const team = await makeTeam(system, 2);
  const [ada = "", eve = ""] = team.people;
  const chain = Array.from({ length: depth }, (_, index) => uuidOf(index, 2));
  await put(
    "groups",
    `insert into permission_group (id, org_id, name, created)
     select id, $1, 'Deep ' || id, now() from unnest($2::uuid[]) as id`,
    [team.orgId, chain],
  );
  await put(
    "groups",
    "insert into group_nesting (org_id, group_id, member_group_id) select $1, * from unnest($2::uuid[], $3::uuid[])",
    [team.orgId, [team.groupId, ...chain.slice(0, -1)], chain],
  );
  await put("groups", "insert into group_principal (org_id, group_id, principal_id) values ($1, $2, $3)", [
    team.orgId,
    chain.at(-1),
    ada,
  ]);
  const roles = Array.from({ length: depth }, (_, index) => uuidOf(index, 3));
  await put(
    "grants",
    `insert into role (id, org_id, created, name, permissions, member_roles)
     select id, $1, now(), 'Deep ' || id, case when inner_id is null then $4::jsonb else '[]' end,
       case when inner_id is null then '{}' else array[inner_id] end
     from unnest($2::uuid[], $3::uuid[]) as link (id, inner_id)`,
    [
      team.orgId,
      roles,
      [...roles.slice(1), null],
      JSON.stringify([{ permission: "update", restrictObjectType: null }]),
    ],
  );
  const newGroup = await touch(team, "/v1/group");
  const newRole = await touch(team, "/v1/role");
  const acl = {
    object_type: "project",
    object_id: team.projectId,
    group_id: team.groupId,
    role_id: roles[0],
  };
  await team.rest.ok("POST", "/v1/acl", acl);
  const object = { type: "experiment", id: team.experimentId };

  for (const permission of ["read", "update"]) {
    expect(await isAllowed({ ...mayRead(team, ada), permission })).toBe(true);
    expect(await isAllowed({ ...mayRead(team, eve), permission })).toBe(false);
  }
  const explained = await system.decision.explain({
    ...mayRead(team, ada),
    permission: "update",
    what: { $case: "object", value: object },
  });
  expect(explained.paths.map((path) => [path.groups.length, path.roles.length])).toEqual([
    [depth + 1, depth],
  ]);
  const list = {
    orgId: team.orgId,
    permission: "update",
    limit: 0,
    cursor: "",
    consistency: fullyConsistent,
  };
  const who = { $case: "principalId", value: ada } as const;
  const { ids } = await system.decision.listObjects({ ...list, who, type: "experiment", under: undefined });
  expect(ids).toEqual([team.experimentId]);
  const { principals } = await system.decision.listPrincipals({ ...list, object });
  expect(principals.map(({ principal }) => principal?.id)).toContain(ada);

  // Whoever makes it deeper is told the limit; whoever makes it less deep is not kept from it.
  const tooDeep = { status: 400, body: { error: expect.stringContaining("nested more than 64 deep") } };
  const group = `/v1/group/${chain.at(-1)}`;
  expect(await team.rest.request("PATCH", group, { add_member_groups: [newGroup] })).toMatchObject(tooDeep);
  const role = `/v1/role/${roles.at(-1)}`;
  expect(await team.rest.request("PATCH", role, { add_member_roles: [newRole] })).toMatchObject(tooDeep);
  await team.rest.ok("PATCH", `/v1/group/${team.groupId}`, { remove_member_groups: [chain[0]] });
  expect(await isAllowed(mayRead(team, ada))).toBe(false);
});
