import { randomUUID } from "node:crypto";
import { permissions, systemRoles } from "@portcullis/policy";
import type { ProposedChange } from "@portcullis/proto/decision/v1/decision";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Facade, type Person, positions, startFacade } from "./facade.ts";

// What would change is what then does change, and asking changes nothing.

interface Simulated {
  readonly differences: readonly {
    principal_id: string;
    object: { type: string; id: string };
    gained: string[];
    lost: string[];
  }[];
  readonly cut_off: readonly string[];
  readonly pairs_examined: number;
}

let facade: Facade;
let ada: Person;
let bob: Person;
beforeAll(async () => {
  facade = await startFacade();
  [ada, bob] = [await facade.member(), await facade.member()];
});
afterAll(() => facade?.[Symbol.asyncDispose]());

async function create(noun: string, body: object): Promise<string> {
  return (await facade.owner.rest.ok<{ id: string }>("POST", `/v1/${noun}`, body)).id;
}

function patch(noun: string, id: string, body: object): Promise<unknown> {
  return facade.owner.rest.ok("PATCH", `/v1/${noun}/${id}`, body);
}

function simulate(...changes: readonly object[]): Promise<Simulated> {
  return facade.owner.rest.ok<Simulated>("POST", "/v1/access/simulate", { changes });
}

interface Ref {
  readonly type: string;
  readonly id: string;
}

/** Everything that these may do on these, as lines. */
async function held(people: readonly Person[], objects: readonly Ref[]): Promise<ReadonlySet<string>> {
  const questions = people.flatMap(({ id }) =>
    objects.flatMap((object) => permissions.map((permission) => ({ principal_id: id, permission, object }))),
  );
  const { results } = await facade.owner.rest.ok<{ results: { allowed: boolean }[] }>(
    "POST",
    "/v1/access/batch-check",
    { checks: questions, consistency: { fully_consistent: {} } },
  );
  return new Set(
    questions
      .filter((_question, index) => results[index]?.allowed === true)
      .map((question) => lineOf(question)),
  );
}

function lineOf(about: { principal_id: string; permission: string; object: Ref }): string {
  return `${about.principal_id} ${about.permission} ${about.object.type} ${about.object.id}`;
}

function linesOf({ differences }: Simulated, which: "gained" | "lost"): readonly string[] {
  return differences
    .flatMap((one) => one[which].map((permission) => lineOf({ ...one, permission })))
    .toSorted();
}

test("each kind of change does what was simulated of it, and simulating writes nothing", async () => {
  const { owner, org, viewer } = facade;
  const project = await create("project", { name: "Search" });
  const inProject = { project_id: project };
  const shown = await create("project_group", { name: "Shown", member_projects: [project] });
  const [team, inner] = [await create("group", { name: "Team" }), await create("group", { name: "Inner" })];
  const [reader, base] = [
    await create("role", { name: "Reader", member_permissions: ["read"] }),
    await create("role", { name: "Base", member_permissions: ["delete_acls"] }),
  ];
  const objects: readonly Ref[] = [
    { type: "organization", id: org.orgId },
    { type: "org_project", id: org.orgId },
    { type: "project", id: project },
    { type: "project_log", id: project },
    { type: "experiment", id: await create("experiment", { name: "Tuned", ...inProject }) },
    { type: "experiment", id: await create("experiment", { name: "Open", public: true, ...inProject }) },
    { type: "dataset", id: await create("dataset", { name: "Golden", ...inProject }) },
    { type: "project_group", id: shown },
    { type: "group", id: team },
    { type: "role", id: reader },
  ];
  const people = [ada, bob, viewer];
  await patch("group", inner, { add_member_users: [ada.id] });

  const onShown = { object: { type: "project_group", id: shown }, group_id: team, role_id: reader };
  const readTuned = { object: objects[4], principal_id: bob.id, permission: "read" };
  let granted = "";
  const steps: readonly {
    readonly moves: boolean;
    readonly changes: () => readonly object[];
    readonly really: () => Promise<unknown>;
  }[] = [
    {
      moves: false,
      changes: () => [{ add_acl: onShown }],
      really: async () => {
        const acl = { object_type: "project_group", object_id: shown, group_id: team, role_id: reader };
        granted = await create("acl", acl);
      },
    },
    {
      moves: true,
      changes: () => [{ add_member_group: { group_id: team, member_group_id: inner } }],
      really: () => patch("group", team, { add_member_groups: [inner] }),
    },
    {
      moves: true,
      changes: () => [{ add_principal: { group_id: team, principal_id: bob.id } }],
      really: () => patch("group", team, { add_member_users: [bob.id] }),
    },
    {
      moves: true,
      changes: () => [
        { add_role_permission: { role_id: reader, permission: "update", restrict_object_type: "dataset" } },
        { add_member_role: { role_id: reader, member_role_id: base } },
      ],
      really: async () => {
        const permission = { permission: "update", restrict_object_type: "dataset" };
        await patch("role", reader, { add_member_permissions: [permission] });
        await patch("role", reader, { add_member_roles: [base] });
      },
    },
    {
      moves: true,
      changes: () => [
        { remove_role_permission: { role_id: base, permission: "delete_acls" } },
        { remove_member_role: { role_id: reader, member_role_id: base } },
        { remove_principal: { group_id: inner, principal_id: ada.id } },
      ],
      really: async () => {
        await patch("role", base, { remove_member_permissions: ["delete_acls"] });
        await patch("role", reader, { remove_member_roles: [base] });
        await patch("group", inner, { remove_member_users: [ada.id] });
      },
    },
    {
      moves: true,
      changes: () => [
        { add_acl: readTuned },
        { remove_acl: { id: granted } },
        { remove_member_group: { group_id: team, member_group_id: inner } },
      ],
      really: async () => {
        const acl = {
          object_type: "experiment",
          object_id: objects[4]?.id,
          user_id: bob.id,
          permission: "read",
        };
        await create("acl", acl);
        await owner.rest.ok("DELETE", `/v1/acl/${granted}`);
        await patch("group", team, { remove_member_groups: [inner] });
      },
    },
    {
      moves: true,
      changes: () => [{ remove_member: { principal_id: bob.id } }],
      really: () => owner.rest.ok("PATCH", "/v1/organization/members", { remove_users: { ids: [bob.id] } }),
    },
  ];
  for (const { moves, changes, really } of steps) {
    const before = await held(people, objects);
    const logs = await positions(facade.system, org.orgId);
    const simulated = await simulate(...changes());
    expect(await positions(facade.system, org.orgId)).toEqual(logs);
    expect(await held(people, objects)).toEqual(before);
    expect(simulated.cut_off).toEqual([]);
    await really();
    const after = await held(people, objects);
    expect(linesOf(simulated, "gained")).toEqual([...after].filter((line) => !before.has(line)).toSorted());
    expect(linesOf(simulated, "lost")).toEqual([...before].filter((line) => !after.has(line)).toSorted());
    expect(simulated.differences.length > 0).toBe(moves);
  }
});

const uuid = randomUUID();
const onProject = { object: { type: "project", id: uuid }, restrictObjectType: "", expiresAt: undefined };
const principal = { $case: "principalId", value: uuid } as const;

test.each<[string, ProposedChange["change"], string]>([
  ["no change", undefined, "changes[0]"],
  ["no id", { $case: "removeMember", value: { principalId: "" } }, "changes[0].remove_member.principal_id"],
  [
    "an ACL for nobody",
    {
      $case: "addAcl",
      value: { ...onProject, subject: undefined, grant: { $case: "permission", value: "read" } },
    },
    "changes[0].add_acl",
  ],
  [
    "an unknown permission",
    {
      $case: "addAcl",
      value: { ...onProject, subject: principal, grant: { $case: "permission", value: "fly" } },
    },
    "changes[0].add_acl.permission",
  ],
  [
    "a restriction beside a role",
    {
      $case: "addAcl",
      value: {
        ...onProject,
        subject: principal,
        grant: { $case: "roleId", value: uuid },
        restrictObjectType: "project",
      },
    },
    "changes[0].add_acl.restrict_object_type",
  ],
  ["no ACL to remove", { $case: "removeAcl", value: { what: undefined } }, "changes[0].remove_acl"],
  [
    "an unknown type",
    {
      $case: "addRolePermission",
      value: { roleId: uuid, permission: "read", restrictObjectType: "moon" },
    },
    "changes[0].add_role_permission.restrict_object_type",
  ],
])("over gRPC, a malformed change is refused: %s", async (_name, change, field) => {
  await expect(
    facade.system.decision.simulate({ orgId: facade.org.orgId, changes: [{ change }] }),
  ).rejects.toMatchObject({ kind: "invalid", field });
});

test("what can't be done can't be simulated, and the error says the same", async () => {
  const { owner, org, builtIn } = facade;
  const [outer, inner] = [await create("group", { name: "Outer" }), randomUUID()];
  const nested = await create("group", { name: "Nested" });
  await patch("group", outer, { add_member_groups: [nested] });
  const role = await create("role", { name: "Contained" });
  const around = await create("role", { name: "Containing", member_roles: [role] });
  const onRoot = { object_type: "organization", object_id: org.orgId };
  const ofOwners = { object: { type: "organization", id: org.orgId }, group_id: builtIn.owners };
  const ownerRole = systemRoles.owner.id;
  const cases: readonly (readonly [object, string, () => Promise<{ body: unknown }>])[] = [
    [
      { add_member_group: { group_id: nested, member_group_id: outer } },
      "add_member_group.member_group_id",
      () => owner.rest.request("PATCH", `/v1/group/${nested}`, { add_member_groups: [outer] }),
    ],
    [
      { add_member_group: { group_id: outer, member_group_id: inner } },
      "add_member_group.member_group_id",
      () => owner.rest.request("PATCH", `/v1/group/${outer}`, { add_member_groups: [inner] }),
    ],
    [
      { add_principal: { group_id: outer, principal_id: facade.stranger.id } },
      "add_principal.principal_id",
      () => owner.rest.request("PATCH", `/v1/group/${outer}`, { add_member_users: [facade.stranger.id] }),
    ],
    [
      { remove_principal: { group_id: builtIn.owners, principal_id: owner.id } },
      "remove_principal.principal_id",
      () => owner.rest.request("PATCH", `/v1/group/${builtIn.owners}`, { remove_member_users: [owner.id] }),
    ],
    [
      { remove_member: { principal_id: owner.id } },
      "remove_member.principal_id",
      () => owner.rest.request("PATCH", "/v1/organization/members", { remove_users: { ids: [owner.id] } }),
    ],
    [
      { add_member_role: { role_id: role, member_role_id: around } },
      "add_member_role.member_role_id",
      () => owner.rest.request("PATCH", `/v1/role/${role}`, { add_member_roles: [around] }),
    ],
    [
      { add_role_permission: { role_id: ownerRole, permission: "read" } },
      "add_role_permission.role_id",
      // The facade lets nobody come so far.
      () => updateRole(ownerRole).catch((fault: Error) => ({ body: { error: fault.message } })),
    ],
    [
      { remove_acl: { content: { ...ofOwners, role_id: ownerRole } } },
      "remove_acl",
      () =>
        owner.rest.request("DELETE", "/v1/acl", {
          ...onRoot,
          group_id: builtIn.owners,
          role_id: ownerRole,
        }),
    ],
    [
      { add_acl: { ...ofOwners, object: { type: "project", id: randomUUID() }, permission: "read" } },
      "add_acl.object",
      () =>
        owner.rest.request("POST", "/v1/acl", {
          object_type: "project",
          object_id: randomUUID(),
          group_id: builtIn.owners,
          permission: "read",
        }),
    ],
    [
      { add_acl: { ...ofOwners, role_id: randomUUID() } },
      "add_acl.role_id",
      () =>
        owner.rest.request("POST", "/v1/acl", { ...onRoot, group_id: builtIn.owners, role_id: randomUUID() }),
    ],
    [{ remove_acl: { id: randomUUID() } }, "remove_acl.id", async () => ({ body: { error: "no such ACL" } })],
  ];
  const updateRole = async (id: string) => ({
    body: await facade.system.grants.updateRole({
      context: { actor: undefined, requestId: "test", sourceAddress: "", unchangedSince: [] },
      orgId: org.orgId,
      id,
      addPermissions: [{ permission: "read", restrictObjectType: "" }],
      removePermissions: [],
      addMemberRoleIds: [],
      removeMemberRoleIds: [],
      replacePermissions: undefined,
      replaceMemberRoleIds: undefined,
    }),
  });
  const harmless = { add_principal: { group_id: outer, principal_id: ada.id } };
  for (const [change, field, really] of cases) {
    const answer = await owner.rest.request("POST", "/v1/access/simulate", { changes: [harmless, change] });
    const { error } = answer.body as { error: string };
    expect([answer.status, error]).toEqual([400, expect.stringContaining(`changes[1].${field}: `)]);
    const written = (await really()).body as { error: string };
    // The real write names its own field in front, or none.
    const reason = written.error.replace(/^[\w.[\]]+: /, "");
    expect(error).toBe(`changes[1].${field}: ${reason}`);
  }
});
