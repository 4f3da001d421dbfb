import { randomUUID } from "node:crypto";
import {
  type ObjectRef,
  type OrgId,
  objectTypeNames,
  permissions,
  type RoleId,
  systemRoles,
} from "@portcullis/policy";
import type { CreateRoleRequest, Role, UpdateRoleRequest } from "@portcullis/proto/grants/v1/grants";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  acl,
  aclList,
  aclUpdate,
  context,
  given,
  newOrg,
  project,
  type Running,
  role,
  roleList,
  roleUpdate,
  running,
} from "./running.ts";

let service: Running;
beforeAll(async () => {
  service = await running();
});
afterAll(() => service[Symbol.asyncDispose]());

async function create(request: CreateRoleRequest): Promise<Role> {
  return given((await service.grants.createRole(request)).role);
}

async function update(of: Role, more: Partial<UpdateRoleRequest>): Promise<Role> {
  return given((await service.grants.updateRole(roleUpdate(of, more))).role);
}

async function rolesFact(org: string) {
  const { lo, value } = await service.fact({ kind: "roles", org: org as OrgId });
  return { lo, roles: Object.fromEntries(value) };
}

function may(permission: string, restrictObjectType = "") {
  return { permission, restrictObjectType };
}

test("a created role is in the fact, with its permissions in the order given and none twice", async () => {
  const org = newOrg();
  expect(await rolesFact(org)).toEqual({ lo: 0, roles: {} });
  const permissions = [
    may("update"),
    may("read", "prompt"),
    may("update"),
    may("read"),
    may("read", "prompt"),
  ];
  const made = await create(role(org, "Editor", { description: "", permissions }));
  expect(made).toMatchObject({
    orgId: org,
    name: "Editor",
    description: "",
    permissions: [may("update"), may("read", "prompt"), may("read")],
  });
  expect(await rolesFact(org)).toEqual({
    lo: 1,
    roles: {
      [made.id]: {
        permissions: [
          { permission: "update", restrictObjectType: null },
          { permission: "read", restrictObjectType: "prompt" },
          { permission: "read", restrictObjectType: null },
        ],
        memberRoles: [],
      },
    },
  });
  expect((await rolesFact(newOrg())).roles).toEqual({});
  expect((await service.grants.getRole({ orgId: org, id: made.id })).role).toEqual(made);
});

test("making a role of a taken name answers the one that stands, unchanged", async () => {
  const org = newOrg();
  const made = await create(role(org, "Editor", { permissions: [may("read")] }));
  const again = await service.grants.createRole(role(org, "Editor", { memberRoleIds: [randomUUID()] }));
  expect(again).toMatchObject({ foundExisting: true, role: made, revision: { position: 1 } });
  expect((await service.grants.createRole(role(org, "editor"))).foundExisting).toBe(false);
  expect((await service.grants.createRole(role(newOrg(), "Editor"))).foundExisting).toBe(false);
});

test("the system's roles answer to their names, and nobody changes them", async () => {
  const org = newOrg();
  const mine = await create(role(org, "Mine"));
  for (const { id, name, permissions } of Object.values(systemRoles)) {
    const found = await service.grants.createRole(role(org, name));
    expect(found).toMatchObject({ foundExisting: true, revision: { position: 1 } });
    expect(found.role).toMatchObject({
      id,
      orgId: "",
      name,
      permissions: permissions.map((each) => may(each)),
    });
    expect((await service.grants.getRole({ orgId: org, id })).role).toEqual(found.role);
    const denied = { kind: "denied", message: "system roles can't be changed" };
    await expect(service.grants.replaceRole(role(org, name))).rejects.toMatchObject(denied);
    const request = { ...roleUpdate(given(found.role), { name: "x" }), orgId: org };
    await expect(service.grants.updateRole(request)).rejects.toMatchObject(denied);
    await expect(service.grants.deleteRole({ context, orgId: org, id })).rejects.toMatchObject(denied);
    await expect(update(mine, { name })).rejects.toMatchObject({ kind: "refused", field: "name" });
  }
  expect(await service.head(org)).toBe(1);
});

test("replacing resets what is not given, keeps the id, and repeated changes nothing", async () => {
  const org = newOrg();
  const member = await create(role(org, "Member"));
  const made = await create(
    role(org, "Editor", { description: "d", permissions: [may("read")], memberRoleIds: [member.id] }),
  );
  const request = role(org, "Editor", { permissions: [may("update"), may("read")] });
  const replaced = await service.grants.replaceRole(request);
  expect(replaced).toMatchObject({ foundExisting: true, revision: { position: 3 } });
  expect(replaced.role).toEqual({
    ...made,
    description: undefined,
    permissions: request.permissions,
    memberRoleIds: [],
  });
  expect((await service.grants.replaceRole(request)).revision?.position).toBe(3);
  expect((await service.grants.replaceRole(role(org, "New"))).foundExisting).toBe(false);
});

test("no other role is replaced than the one that the caller may replace, whoever has its name by now", async () => {
  const org = newOrg();
  const made = await create(role(org, "Editor"));
  const request = { ...role(org, "Editor", { permissions: [may("read")] }), standingId: made.id };
  expect((await service.grants.replaceRole(request)).role?.id).toBe(made.id);
  await service.grants.deleteRole({ context, orgId: org, id: made.id });
  await expect(service.grants.replaceRole(request)).rejects.toMatchObject({ kind: "unavailable" });
  const other = await create(role(org, "Editor"));
  await expect(service.grants.replaceRole(request)).rejects.toMatchObject({ kind: "unavailable" });
  expect((await service.grants.getRole({ orgId: org, id: other.id })).role).toEqual(other);
});

test("an update applies whole lists, then additions, then removals, and keeps what it does not give", async () => {
  const org = newOrg();
  const [a, b, c] = [
    await create(role(org, "a")),
    await create(role(org, "b")),
    await create(role(org, "c")),
  ];
  const made = await create(
    role(org, "r", { description: "d", permissions: [may("read")], memberRoleIds: [a.id] }),
  );
  expect(await update(made, { name: "s" })).toEqual({ ...made, name: "s" });
  expect(await update(made, { description: "e" })).toMatchObject({ name: "s", description: "e" });
  const added = await update(made, {
    addPermissions: [may("delete"), may("read")],
    addMemberRoleIds: [b.id, a.id],
  });
  expect(added).toMatchObject({ permissions: [may("read"), may("delete")], memberRoleIds: [a.id, b.id] });
  const replaced = await update(made, {
    replacePermissions: { permissions: [may("create"), may("update", "dataset")] },
    addPermissions: [may("delete")],
    removePermissions: [may("create"), may("update")],
    replaceMemberRoleIds: { ids: [c.id] },
    addMemberRoleIds: [b.id],
    removeMemberRoleIds: [c.id, randomUUID()],
  });
  expect(replaced).toMatchObject({
    permissions: [may("update", "dataset"), may("delete")],
    memberRoleIds: [b.id],
  });
  const head = await service.head(org);
  await update(made, { addMemberRoleIds: [b.id], removePermissions: [may("read")], name: "s" });
  expect(await service.head(org)).toBe(head);
  expect(await update(made, { replacePermissions: { permissions: [] } })).toMatchObject({ permissions: [] });
});

test("a cycle is refused however long, a member of oneself included", async () => {
  const org = newOrg();
  const a = await create(role(org, "a"));
  const b = await create(role(org, "b", { memberRoleIds: [a.id] }));
  const c = await create(role(org, "c", { memberRoleIds: [b.id] }));
  const head = await service.head(org);
  for (const member of [a, b, c]) {
    await expect(update(a, { addMemberRoleIds: [member.id] })).rejects.toMatchObject({ kind: "refused" });
    await expect(
      service.grants.replaceRole(role(org, "a", { memberRoleIds: [member.id] })),
    ).rejects.toMatchObject({ kind: "refused" });
  }
  expect(await service.head(org)).toBe(head);
  await update(c, { removeMemberRoleIds: [b.id] });
  expect(await update(a, { addMemberRoleIds: [c.id] })).toMatchObject({ memberRoleIds: [c.id] });
});

test("of two edits that close a cycle together one is refused", async () => {
  const org = newOrg();
  for (let round = 0; round < 25; round++) {
    const [a, b] = [await create(role(org, `a${round}`)), await create(role(org, `b${round}`))];
    const outcomes = await Promise.allSettled([
      update(a, { addMemberRoleIds: [b.id] }),
      update(b, { addMemberRoleIds: [a.id] }),
    ]);
    const refused = outcomes.filter((outcome) => outcome.status === "rejected");
    expect(refused).toHaveLength(1);
    expect(refused[0]?.reason).toMatchObject({ kind: "refused" });
  }
});

test("roles are nested 64 deep and no deeper, from above and from below", async () => {
  const org = newOrg();
  const chain = [await create(role(org, "0"))];
  for (let depth = 1; depth < 64; depth++) {
    chain.unshift(await create(role(org, `${depth}`, { memberRoleIds: [given(chain[0]).id] })));
  }
  const top = given(chain[0]);
  const bottom = given(chain.at(-1));
  const refused = { kind: "refused", message: expect.stringContaining("64") };
  await expect(create(role(org, "above", { memberRoleIds: [top.id] }))).rejects.toMatchObject(refused);
  await expect(update(bottom, { addMemberRoleIds: [systemRoles.viewer.id] })).rejects.toMatchObject(refused);
  const beside = await create(role(org, "beside", { memberRoleIds: [given(chain[1]).id] }));
  expect(beside.memberRoleIds).toHaveLength(1);
});

test("what all roles hold together is counted without those that are deleted, and of other organisations", async () => {
  const [org, other] = [newOrg(), newOrg()];
  const doomed = await create(role(org, "doomed", { permissions: [may("read")] }));
  await service.database.query(
    `insert into role (id, org_id, name, created, permissions, member_roles)
     select gen_random_uuid(), $1::uuid, number::text, now(),
       (select jsonb_agg('{"permission":"read","restrictObjectType":null}'::jsonb) from generate_series(1, 999)), '{}'
     from generate_series(1, 100) as number`,
    [org],
  );
  const wanted = role(org, "wanted", { permissions: permissions.map((each) => may(each)) });
  const large = {
    ...wanted,
    permissions: objectTypeNames.flatMap((type) => permissions.map((each) => may(each, type))),
  };
  await expect(service.grants.createRole(large)).rejects.toMatchObject({
    kind: "refused",
    field: "permissions",
  });
  expect((await service.grants.createRole({ ...large, orgId: other })).foundExisting).toBe(false);
  await service.grants.deleteRole({ context, orgId: org, id: doomed.id });
  expect((await service.grants.createRole(wanted)).foundExisting).toBe(false);
});

test("deleting a role takes it out of others, and removes the ACLs that grant it or sit on it", async () => {
  const org = newOrg();
  const principalId = service.neighbours.member(org);
  const subject = { $case: "principalId", value: principalId } as const;
  const at = given((await service.grants.createObject(project(org, "p"))).object);
  const doomed = await create(role(org, "doomed", { permissions: [may("read")] }));
  const around = await create(role(org, "around", { memberRoleIds: [systemRoles.viewer.id, doomed.id] }));
  await service.grants.updateAcls(
    aclUpdate(org, {
      add: [
        acl({
          object: { type: "project", id: at.id },
          subject,
          grant: { $case: "roleId", value: doomed.id },
        }),
        acl({
          object: { type: "project", id: at.id },
          subject,
          grant: { $case: "roleId", value: around.id },
        }),
        acl({ object: { type: "role", id: doomed.id }, subject }),
      ],
    }),
  );
  const head = await service.head(org);
  const { role: deleted, revision } = await service.grants.deleteRole({ context, orgId: org, id: doomed.id });
  expect(deleted).toMatchObject({ id: doomed.id, deletedAt: expect.any(Date) });
  expect(revision?.position).toBe(head + 1);
  const fact = await rolesFact(org);
  expect(fact.lo).toBe(head + 1);
  expect(Object.keys(fact.roles)).toEqual([around.id]);
  expect(fact.roles[around.id]?.memberRoles).toEqual([systemRoles.viewer.id]);
  const access = (object: ObjectRef) => service.fact({ kind: "access", org, object });
  const onProject = await access({ type: "project", id: at.id } as ObjectRef);
  expect(onProject).toMatchObject({ lo: head + 1, value: { acls: [{ grant: { id: around.id } }] } });
  const onRole = await access({ type: "role", id: doomed.id } as unknown as ObjectRef);
  expect(onRole).toMatchObject({ lo: head + 1, value: { acls: [] } });
  expect((await service.grants.listAcls(aclList(org))).acls).toHaveLength(1);
  expect((await service.events(org, head)).map(({ action }) => action)).toEqual(["role_deleted"]);
  const refusal = { kind: "absent", message: "no such role" };
  await expect(service.grants.getRole({ orgId: org, id: doomed.id })).rejects.toMatchObject(refusal);
  await expect(service.grants.deleteRole({ context, orgId: org, id: doomed.id })).rejects.toMatchObject(
    refusal,
  );
  expect((await create(role(org, "doomed"))).id).not.toBe(doomed.id);
});

test("lists hold the organisation's roles and, as the oldest, the system's; pages meet all once", async () => {
  const org = newOrg();
  const made: string[] = [];
  for (const name of ["a", "b", "c"]) made.unshift((await create(role(org, name))).id);
  await create(role(newOrg(), "foreign"));
  const all = [...made, systemRoles.viewer.id, systemRoles.engineer.id, systemRoles.owner.id];
  const list = async (more: object = {}) =>
    (await service.grants.listRoles(roleList(org, more))).roles.map(({ id }) => id);
  expect(await list()).toEqual(all);
  for (let limit = 0; limit <= 7; limit++) {
    expect(await list({ page: { limit, startingAfter: "", endingBefore: "" } })).toEqual(all.slice(0, limit));
    for (const [index, id] of all.entries()) {
      expect(await list({ page: { limit, startingAfter: id, endingBefore: "" } })).toEqual(
        all.slice(index + 1, index + 1 + limit),
      );
      expect(await list({ page: { limit, startingAfter: "", endingBefore: id } })).toEqual(
        all.slice(Math.max(0, index - limit), index),
      );
    }
  }
  expect(await list({ names: ["b", "Owner", "B"] })).toEqual([made[1], systemRoles.owner.id]);
  expect(await list({ ids: [made[2], systemRoles.viewer.id, randomUUID()] })).toEqual([
    made[2],
    systemRoles.viewer.id,
  ]);
  expect(await list({ names: ["b"], ids: [made[0]] })).toEqual([]);
  const page = { limit: 1, startingAfter: "", endingBefore: "" };
  for (const [more, field] of [
    [{ orgId: "" }, "org_id"],
    [{ ids: ["x"] }, "ids[0]"],
    [{ names: ["x".repeat(256)] }, "names[0]"],
    [{ page: { ...page, limit: 10_001 } }, "page.limit"],
    [{ page: { ...page, limit: 10_001, startingAfter: systemRoles.owner.id } }, "page.limit"],
    [{ page: { ...page, startingAfter: randomUUID() } }, "page.starting_after"],
    [{ page: { ...page, endingBefore: "x" } }, "page.ending_before"],
    [{ page: { ...page, endingBefore: systemRoles.owner.id, startingAfter: made[0] } }, "page"],
    [{ names: ["b"], page: { ...page, startingAfter: systemRoles.owner.id } }, "page.starting_after"],
  ] as const) {
    await expect(list(more)).rejects.toMatchObject({ kind: "invalid", field });
  }
});

const org = newOrg();

const wrongRoles: readonly [string, (foreign: Role) => Partial<CreateRoleRequest>, string][] = [
  ["no context", () => ({ context: undefined }), "context"],
  ["a malformed organisation", () => ({ orgId: "x" }), "org_id"],
  ["no name", () => ({ name: "" }), "name"],
  ["an over-long name", () => ({ name: "x".repeat(256) }), "name"],
  ["a control character in the name", () => ({ name: "a\u0007" }), "name"],
  ["an over-long description", () => ({ description: "x".repeat(10_001) }), "description"],
  ["an unknown permission", () => ({ permissions: [may("read"), may("fly")] }), "permissions[1].permission"],
  ["no permission", () => ({ permissions: [may("")] }), "permissions[0].permission"],
  [
    "a restriction to no type",
    () => ({ permissions: [may("read", "banana")] }),
    "permissions[0].restrict_object_type",
  ],
  [
    "too many permissions",
    () => ({ permissions: Array.from({ length: 10_001 }, () => may("read")) }),
    "permissions",
  ],
  ["a malformed member", () => ({ memberRoleIds: ["x"] }), "member_role_ids[0]"],
  [
    "an unknown member",
    () => ({ memberRoleIds: [systemRoles.owner.id, randomUUID()] }),
    "member_role_ids[1]",
  ],
  ["a member of another organisation", (foreign) => ({ memberRoleIds: [foreign.id] }), "member_role_ids[0]"],
];

test.each(wrongRoles)("a role with %s is refused and writes nothing", async (_, wrong, field) => {
  const foreign = await create(role(newOrg(), "foreign"));
  const head = await service.head(org);
  const request = { ...role(org, "wrong"), ...wrong(foreign) };
  for (const call of [service.grants.createRole, service.grants.replaceRole]) {
    await expect(call(request)).rejects.toMatchObject({
      kind: "invalid",
      field,
      message: expect.stringContaining(`${field}: `),
    });
  }
  expect(await service.head(org)).toBe(head);
});

const wrongUpdates: readonly [string, Partial<UpdateRoleRequest>, string][] = [
  ["no context", { context: undefined }, "context"],
  ["a malformed organisation", { orgId: "x" }, "org_id"],
  ["a malformed id", { id: "x" }, "id"],
  ["an empty name", { name: "" }, "name"],
  ["an over-long name", { name: "x".repeat(256) }, "name"],
  ["an over-long description", { description: "x".repeat(10_001) }, "description"],
  [
    "an unknown permission to replace by",
    { replacePermissions: { permissions: [may("fly")] } },
    "replace_permissions.permissions[0].permission",
  ],
  ["an unknown permission to add", { addPermissions: [may("fly")] }, "add_permissions[0].permission"],
  [
    "an unknown permission to remove",
    { removePermissions: [may("fly")] },
    "remove_permissions[0].permission",
  ],
  [
    "an unknown member to replace by",
    { replaceMemberRoleIds: { ids: [randomUUID()] } },
    "replace_member_role_ids.ids[0]",
  ],
  ["an unknown member to add", { addMemberRoleIds: [randomUUID()] }, "add_member_role_ids[0]"],
  ["a malformed member to remove", { removeMemberRoleIds: ["x"] }, "remove_member_role_ids[0]"],
];

test.each(wrongUpdates)("an update with %s is refused and writes nothing", async (_, wrong, field) => {
  const made = await create(role(org, "r"));
  const head = await service.head(org);
  await expect(update(made, wrong)).rejects.toMatchObject({ kind: "invalid", field });
  expect(await service.head(org)).toBe(head);
});

test("unknown, foreign and deleted roles are one refusal", async () => {
  const made = await create(role(org, "r"));
  const gone = await create(role(org, "gone"));
  await service.grants.deleteRole({ context, orgId: org, id: gone.id });
  const head = await service.head(org);
  for (const more of [{ id: randomUUID() }, { orgId: newOrg() }, { id: gone.id }]) {
    const request = { context, orgId: org, id: made.id, ...more };
    const refusal = { kind: "absent", message: "no such role", field: null };
    await expect(service.grants.getRole(request)).rejects.toMatchObject(refusal);
    await expect(service.grants.deleteRole(request)).rejects.toMatchObject(refusal);
    await expect(update(made, { ...more, name: "x" })).rejects.toMatchObject(refusal);
  }
  await expect(service.grants.getRole({ orgId: org, id: "" })).rejects.toMatchObject({ field: "id" });
  await expect(service.grants.getRole({ orgId: "", id: gone.id })).rejects.toMatchObject({ field: "org_id" });
  await expect(
    service.grants.deleteRole({ context: undefined, orgId: org, id: made.id }),
  ).rejects.toMatchObject({ field: "context" });
  await expect(service.grants.deleteRole({ context, orgId: org, id: "x" })).rejects.toMatchObject({
    field: "id",
  });
  expect(await service.head(org)).toBe(head);
});

test("rows that no write of ours would make grant nothing", async () => {
  const acme = newOrg();
  const insert = async (id: string, permissions: unknown) =>
    service.database.query(
      `insert into role (id, org_id, name, permissions, member_roles, created)
       values ($1, $2, gen_random_uuid()::text, $3, '{}', now())`,
      [id, acme, JSON.stringify(permissions)],
    );
  const odd = randomUUID() as RoleId;
  await insert(odd, [
    { permission: "fly", restrictObjectType: null },
    { permission: "read", restrictObjectType: "banana" },
    { permission: "read" },
    { permission: "delete", restrictObjectType: "prompt" },
    "read",
    null,
  ]);
  await insert(randomUUID(), { permission: "read", restrictObjectType: null });
  await insert(systemRoles.viewer.id, [{ permission: "delete", restrictObjectType: null }]);
  const { roles } = await rolesFact(acme);
  expect(roles[systemRoles.viewer.id]).toBeUndefined();
  expect(Object.values(roles).flatMap(({ permissions }) => permissions)).toEqual([
    { permission: "delete", restrictObjectType: "prompt" },
  ]);
});

test("who makes a role has the Owner role on it, in the same event, once", async () => {
  const org = newOrg();
  const ownerId = service.neighbours.member(org);
  const made = await create(role(org, "Mine", { ownerId }));
  const access = (id: string) => service.fact({ kind: "access", org, object: { type: "role", id } as never });
  const fact = await access(made.id);
  const grant = { kind: "role", id: systemRoles.owner.id };
  expect(fact).toMatchObject({
    lo: 1,
    hi: 1,
    value: { acls: [{ subject: { kind: "principal", id: ownerId }, grant, expiresAtMs: null }] },
  });
  expect((await service.grants.createRole(role(org, "Mine", { ownerId }))).foundExisting).toBe(true);
  expect((await service.grants.replaceRole(role(org, "Mine", { ownerId }))).foundExisting).toBe(true);
  expect(await access(made.id)).toEqual(fact);
  const other = given((await service.grants.replaceRole(role(org, "Other", { ownerId }))).role);
  expect((await access(other.id)).value?.acls).toHaveLength(1);
  expect((await access((await create(role(org, "Nobody's"))).id)).value?.acls).toEqual([]);
});

test.each([
  ["malformed", () => "me"],
  ["nobody", () => randomUUID()],
  ["of another organisation", () => service.neighbours.member(newOrg())],
])("an owner that is %s is refused, and nothing is made", async (_, ownerId) => {
  const org = newOrg();
  for (const make of [service.grants.createRole, service.grants.replaceRole]) {
    const refused = make(role(org, "Mine", { ownerId: ownerId() }));
    await expect(refused).rejects.toMatchObject({ kind: "invalid", field: "owner_id" });
  }
  expect(await service.head(org)).toBe(0);
});
