import { type ObjectRef, type OrgId, systemRoles } from "@portcullis/policy";
import { followerQueue, queuePrefix } from "@portcullis/store/doorbell";
import { Queue } from "bullmq";
import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import {
  acl,
  aclList,
  aclUpdate,
  context,
  given,
  inProject,
  newOrg,
  objectList,
  project,
  type Running,
  role,
  running,
} from "./running.ts";

let service: Running;
const parts = new AsyncDisposableStack();
beforeAll(async () => {
  service = parts.use(await running(7));
});
afterAll(() => parts.disposeAsync());

/** Rings as the relay of the other owner does. */
async function ring(owner: "identity" | "groups" | "grants", org: OrgId, position: number): Promise<void> {
  const connection = new Redis(service.config.REDIS_URL);
  const queue = new Queue(followerQueue(owner, "grants"), { connection, prefix: queuePrefix });
  await queue.add(owner, { owner, org, position });
  await queue.close();
  connection.disconnect();
}

async function standing(org: OrgId): Promise<(string | undefined)[]> {
  const { acls } = await service.grants.listAcls(aclList(org));
  return acls.map(({ content }) => content?.subject?.value);
}

async function followed(org: OrgId, owner: "identity" | "groups" | "grants"): Promise<number> {
  const { rows } = await service.database.query<{ position: string }>(
    "select position from followed_log where org_id = $1 and owner = $2",
    [org, owner],
  );
  return Number(rows[0]?.position ?? 0);
}

test("the direct ACLs of a removed member go, in one event, and nobody else's", async () => {
  const org = newOrg();
  const [alice, bob] = [service.neighbours.member(org), service.neighbours.member(org)];
  const { object } = await service.grants.createObject({ ...project(org, "p"), ownerId: alice });
  const on = { type: "project", id: given(object).id };
  await service.grants.updateAcls(
    aclUpdate(org, {
      add: [
        acl({ object: { type: "organization", id: org }, subject: { $case: "principalId", value: alice } }),
        acl({ object: on, subject: { $case: "principalId", value: bob } }),
      ],
    }),
  );
  service.neighbours.removeMember(org, alice);
  await ring("identity", org, 1);
  await vi.waitFor(async () => expect(await standing(org)).toEqual([bob]), 10_000);
  const [event, ...more] = await service.events(org, 2);
  expect(more).toEqual([]);
  expect(event).toMatchObject({
    position: 3,
    action: "acls_updated",
    context: { requestId: "because of members_removed" },
  });
  for (const object of [on, { type: "organization", id: org }]) {
    expect((await service.fact({ kind: "access", org, object: object as ObjectRef })).lo).toBe(3);
  }
  // Rung again, there is nothing to do.
  service.neighbours.removeMember(org, alice);
  await ring("identity", org, 2);
  await vi.waitFor(async () => {
    expect(await followed(org, "identity")).toBe(2);
  }, 10_000);
  expect(await service.head(org)).toBe(3);
});

test("the ACLs of a deleted group go, those that name it and those that sit on it", async () => {
  const org = newOrg();
  const [team, other, alice] = [
    service.neighbours.group(org),
    service.neighbours.group(org),
    service.neighbours.member(org),
  ];
  const organization = { type: "organization", id: org };
  await service.grants.updateAcls(
    aclUpdate(org, {
      add: [
        acl({ object: organization, subject: { $case: "groupId", value: team } }),
        acl({ object: { type: "group", id: team }, subject: { $case: "principalId", value: alice } }),
        acl({ object: { type: "group", id: other }, subject: { $case: "groupId", value: other } }),
      ],
    }),
  );
  service.neighbours.deleteGroup(org, team);
  await ring("groups", org, 1);
  await vi.waitFor(async () => expect(await standing(org)).toEqual([other]), 10_000);
  expect(await service.head(org)).toBe(2);
});

test("who has returned keeps what was granted since, when an old removal comes again", async () => {
  const org = newOrg();
  const alice = service.neighbours.member(org);
  service.neighbours.removeMember(org, alice);
  service.neighbours.comesBack(org, alice);
  const on = { type: "organization", id: org };
  const add = [acl({ object: on, subject: { $case: "principalId", value: alice } })];
  await service.grants.updateAcls(aclUpdate(org, { add }));
  await ring("identity", org, 1);
  await vi.waitFor(async () => {
    expect(await followed(org, "identity")).toBe(1);
  }, 10_000);
  expect(await standing(org)).toEqual([alice]);
});

test("a member who is removed, and cleared up behind, while a grant is on its way gets nothing", async () => {
  const org = newOrg();
  const alice = service.neighbours.member(org);
  const bob = service.neighbours.member(org);
  const on = { type: "organization", id: org };
  // The log is followed from the organisation's first write here.
  await service.grants.updateAcls(
    aclUpdate(org, { add: [acl({ object: on, subject: { $case: "principalId", value: bob } })] }),
  );
  let removed = false;
  service.neighbours.beforeMembers = async () => {
    if (removed) return;
    removed = true;
    service.neighbours.removeMember(org, alice);
    await ring("identity", org, 1);
    await vi.waitFor(async () => {
      expect(await followed(org, "identity")).toBe(1);
    }, 4000);
  };
  try {
    await expect(
      service.grants.updateAcls(
        aclUpdate(org, { add: [acl({ object: on, subject: { $case: "principalId", value: alice } })] }),
      ),
    ).rejects.toMatchObject({ kind: "invalid", field: "add[0].principal_id" });
  } finally {
    service.neighbours.beforeMembers = () => Promise.resolve();
  }
  expect(await standing(org)).toEqual([bob]);
});

test("a member who is removed while a grant is on its way, and not yet cleared up behind, loses it", async () => {
  const org = newOrg();
  const alice = service.neighbours.member(org);
  let removed = false;
  service.neighbours.beforeMembers = () => {
    if (!removed) service.neighbours.removeMember(org, alice);
    removed = true;
    return Promise.resolve();
  };
  try {
    await service.grants.createObject({ ...project(org, "p"), ownerId: alice });
  } finally {
    service.neighbours.beforeMembers = () => Promise.resolve();
  }
  expect(await standing(org)).toEqual([alice]);
  await ring("identity", org, 1);
  await vi.waitFor(async () => expect(await standing(org)).toEqual([]), 10_000);
});

test("what was missed while the service was down is made good when it starts", async () => {
  const org = newOrg();
  const alice = service.neighbours.member(org);
  await service.grants.createObject({ ...project(org, "p"), ownerId: alice });
  service.neighbours.removeMember(org, alice);
  // No doorbell at all: the sweep of a starting process finds it.
  await using _ = await service.another();
  await vi.waitFor(async () => expect(await standing(org)).toEqual([]), 10_000);
});

/** Rows as the service makes them, many at once: objects below a project, ACLs that name a member or group. */
async function insertMany(
  org: OrgId,
  { below, acls }: { below?: { project: string; count: number }; acls: object[] },
): Promise<void> {
  await service.database.query(
    `insert into object (id, org_id, type, parent_type, parent_id, name, payload, created)
     select gen_random_uuid(), $1, 'dataset', 'project', $2, 'x' || n, '{}', now() from generate_series(1, $3) as n`,
    [org, below?.project, below?.count ?? 0],
  );
  await service.database.query(
    `insert into acl (id, org_id, object_type, object_id, subject_kind, subject_id, permission, role_id, built_in, created)
     select gen_random_uuid(), $1, type, coalesce(id, gen_random_uuid()), kind, coalesce(subject, gen_random_uuid()),
       case when role is null then 'read' end, role, false, now()
     from jsonb_to_recordset($2::jsonb) as wanted (type text, id uuid, kind text, subject uuid, role uuid, count int),
       generate_series(1, count)`,
    [org, JSON.stringify(acls)],
  );
}

/** What of an organisation's rows lives. */
async function rowsLeft(org: OrgId): Promise<{ objects: number; acls: number }> {
  const { rows } = await service.database.query<{ objects: number; acls: number }>(
    `select (select count(*)::int from object where org_id = $1 and deleted_at is null) as objects,
       (select count(*)::int from acl where org_id = $1) as acls`,
    [org],
  );
  return rows[0] ?? { objects: -1, acls: -1 };
}

interface Large {
  readonly name: string;
  /** Begins it, and answers whose log is followed to its end. */
  readonly go: (org: OrgId) => Promise<"identity" | "groups" | "grants">;
}

const large: readonly Large[] = [
  {
    name: "a project with many objects below, one of them with many ACLs",
    async go(org) {
      const { object } = await service.grants.createObject(project(org, "p"));
      const { id } = given(object);
      const { object: inside } = await service.grants.createObject(
        inProject(given(object), "experiment", "e"),
      );
      await insertMany(org, {
        below: { project: id, count: 900 },
        acls: [
          { type: "experiment", id: inside?.id, kind: "group", count: 700 },
          { type: "project", id, kind: "principal", count: 300 },
          { type: "project_log", id, kind: "principal", count: 300 },
        ],
      });
      await service.grants.deleteObject({ context, orgId: org, id, type: "project" });
      // At once, whatever rows still stand.
      const at = { orgId: org, id: inside?.id ?? "", type: "experiment" };
      await expect(service.grants.getObject(at)).rejects.toMatchObject({ kind: "absent" });
      expect((await service.grants.listObjects(objectList(org, { type: "dataset" }))).objects).toEqual([]);
      const alice = service.neighbours.member(org);
      const add = [
        acl({ object: { type: at.type, id: at.id }, subject: { $case: "principalId", value: alice } }),
      ];
      await expect(service.grants.updateAcls(aclUpdate(org, { add }))).rejects.toMatchObject({
        field: "add[0].object",
      });
      await ring("grants", org, await service.head(org));
      return "grants";
    },
  },
  {
    name: "a role that many ACLs grant, and with many on it",
    async go(org) {
      const { role: made } = await service.grants.createRole(role(org, "r"));
      const { id } = given(made);
      await insertMany(org, {
        acls: [
          { type: "project", kind: "group", role: id, count: 700 },
          { type: "role", id, kind: "group", count: 700 },
        ],
      });
      await service.grants.deleteRole({ context, orgId: org, id });
      await ring("grants", org, await service.head(org));
      return "grants";
    },
  },
  {
    name: "a group that many ACLs name, and with many on it",
    async go(org) {
      const team = service.neighbours.group(org);
      await insertMany(org, {
        acls: [
          { type: "project", kind: "group", subject: team, count: 700 },
          { type: "group", id: team, kind: "group", count: 700 },
        ],
      });
      service.neighbours.deleteGroup(org, team);
      await ring("groups", org, 1);
      return "groups";
    },
  },
  {
    name: "a member that many ACLs name",
    async go(org) {
      const alice = service.neighbours.member(org);
      await insertMany(org, { acls: [{ type: "project", kind: "principal", subject: alice, count: 1200 }] });
      service.neighbours.removeMember(org, alice);
      await ring("identity", org, 1);
      return "identity";
    },
  },
];

test.each(large)("$name: all goes, in bounded pieces", async ({ go }) => {
  const org = newOrg();
  const source = await go(org);
  await vi.waitFor(async () => expect(await rowsLeft(org)).toEqual({ objects: 0, acls: 0 }), 20_000);
  await vi.waitFor(async () => expect(await followed(org, source)).toBeGreaterThan(0), 10_000);
  const events = await service.events(org);
  expect(events.length).toBeGreaterThan(2);
  for (const event of events) {
    expect(event.touches.length).toBeLessThanOrEqual(3000);
    expect(event.touchedKinds).toEqual([]);
    expect(event.beforeJson.length).toBeLessThan(100_000);
  }
});

async function followGroups(org: OrgId): Promise<void> {
  await service.grants.followGroups({ orgId: org });
}

test("who makes a group has the Owner role on it, by one event, once", async () => {
  const org = newOrg();
  const alice = service.neighbours.member(org);
  const team = service.neighbours.groupOf(org, alice);
  const { revision } = await service.grants.followGroups({ orgId: org });
  expect(revision).toMatchObject({ orgId: org, owner: "grants", position: 1 });
  const { acls } = await service.grants.listAcls(aclList(org));
  expect(acls.map(({ content }) => content)).toMatchObject([
    {
      object: { type: "group", id: team },
      subject: { $case: "principalId", value: alice },
      grant: { $case: "roleId", value: systemRoles.owner.id },
    },
  ]);
  const [event, ...more] = await service.events(org);
  expect(more).toEqual([]);
  expect(event).toMatchObject({
    action: "acls_updated",
    context: { requestId: "because of group_created" },
    subject: { type: "acl", id: acls[0]?.id },
  });
  const fact = await service.fact({ kind: "access", org, object: { type: "group", id: team } as never });
  expect(fact).toMatchObject({ lo: 1, value: { acls: [{ id: acls[0]?.id }] } });
  await Promise.all([followGroups(org), followGroups(org)]);
  expect(await service.head(org)).toBe(1);
});

test("the grant of who makes a group comes also if nobody asks for it", async () => {
  const org = newOrg();
  const alice = service.neighbours.member(org);
  service.neighbours.groupOf(org, alice);
  await ring("groups", org, 1);
  await vi.waitFor(async () => expect(await standing(org)).toEqual([alice]), 10_000);
});

test("a grant on a group that was taken away does not come back when groups' log is read again", async () => {
  const org = newOrg();
  const alice = service.neighbours.member(org);
  service.neighbours.groupOf(org, alice);
  await followGroups(org);
  const { acls } = await service.grants.listAcls(aclList(org));
  const value = given(acls[0]).id;
  await service.grants.updateAcls(aclUpdate(org, { remove: [{ what: { $case: "id", value } }] }));
  await service.database.query("delete from followed_log where org_id = $1", [org]);
  await followGroups(org);
  expect(await followed(org, "groups")).toBe(1);
  expect(await standing(org)).toEqual([]);
});

test("no grant comes to who is no member any more, or not since then, or on what is gone, or without an owner", async () => {
  const org = newOrg();
  const [left, returned, stayed] = [
    service.neighbours.member(org),
    service.neighbours.member(org),
    service.neighbours.member(org),
  ];
  for (const owner of [left, returned, ""]) service.neighbours.groupOf(org, owner);
  service.neighbours.deleteGroup(org, service.neighbours.groupOf(org, stayed));
  service.neighbours.removeMember(org, left);
  service.neighbours.removeMember(org, returned);
  service.neighbours.comesBack(org, returned);
  await followGroups(org);
  expect(await followed(org, "groups")).toBe(5);
  expect(await service.head(org)).toBe(0);
  // What is made after coming back is one's own.
  service.neighbours.groupOf(org, returned);
  await followGroups(org);
  expect(await standing(org)).toEqual([returned]);
});

test("who was granted the Owner role on the new group already is granted it once", async () => {
  const org = newOrg();
  const alice = service.neighbours.member(org);
  const team = service.neighbours.groupOf(org, alice);
  const owning = acl({
    object: { type: "group", id: team },
    subject: { $case: "principalId", value: alice },
    grant: { $case: "roleId", value: systemRoles.owner.id },
  });
  await service.grants.updateAcls(aclUpdate(org, { add: [owning] }));
  await followGroups(org);
  expect(await service.head(org)).toBe(1);
});
