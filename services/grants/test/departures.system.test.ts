import type { ObjectRef, OrgId } from "@portcullis/policy";
import { followerQueue, queuePrefix } from "@portcullis/store/doorbell";
import { Queue } from "bullmq";
import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, inject, test, vi } from "vitest";
import { acl, aclList, aclUpdate, given, newOrg, project, type Running, running } from "./running.ts";

let service: Running;
const parts = new AsyncDisposableStack();
beforeAll(async () => {
  service = parts.use(await running());
});
afterAll(() => parts.disposeAsync());

/** Rings as the relay of the other owner does. */
async function ring(owner: "identity" | "groups", org: OrgId, position: number): Promise<void> {
  const connection = new Redis(inject("redisUrl"));
  const queue = new Queue(followerQueue(owner, "grants"), { connection, prefix: queuePrefix });
  await queue.add(owner, { owner, org, position });
  await queue.close();
  connection.disconnect();
}

async function standing(org: OrgId): Promise<(string | undefined)[]> {
  const { acls } = await service.grants.listAcls(aclList(org));
  return acls.map(({ content }) => content?.subject?.value);
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
    const { rows } = await service.database.query("select position from followed_log where org_id = $1", [
      org,
    ]);
    expect(rows).toEqual([{ position: "2" }]);
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
    const { rows } = await service.database.query("select position from followed_log where org_id = $1", [
      org,
    ]);
    expect(rows).toEqual([{ position: "1" }]);
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
      const { rows } = await service.database.query("select position from followed_log where org_id = $1", [
        org,
      ]);
      expect(rows).toEqual([{ position: "1" }]);
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
