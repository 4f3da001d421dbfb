import { randomUUID } from "node:crypto";
import {
  type GroupId,
  type ObjectId,
  type ObjectRef,
  type OrgId,
  type PrincipalId,
  systemRoles,
} from "@portcullis/policy";
import type { AclContent, AclRemoval, Object as ObjectMessage } from "@portcullis/proto/grants/v1/grants";
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
  running,
} from "./running.ts";

let service: Running;
beforeAll(async () => {
  service = await running();
});
afterAll(() => service[Symbol.asyncDispose]());

interface World {
  readonly org: OrgId;
  readonly at: ObjectMessage;
  readonly on: { readonly type: string; readonly id: string };
  readonly alice: PrincipalId;
  readonly group: GroupId;
}

async function world(): Promise<World> {
  const org = newOrg();
  const at = given((await service.grants.createObject(project(org, "p"))).object);
  return {
    org,
    at,
    on: { type: at.type, id: at.id },
    alice: service.neighbours.member(org),
    group: service.neighbours.group(org),
  };
}

function user(id: string): AclContent["subject"] {
  return { $case: "principalId", value: id };
}

function group(id: string): AclContent["subject"] {
  return { $case: "groupId", value: id };
}

function permission(value: string): AclContent["grant"] {
  return { $case: "permission", value };
}

function roleGrant(value: string): AclContent["grant"] {
  return { $case: "roleId", value };
}

function access(org: string, object: { type: string; id: string }) {
  return service.fact({ kind: "access", org: org as OrgId, object: object as ObjectRef });
}

function add(org: OrgId, ...contents: AclContent[]) {
  return service.grants.updateAcls(aclUpdate(org, { add: contents }));
}

function remove(org: OrgId, ...contents: AclContent[]) {
  return service.grants.updateAcls(
    aclUpdate(org, { remove: contents.map((value) => ({ what: { $case: "content", value } })) }),
  );
}

async function standing(org: OrgId): Promise<string[]> {
  return (await service.grants.listAcls(aclList(org))).acls.map(({ id }) => id);
}

test("ACLs are facts of their objects at the position of the write, and gone when removed", async () => {
  const { org, on, alice, group: team } = await world();
  const expiresAt = new Date(Date.now() + 60_000);
  const contents = [
    acl({ object: on, subject: user(alice), expiresAt }),
    acl({ object: on, subject: group(team), grant: roleGrant(systemRoles.viewer.id) }),
    acl({ object: on, subject: user(alice), grant: permission("create"), restrictObjectType: "experiment" }),
  ];
  const { added, removed, revision } = await add(org, ...contents);
  expect(revision?.position).toBe(2);
  expect(removed).toEqual([]);
  expect(added.map(({ foundExisting }) => foundExisting)).toEqual([false, false, false]);
  expect(added.map((each) => each.acl?.content)).toEqual(contents);
  const fact = await access(org, on);
  expect(fact).toMatchObject({ lo: 2, hi: 2 });
  expect(fact.value?.acls).toEqual([
    {
      id: added[0]?.acl?.id,
      subject: { kind: "principal", id: alice },
      grant: { kind: "permission", permission: "read", restrictObjectType: null },
      expiresAtMs: expiresAt.getTime(),
    },
    {
      id: added[1]?.acl?.id,
      subject: { kind: "group", id: team },
      grant: { kind: "role", id: systemRoles.viewer.id },
      expiresAtMs: null,
    },
    {
      id: added[2]?.acl?.id,
      subject: { kind: "principal", id: alice },
      grant: { kind: "permission", permission: "create", restrictObjectType: "experiment" },
      expiresAtMs: null,
    },
  ]);
  for (const { acl: made } of added) {
    expect((await service.grants.getAcl({ orgId: org, id: given(made).id })).acl).toEqual(made);
  }
  // By content, whatever the expiry, and by id.
  const gone = await service.grants.updateAcls(
    aclUpdate(org, {
      remove: [
        { what: { $case: "content", value: { ...given(contents[0]), expiresAt: undefined } } },
        { what: { $case: "id", value: given(added[1]?.acl).id } },
      ],
    }),
  );
  expect(gone.removed).toEqual([added[0]?.acl, added[1]?.acl]);
  expect(await access(org, on)).toMatchObject({ lo: 3, value: { acls: [{ id: added[2]?.acl?.id }] } });
  const events = await service.events(org, 1);
  expect(events.map(({ action }) => action)).toEqual(["acls_updated", "acls_updated"]);
});

test("an update that is repeated answers the same and changes nothing", async () => {
  const { org, on, alice } = await world();
  const kept = acl({ object: on, subject: user(alice) });
  const dropped = acl({ object: on, subject: user(alice), grant: permission("delete") });
  await add(org, dropped);
  const request = aclUpdate(org, { add: [kept], remove: [{ what: { $case: "content", value: dropped } }] });
  const first = await service.grants.updateAcls(request);
  const again = await service.grants.updateAcls(request);
  expect(again.revision).toEqual(first.revision);
  expect(again.added).toEqual([{ ...first.added[0], foundExisting: true }]);
  expect([first.removed.length, again.removed.length]).toEqual([1, 0]);
  const unknown: AclRemoval = { what: { $case: "id", value: randomUUID() } };
  const passed = await service.grants.updateAcls(aclUpdate(org, { remove: [unknown] }));
  expect(passed).toMatchObject({ removed: [], revision: { position: first.revision?.position } });
  expect((await service.grants.updateAcls(aclUpdate(org, {}))).revision).toEqual(first.revision);
});

test("every part of the content but the expiry makes another ACL", async () => {
  const { org, at, on, alice, group: team } = await world();
  const own = given((await service.grants.createRole(role(org, "r"))).role);
  const variants = [
    acl({ object: on, subject: user(alice) }),
    acl({ object: { type: "project_log", id: at.id }, subject: user(alice) }),
    acl({ object: { type: "organization", id: org }, subject: user(alice) }),
    acl({ object: { type: "org_project", id: org }, subject: user(alice) }),
    acl({ object: { type: "role", id: own.id }, subject: user(alice) }),
    acl({ object: { type: "group", id: team }, subject: user(alice) }),
    acl({ object: on, subject: user(service.neighbours.member(org)) }),
    acl({ object: on, subject: group(team) }),
    acl({ object: on, subject: user(alice), grant: permission("update") }),
    acl({ object: on, subject: user(alice), grant: roleGrant(own.id) }),
    acl({ object: on, subject: user(alice), grant: roleGrant(systemRoles.viewer.id) }),
    acl({ object: on, subject: user(alice), restrictObjectType: "prompt" }),
    acl({ object: on, subject: user(alice), restrictObjectType: "dataset" }),
  ];
  const { added } = await add(org, ...variants, ...variants);
  const made = added.slice(0, variants.length);
  expect(new Set(made.map((each) => each.acl?.id)).size).toBe(variants.length);
  expect(added.slice(variants.length)).toEqual(made.map((each) => ({ ...each, foundExisting: true })));
  expect(await standing(org)).toHaveLength(variants.length);
  expect((await access(org, { type: "project_log", id: at.id })).value?.acls).toHaveLength(1);
});

test("adding the same content with another expiry changes the expiry", async () => {
  const { org, on, alice } = await world();
  const content = acl({ object: on, subject: user(alice) });
  const [first] = (await add(org, content)).added;
  const expiresAt = new Date(Date.now() + 3_600_000);
  const { added, revision } = await add(org, { ...content, expiresAt });
  expect(added[0]).toEqual({
    acl: { ...first?.acl, content: { ...content, expiresAt } },
    foundExisting: true,
  });
  expect(await access(org, on)).toMatchObject({
    lo: revision?.position,
    value: { acls: [{ expiresAtMs: expiresAt.getTime() }] },
  });
  expect((await add(org, { ...content, expiresAt })).revision).toEqual(revision);
  // What says nothing of an expiry must not make a grant last longer.
  expect((await add(org, content)).added[0]?.acl?.content?.expiresAt).toEqual(expiresAt);
  expect((await access(org, on)).value?.acls).toMatchObject([{ expiresAtMs: expiresAt.getTime() }]);
});

test("adding again changes no end that is to stay, and none to a sooner one where that is not allowed", async () => {
  const { org, on, alice } = await world();
  const [soon, late] = [60_000, 3_600_000].map((ms) => new Date(Date.now() + ms)) as [Date, Date];
  const content = acl({ object: on, subject: user(alice), expiresAt: late });
  const { acl: standing } = given((await add(org, content)).added[0]);
  const addAgain = (expiresAt: Date, addingAgain: { unchanged: number[]; noSooner: number[] }) =>
    service.grants.updateAcls(aclUpdate(org, { add: [{ ...content, expiresAt }], addingAgain }));
  const left = await addAgain(soon, { unchanged: [0], noSooner: [0] });
  expect(left.added).toEqual([{ acl: standing, foundExisting: true }]);
  await expect(addAgain(soon, { unchanged: [], noSooner: [0] })).rejects.toMatchObject({
    kind: "denied",
    field: "add[0].expires_at",
  });
  expect(await service.head(org)).toBe(left.revision?.position);
  const latest = new Date(Date.now() + 7_200_000);
  const later = await addAgain(latest, { unchanged: [], noSooner: [0] });
  expect(later.added).toMatchObject([{ acl: { content: { expiresAt: latest } } }]);
  // One that has expired is none that stands.
  await service.database.query("update acl set expires_at = now() - interval '1 second' where id = $1", [
    standing?.id,
  ]);
  const anew = await addAgain(soon, { unchanged: [0], noSooner: [0] });
  expect(anew.added).toMatchObject([{ acl: { content: { expiresAt: soon } }, foundExisting: false }]);
});

test("an ACL that has expired is granted anew by adding it again", async () => {
  const { org, on, alice } = await world();
  const content = acl({ object: on, subject: user(alice), expiresAt: new Date(Date.now() + 60_000) });
  const id = given((await add(org, content)).added[0]?.acl).id;
  await service.database.query("update acl set expires_at = now() - interval '1 second' where id = $1", [id]);
  const { added } = await add(org, { ...content, expiresAt: undefined });
  expect(added).toMatchObject([{ acl: { id, content: { expiresAt: undefined } }, foundExisting: false }]);
  expect((await access(org, on)).value?.acls).toMatchObject([{ id, expiresAtMs: null }]);
});

test("what is both added and removed stands in the end", async () => {
  const { org, on, alice } = await world();
  const content = acl({ object: on, subject: user(alice) });
  const id = given((await add(org, content)).added[0]?.acl).id;
  const removals: AclRemoval[] = [
    { what: { $case: "content", value: content } },
    { what: { $case: "id", value: id } },
  ];
  const { added, removed, revision } = await service.grants.updateAcls(
    aclUpdate(org, { add: [content], remove: removals }),
  );
  expect([added[0]?.acl?.id, removed.length, revision?.position]).toEqual([id, 0, 2]);
  const both = await service.grants.updateAcls(aclUpdate(org, { remove: [...removals, ...removals] }));
  expect(both.removed.map((each) => each.id)).toEqual([id]);
});

test("what is removed and added again at once expires when the addition says, and grants all the while", async () => {
  const { org, on, alice } = await world();
  const content = acl({ object: on, subject: user(alice), expiresAt: new Date(Date.now() + 60_000) });
  const { id } = given((await add(org, content)).added[0]?.acl);
  const forGood = { ...content, expiresAt: undefined };
  const untouched = await add(org, forGood);
  expect(untouched.added).toMatchObject([{ acl: { id, content }, foundExisting: true }]);
  const { added, removed } = await service.grants.updateAcls(
    aclUpdate(org, { add: [forGood, forGood], remove: [{ what: { $case: "content", value: content } }] }),
  );
  const lifted = { acl: { id, content: forGood }, foundExisting: true };
  expect({ added, removed }).toMatchObject({ added: [lifted, lifted], removed: [] });
  expect((await access(org, on)).value?.acls).toMatchObject([{ id, expiresAtMs: null }]);
});

test("one bad item refuses all, and its field names the index", async () => {
  const { org, on, alice } = await world();
  const good = acl({ object: on, subject: user(alice) });
  const bad = acl({ object: on, subject: user(randomUUID()) });
  await expect(add(org, good, good, bad)).rejects.toMatchObject({
    kind: "invalid",
    field: "add[2].principal_id",
    message: "add[2].principal_id: no such user or group",
  });
  expect(await service.head(org)).toBe(1);
  expect(await standing(org)).toEqual([]);
});

const wrongAdditions: readonly [string, (here: World, there: World) => Partial<AclContent>, string][] = [
  ["no object", () => ({ object: undefined }), "add[0].object"],
  ["an unknown object type", ({ on }) => ({ object: { ...on, type: "banana" } }), "add[0].object.type"],
  ["no object type", ({ on }) => ({ object: { ...on, type: "" } }), "add[0].object.type"],
  ["a malformed object id", ({ on }) => ({ object: { ...on, id: "p" } }), "add[0].object.id"],
  ["an unknown object", ({ on }) => ({ object: { ...on, id: randomUUID() } }), "add[0].object"],
  ["a foreign object", (_, { on }) => ({ object: on }), "add[0].object"],
  ["an object of another type", ({ on }) => ({ object: { ...on, type: "dataset" } }), "add[0].object"],
  [
    "a foreign organisation",
    (_, { org }) => ({ object: { type: "organization", id: org } }),
    "add[0].object",
  ],
  [
    "the projects of a foreign organisation",
    (_, { org }) => ({ object: { type: "org_project", id: org } }),
    "add[0].object",
  ],
  ["the log of no project", () => ({ object: { type: "project_log", id: randomUUID() } }), "add[0].object"],
  ["an unknown group as object", () => ({ object: { type: "group", id: randomUUID() } }), "add[0].object"],
  [
    "a foreign group as object",
    (_, there) => ({ object: { type: "group", id: there.group } }),
    "add[0].object",
  ],
  ["an unknown role as object", () => ({ object: { type: "role", id: randomUUID() } }), "add[0].object"],
  [
    "a system role as object",
    () => ({ object: { type: "role", id: systemRoles.owner.id } }),
    "add[0].object",
  ],
  ["no subject", () => ({ subject: undefined }), "add[0]"],
  ["an empty user", () => ({ subject: user("") }), "add[0].principal_id"],
  ["a malformed user", () => ({ subject: user("alice") }), "add[0].principal_id"],
  ["a user that is nobody", () => ({ subject: user(randomUUID()) }), "add[0].principal_id"],
  ["a user of another organisation", (_, { alice }) => ({ subject: user(alice) }), "add[0].principal_id"],
  ["a group's id as a user's", (here) => ({ subject: user(here.group) }), "add[0].principal_id"],
  ["a malformed group", () => ({ subject: group("team") }), "add[0].group_id"],
  ["a group that is none", () => ({ subject: group(randomUUID()) }), "add[0].group_id"],
  ["a group of another organisation", (_, there) => ({ subject: group(there.group) }), "add[0].group_id"],
  ["a user's id as a group's", ({ alice }) => ({ subject: group(alice) }), "add[0].group_id"],
  ["no grant", () => ({ grant: undefined }), "add[0]"],
  ["an unknown permission", () => ({ grant: permission("fly") }), "add[0].permission"],
  ["an empty permission", () => ({ grant: permission("") }), "add[0].permission"],
  ["a malformed role", () => ({ grant: roleGrant("Owner") }), "add[0].role_id"],
  ["an unknown role", () => ({ grant: roleGrant(randomUUID()) }), "add[0].role_id"],
  ["an unknown restriction", () => ({ restrictObjectType: "banana" }), "add[0].restrict_object_type"],
  [
    "a restriction to what can't occur there",
    () => ({ restrictObjectType: "organization" }),
    "add[0].restrict_object_type",
  ],
  [
    "a restriction beside a role",
    () => ({ grant: roleGrant(systemRoles.viewer.id), restrictObjectType: "prompt" }),
    "add[0].restrict_object_type",
  ],
  ["an expiry in the past", () => ({ expiresAt: new Date(Date.now() - 1) }), "add[0].expires_at"],
  ["an expiry beyond time", () => ({ expiresAt: new Date(253_402_300_800_000) }), "add[0].expires_at"],
];

test.each(wrongAdditions)("%s is refused, names the field, and writes nothing", async (_, wrong, field) => {
  const [here, there] = [await world(), await world()];
  const content = { ...acl({ object: here.on, subject: user(here.alice) }), ...wrong(here, there) };
  await expect(add(here.org, content)).rejects.toMatchObject({
    kind: "invalid",
    field,
    message: expect.stringContaining(`${field}: `),
  });
  expect(await service.head(here.org)).toBe(1);
});

test("unknown and foreign objects and subjects are refused with one text each", async () => {
  const [here, there] = [await world(), await world()];
  const message = async (more: Partial<AclContent>) => {
    const content = { ...acl({ object: here.on, subject: user(here.alice) }), ...more };
    const fault: unknown = await add(here.org, content).catch((error: unknown) => error);
    return fault instanceof Error ? fault.message.replace(/^[^:]*: /, "") : "allowed";
  };
  const objects = [there.on, { type: "project", id: randomUUID() }, { type: "group", id: there.group }];
  for (const object of objects) expect(await message({ object })).toBe("no such object");
  const subjects = [user(there.alice), user(randomUUID()), group(there.group), group(randomUUID())];
  for (const subject of subjects) expect(await message({ subject })).toBe("no such user or group");
});

test("a role of another organisation and a deleted one can't be granted", async () => {
  const { org, on, alice } = await world();
  const foreign = given((await service.grants.createRole(role(newOrg(), "r"))).role);
  const deleted = given((await service.grants.createRole(role(org, "r"))).role);
  await service.grants.deleteRole({ context, orgId: org, id: deleted.id });
  const head = await service.head(org);
  for (const { id } of [foreign, deleted]) {
    await expect(
      add(org, acl({ object: on, subject: user(alice), grant: roleGrant(id) })),
    ).rejects.toMatchObject({ field: "add[0].role_id", message: "add[0].role_id: no such role" });
  }
  expect(await service.head(org)).toBe(head);
});

test("a bad request as a whole, or a bad removal, is refused and writes nothing", async () => {
  const { org, on, alice } = await world();
  const content = acl({ object: on, subject: user(alice) });
  await add(org, content);
  const removal = (value: AclContent): AclRemoval => ({ what: { $case: "content", value } });
  for (const [more, field] of [
    [{ context: undefined }, "context"],
    [{ context: { ...context, requestId: "" } }, "context.request_id"],
    [{ orgId: "" }, "org_id"],
    [{ add: Array.from({ length: 1001 }, () => content) }, "add"],
    [{ add: [content], remove: Array.from({ length: 1000 }, () => removal(content)) }, "add"],
    [{ remove: [{ what: undefined }] }, "remove[0]"],
    [{ remove: [{ what: { $case: "id", value: "x" } }] }, "remove[0].id"],
    [{ remove: [removal(content), removal({ ...content, subject: undefined })] }, "remove[1].content"],
    [
      { remove: [removal({ ...content, grant: { $case: "permission", value: "fly" } })] },
      "remove[0].content.permission",
    ],
    [{ remove: [removal({ ...content, object: undefined })] }, "remove[0].content.object"],
    [{ add: [content, { ...content, expiresAt: new Date(Date.now() + 9999) }] }, "add[1].expires_at"],
  ] as const) {
    await expect(
      service.grants.updateAcls({ ...aclUpdate(org, {}), ...more } as never),
    ).rejects.toMatchObject({ kind: "invalid", field });
  }
  expect(await service.head(org)).toBe(2);
});

test("a thousand items at once are done, or undone, in one event", async () => {
  const { org, on } = await world();
  const contents = Array.from({ length: 1000 }, () =>
    acl({ object: on, subject: user(service.neighbours.member(org)) }),
  );
  expect((await add(org, ...contents)).revision?.position).toBe(2);
  expect((await access(org, on)).value?.acls).toBeNull();
  expect((await service.fact({ kind: "acls", org, object: on as ObjectRef })).value).toHaveLength(1000);
  const { removed, revision } = await remove(org, ...contents);
  expect([removed.length, revision?.position]).toEqual([1000, 3]);
});

test("an organisation's ACLs are nobody else's", async () => {
  const [here, there] = [await world(), await world()];
  const content = acl({ object: here.on, subject: user(here.alice) });
  const id = given((await add(here.org, content)).added[0]?.acl).id;
  const removal: AclRemoval = { what: { $case: "id", value: id } };
  const passed = await service.grants.updateAcls(
    aclUpdate(there.org, { remove: [removal, { what: { $case: "content", value: content } }] }),
  );
  expect(passed.removed).toEqual([]);
  expect(await standing(here.org)).toEqual([id]);
  const refusal = { kind: "absent", message: "no such ACL" };
  await expect(service.grants.getAcl({ orgId: there.org, id })).rejects.toMatchObject(refusal);
  await expect(service.grants.getAcl({ orgId: here.org, id: randomUUID() })).rejects.toMatchObject(refusal);
  await expect(service.grants.getAcl({ orgId: here.org, id: "x" })).rejects.toMatchObject({ field: "id" });
  await expect(service.grants.getAcl({ orgId: "", id })).rejects.toMatchObject({ field: "org_id" });
  expect((await access(there.org, here.on)).value).toBeNull();
});

test("when identity or groups can't be asked, nothing is granted", async () => {
  const { org, on, alice } = await world();
  service.neighbours.beforeMembers = () => Promise.reject(new Error("broken"));
  try {
    await expect(add(org, acl({ object: on, subject: user(alice) }))).rejects.toMatchObject({
      kind: "internal",
    });
  } finally {
    service.neighbours.beforeMembers = () => Promise.resolve();
  }
  expect(await service.head(org)).toBe(1);
});

test("provisioning grants the built-in groups what the catalog says, once, and these grants stay", async () => {
  const org = newOrg();
  const request = {
    context,
    orgId: org,
    ownersId: randomUUID(),
    engineersId: randomUUID(),
    viewersId: randomUUID(),
  };
  expect((await service.grants.provision(request)).revision?.position).toBe(1);
  expect((await service.grants.provision(request)).revision?.position).toBe(1);
  const onOrganization = await access(org, { type: "organization", id: org });
  expect(onOrganization).toMatchObject({
    lo: 1,
    value: {
      acls: [
        {
          subject: { kind: "group", id: request.ownersId },
          grant: { kind: "role", id: systemRoles.owner.id },
        },
      ],
    },
  });
  const onProjects = await access(org, { type: "org_project", id: org });
  expect(onProjects.value?.acls?.map(({ subject, grant }) => [subject.id, grant])).toEqual([
    [request.engineersId, { kind: "role", id: systemRoles.engineer.id }],
    [request.viewersId, { kind: "role", id: systemRoles.viewer.id }],
  ]);
  const { acls } = await service.grants.listAcls(aclList(org));
  expect(acls).toHaveLength(3);
  for (const { id, content } of acls) {
    for (const what of [
      { $case: "id", value: id },
      { $case: "content", value: given(content) },
    ] as const) {
      await expect(service.grants.updateAcls(aclUpdate(org, { remove: [{ what }] }))).rejects.toMatchObject({
        kind: "refused",
        field: "remove[0]",
      });
    }
  }
  await expect(service.grants.provision({ ...request, ownersId: randomUUID() })).rejects.toMatchObject({
    kind: "refused",
  });
  expect(await service.head(org)).toBe(1);
});

test("provisioning takes over a grant that says the same already", async () => {
  const org = newOrg();
  const owners = service.neighbours.group(org);
  const content = acl({
    object: { type: "organization", id: org },
    subject: group(owners),
    grant: roleGrant(systemRoles.owner.id),
    expiresAt: new Date(Date.now() + 60_000),
  });
  await add(org, content);
  const [engineersId, viewersId] = [randomUUID(), randomUUID()];
  await service.grants.provision({ context, orgId: org, ownersId: owners, engineersId, viewersId });
  expect((await access(org, { type: "organization", id: org })).value?.acls).toMatchObject([
    { expiresAtMs: null },
  ]);
  await expect(remove(org, content)).rejects.toMatchObject({ kind: "refused" });
  expect(await standing(org)).toHaveLength(3);
});

test("the expiry of a built-in grant can't be set either", async () => {
  const org = newOrg();
  const owners = service.neighbours.group(org);
  await service.grants.provision({
    context,
    orgId: org,
    ownersId: owners,
    engineersId: randomUUID(),
    viewersId: randomUUID(),
  });
  const content = acl({
    object: { type: "organization", id: org },
    subject: group(owners),
    grant: roleGrant(systemRoles.owner.id),
  });
  expect((await add(org, content)).added[0]?.foundExisting).toBe(true);
  const expiresAt = new Date(Date.now() + 60_000);
  await expect(add(org, { ...content, expiresAt })).rejects.toMatchObject({
    kind: "refused",
    field: "add[0]",
  });
  expect(await service.head(org)).toBe(1);
});

test("a bad provisioning is refused and writes nothing", async () => {
  const org = newOrg();
  const [ownersId, engineersId, viewersId] = [randomUUID(), randomUUID(), randomUUID()];
  for (const [more, field] of [
    [{ context: undefined }, "context"],
    [{ orgId: "" }, "org_id"],
    [{ ownersId: "" }, "owners_id"],
    [{ engineersId: "x" }, "engineers_id"],
    [{ viewersId: "x" }, "viewers_id"],
    [{ engineersId: ownersId }, "engineers_id"],
    [{ viewersId: ownersId }, "viewers_id"],
    [{ viewersId: engineersId }, "viewers_id"],
  ]) {
    const request = { context, orgId: org, ownersId, engineersId, viewersId, ...(more as object) };
    await expect(service.grants.provision(request)).rejects.toMatchObject({ kind: "invalid", field });
  }
  expect(await service.head(org)).toBe(0);
});

test("ACLs are listed by every filter, newest first, in pages", async () => {
  const { org, at, on, alice, group: team } = await world();
  const log = { type: "project_log", id: at.id };
  const { added } = await add(
    org,
    acl({ object: on, subject: user(alice) }),
    acl({ object: on, subject: group(team), grant: roleGrant(systemRoles.viewer.id) }),
    acl({ object: log, subject: user(alice), grant: permission("update") }),
    acl({ object: on, subject: user(alice), restrictObjectType: "prompt" }),
  );
  const [plain, viewer, onLog, restricted] = added.map((each) => given(each.acl).id);
  const list = async (more: object = {}) =>
    (await service.grants.listAcls(aclList(org, more))).acls.map(({ id }) => id);
  expect(await list()).toEqual([restricted, onLog, viewer, plain]);
  for (const [more, expected] of [
    [{ object: on }, [restricted, viewer, plain]],
    [{ object: { type: "dataset", id: at.id } }, []],
    [{ objectType: "project_log" }, [onLog]],
    [{ ids: [plain, onLog, randomUUID()] }, [onLog, plain]],
    [{ principalId: alice }, [restricted, onLog, plain]],
    [{ principalId: team }, []],
    [{ groupId: team }, [viewer]],
    [{ permission: "read" }, [restricted, plain]],
    [{ restrictObjectType: "prompt" }, [restricted]],
    [{ roleId: systemRoles.viewer.id }, [viewer]],
    [{ object: on, permission: "update" }, []],
  ] as const) {
    expect(await list(more)).toEqual(expected);
  }
  const page = { limit: 2, startingAfter: "", endingBefore: "" };
  expect(await list({ page })).toEqual([restricted, onLog]);
  expect(await list({ page: { ...page, startingAfter: onLog } })).toEqual([viewer, plain]);
  expect(await list({ page: { ...page, endingBefore: plain } })).toEqual([onLog, viewer]);
  expect(await list({ page: { ...page, startingAfter: plain } })).toEqual([]);
  for (const [more, field] of [
    [{ orgId: "x" }, "org_id"],
    [{ object: { type: "banana", id: org } }, "object.type"],
    [{ object: { type: "project", id: "x" } }, "object.id"],
    [{ objectType: "banana" }, "object_type"],
    [{ ids: ["x"] }, "ids[0]"],
    [{ principalId: "x" }, "principal_id"],
    [{ groupId: "x" }, "group_id"],
    [{ permission: "fly" }, "permission"],
    [{ restrictObjectType: "banana" }, "restrict_object_type"],
    [{ roleId: "x" }, "role_id"],
    [{ page: { ...page, limit: 10_001 } }, "page.limit"],
    [{ object: log, page: { ...page, startingAfter: plain } }, "page.starting_after"],
  ] as const) {
    await expect(list(more)).rejects.toMatchObject({ kind: "invalid", field });
  }
});

test("having a grant means an unexpired ACL that names the principal or one of the groups", async () => {
  const { org, on, alice, group: team } = await world();
  const [bob, other] = [service.neighbours.member(org), service.neighbours.group(org)];
  const has = async (principalId: string, ...groupIds: string[]) =>
    (await service.grants.hasGrant({ orgId: org, principalId, groupIds })).hasGrant;
  expect(await has(alice, team)).toBe(false);
  await add(org, acl({ object: on, subject: user(alice) }), acl({ object: on, subject: group(team) }));
  expect(await has(alice)).toBe(true);
  expect(await has(bob)).toBe(false);
  expect(await has(bob, other, team)).toBe(true);
  expect(await has(bob, other)).toBe(false);
  // Ids carry their kind.
  expect(await has(team, alice)).toBe(false);
  expect(
    (await service.grants.hasGrant({ orgId: newOrg(), principalId: alice, groupIds: [] })).hasGrant,
  ).toBe(false);
  await service.database.query("update acl set expires_at = now() where subject_id = $1", [alice]);
  expect(await has(alice)).toBe(false);
  expect(await has(bob, ...Array.from({ length: 9999 }, () => randomUUID()), team)).toBe(true);
  for (const [more, field] of [
    [{ orgId: "" }, "org_id"],
    [{ principalId: "" }, "principal_id"],
    [{ groupIds: ["x"] }, "group_ids[0]"],
    [{ groupIds: Array.from({ length: 10_001 }, () => team) }, "group_ids"],
  ] as const) {
    const request = { orgId: org, principalId: alice, groupIds: [], ...more };
    await expect(
      service.grants.hasGrant({ ...request, groupIds: [...request.groupIds] }),
    ).rejects.toMatchObject({
      kind: "invalid",
      field,
    });
  }
});

test("the ACLs that name somebody or grant a role are found, each once, and no others", async () => {
  const { org, on, alice, group: team } = await world();
  const bob = service.neighbours.member(org);
  const { id: reader } = given((await service.grants.createRole(role(org, "Reader"))).role);
  const root = { type: "organization", id: org };
  await add(
    org,
    acl({ object: on, subject: user(alice), grant: permission("read") }),
    acl({ object: on, subject: user(bob), grant: permission("read") }),
    acl({ object: root, subject: group(team), grant: roleGrant(reader) }),
    acl({ object: on, subject: user(bob), grant: roleGrant(reader) }),
  );
  const naming = async (
    {
      principals = [],
      groups = [],
      roles = [],
    }: Partial<Record<"principals" | "groups" | "roles", string[]>>,
    limit = 10,
    orgId: string = org,
  ) => {
    const request = { orgId, principalIds: principals, groupIds: groups, roleIds: roles, limit };
    const { acls, more } = await service.grants.listAclsNaming(request);
    const text = acls.map(({ object, subject, roleId }) => `${object?.type} ${subject?.value} ${roleId}`);
    return { acls: text.toSorted(), more };
  };
  const [byAlice, byTeam, byBob] = [
    `project ${alice} `,
    `organization ${team} ${reader}`,
    `project ${bob} ${reader}`,
  ];
  expect(await naming({ principals: [alice] })).toEqual({ acls: [byAlice], more: false });
  expect(await naming({ principals: [alice], groups: [team], roles: [reader] })).toEqual({
    acls: [byAlice, byTeam, byBob].toSorted(),
    more: false,
  });
  expect((await naming({ principals: [alice], groups: [team], roles: [reader] }, 3)).more).toBe(false);
  expect(await naming({ principals: [alice], groups: [team], roles: [reader] }, 2)).toMatchObject({
    more: true,
  });
  // Ids carry their kind.
  const none = { acls: [], more: false };
  expect(await naming({ principals: [team, reader], groups: [alice], roles: [alice] })).toEqual(none);
  expect(await naming({ principals: [alice], groups: [team], roles: [reader] }, 10, newOrg())).toEqual(none);
  for (const [more, field] of [
    [{ principalIds: ["x"] }, "principal_ids[0]"],
    [{ groupIds: ["x"] }, "group_ids[0]"],
    [{ roleIds: ["x"] }, "role_ids[0]"],
    [{ limit: 0 }, "limit"],
    [{ limit: 10_001 }, "limit"],
  ] as const) {
    const request = {
      orgId: org,
      principalIds: [],
      groupIds: [],
      roleIds: [],
      limit: 1,
      ...structuredClone(more),
    };
    await expect(
      service.grants.listAclsNaming(request as Parameters<typeof service.grants.listAclsNaming>[0]),
    ).rejects.toMatchObject({ kind: "invalid", field });
  }
});

test("ACLs that have just expired stand, in lists and in facts, until they are removed", async () => {
  const { org, on, alice } = await world();
  const content = acl({ object: on, subject: user(alice), expiresAt: new Date(Date.now() + 60_000) });
  const id = given((await add(org, content)).added[0]?.acl).id;
  const time = new Date(Date.now() - 1);
  await service.database.query("update acl set expires_at = $2 where id = $1", [id, time]);
  expect(await standing(org)).toEqual([id]);
  expect((await access(org, on)).value?.acls).toMatchObject([{ id, expiresAtMs: time.getTime() }]);
  expect((await remove(org, content)).removed).toHaveLength(1);
});

test("of many that add the same at once one makes it; adding and removing at once leaves one history", async () => {
  const { org, on, alice } = await world();
  const content = acl({ object: on, subject: user(alice) });
  const outcomes = await Promise.all(Array.from({ length: 20 }, () => add(org, content)));
  expect(outcomes.filter(({ added }) => added[0]?.foundExisting === false)).toHaveLength(1);
  expect(await service.head(org)).toBe(2);
  await Promise.all(
    Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? add(org, content) : remove(org, content))),
  );
  const [last] = (await service.events(org)).slice(-1);
  expect(await standing(org)).toHaveLength(last?.afterJson === "" ? 0 : 1);
});

test("granting on what is being deleted leaves nothing behind, whoever is faster", async () => {
  const { org, alice } = await world();
  for (let round = 0; round < 10; round++) {
    const at = given((await service.grants.createObject(project(org, `p${round}`))).object);
    const own = given((await service.grants.createRole(role(org, `r${round}`))).role);
    const object = { type: "project", id: at.id };
    await Promise.allSettled([
      add(org, acl({ object, subject: user(alice) })),
      service.grants.deleteObject({ context, orgId: org, ...object }),
      add(
        org,
        acl({ object: { type: "organization", id: org }, subject: user(alice), grant: roleGrant(own.id) }),
      ),
      service.grants.deleteRole({ context, orgId: org, id: own.id }),
    ]);
  }
  expect(await standing(org)).toEqual([]);
});

test("impossible rows grant nothing", async () => {
  const { org, at, on, alice } = await world();
  await service.database.query(
    `alter table acl drop constraint acl_subject, drop constraint acl_grant, drop constraint acl_restriction`,
  );
  const insert = async (columns: Record<string, unknown>): Promise<void> => {
    const row = {
      id: randomUUID(),
      org_id: org,
      object_type: "project",
      object_id: at.id,
      subject_kind: "principal",
      subject_id: alice,
      built_in: false,
      created: new Date(),
      ...columns,
    };
    await service.database.query(
      `insert into acl (${Object.keys(row).join(", ")})
       values (${Object.keys(row)
         .map((_, index) => `$${index + 1}`)
         .join(", ")})`,
      Object.values(row),
    );
  };
  const roleId = systemRoles.owner.id;
  await insert({ permission: "fly" });
  await insert({ permission: "READ" });
  await insert({});
  await insert({ permission: "read", role_id: roleId });
  await insert({ role_id: roleId, restrict_object_type: "project" });
  await insert({ permission: "read", restrict_object_type: "banana" });
  await insert({ permission: "read", restrict_object_type: "organization" });
  await insert({ permission: "read", subject_kind: "everybody" });
  await insert({ permission: "read", object_type: "banana" });
  await insert({ permission: "read", org_id: newOrg() });
  await insert({ permission: "read", object_type: "project", object_id: randomUUID() });
  expect((await access(org, on)).value?.acls).toEqual([]);
  await insert({ permission: "read" });
  expect((await access(org, on)).value?.acls).toHaveLength(1);
  // Ids that stand next to the one that is asked for, in the order of the index, are not mistaken for it.
  const neighbour = (shift: number) =>
    (at.id.slice(0, -1) +
      ((Number.parseInt(at.id.slice(-1), 16) + shift + 16) % 16).toString(16)) as ObjectId;
  await insert({ permission: "delete", object_id: neighbour(1) });
  await insert({ permission: "delete", object_id: neighbour(-1) });
  expect((await access(org, on)).value?.acls).toMatchObject([{ grant: { permission: "read" } }]);
  await service.database.query("delete from acl where org_id = $1", [org]);
});
