import { openLog } from "@portcullis/chassis/log";
import type { ObjectId, ObjectRef, OrgId } from "@portcullis/policy";
import { expiryQueue, queuePrefix } from "@portcullis/store/doorbell";
import { Queue } from "bullmq";
import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { startExpiries } from "../src/expiry.ts";
import { acl, aclList, aclUpdate, given, newOrg, project, type Running, running } from "./running.ts";

let service: Running;
let queue: Queue;
const parts = new AsyncDisposableStack();
beforeAll(async () => {
  service = parts.use(await running(8));
  const connection = new Redis(service.config.REDIS_URL);
  queue = new Queue(expiryQueue, { connection, prefix: queuePrefix });
  parts.defer(async () => {
    await queue.close();
    connection.disconnect();
  });
});
afterAll(() => parts.disposeAsync());

/** Removal waits for the clocks of others, some seconds. */
const patience = { timeout: 20_000, interval: 100 };

type Ending = () => Date | undefined;

/** A project with an ACL for each ending, which is asked for when all else is ready. */
async function projectWith(...endings: Ending[]): Promise<{
  org: OrgId;
  on: ObjectRef;
  people: readonly string[];
  grant: (person: string, expiresAt: Date | undefined) => Promise<unknown>;
}> {
  const org = newOrg();
  const { object } = await service.grants.createObject(project(org, "p"));
  const on: ObjectRef = { type: "project", id: given(object).id as ObjectId };
  const people = endings.map(() => service.neighbours.member(org));
  const content = (person: string, expiresAt: Date | undefined) =>
    acl({ object: on, subject: { $case: "principalId", value: person }, expiresAt });
  const grant = (person: string, expiresAt: Date | undefined) =>
    service.grants.updateAcls(aclUpdate(org, { add: [content(person, expiresAt)] }));
  await service.grants.updateAcls(
    aclUpdate(org, { add: people.map((person, index) => content(person, endings[index]?.())) }),
  );
  return { org, on, people, grant };
}

async function standing(org: OrgId): Promise<ReadonlySet<string | undefined>> {
  const { acls } = await service.grants.listAcls(aclList(org));
  return new Set(acls.map(({ content }) => content?.subject?.value));
}

const never: Ending = () => undefined;
const later: Ending = () => new Date(Date.now() + 3_600_000);
/** Late enough for the request to be there before. */
const soon: Ending = () => new Date(Date.now() + 2000);

test("an ACL goes some time after it has expired, by an event of the system's", async () => {
  const { org, on, people } = await projectWith(soon, later, never);
  const head = await service.head(org);
  await vi.waitFor(async () => expect(await standing(org)).toEqual(new Set(people.slice(1))), patience);
  const [event, ...more] = await service.events(org, head);
  expect(more).toEqual([]);
  expect(event).toMatchObject({
    action: "acls_expired",
    context: { actor: { principalId: "", credentialId: "" } },
    afterJson: "",
  });
  expect(JSON.parse(event?.beforeJson ?? "")).toMatchObject({
    aclCount: 1,
    acls: [{ content: { subject: { id: people[0] } } }],
  });
  expect(await service.fact({ kind: "access", org, object: on })).toMatchObject({ lo: head + 1 });
});

test("one whose expiry was put off meanwhile stays", async () => {
  const { org, people, grant } = await projectWith(soon, soon);
  const [kept = "", gone] = people;
  await grant(kept, later());
  await vi.waitFor(async () => expect(await standing(org)).not.toContain(gone), patience);
  expect(await standing(org)).toEqual(new Set([kept]));
});

test("what no job tells of is found when the service starts", async () => {
  const { org } = await projectWith(soon);
  await vi.waitFor(async () => expect(await queue.getDelayedCount()).toBeGreaterThan(0), patience);
  await queue.drain(true);
  await service.database.query("update acl set expires_at = now() - interval '1 hour' where org_id = $1", [
    org,
  ]);
  await using another = await service.another();
  expect(another).toBeDefined();
  await vi.waitFor(async () => expect(await standing(org)).toEqual(new Set()), patience);
});

test("more than one event can name go page by page, and a second look finds nothing", async () => {
  const { org, on } = await projectWith(never);
  await service.database.query(
    `insert into acl (id, org_id, object_type, object_id, subject_kind, subject_id, permission, expires_at, built_in, created)
     select gen_random_uuid(), $1, 'project', $2, 'principal', gen_random_uuid(), 'read', now() - interval '1 hour', false, now()
     from generate_series(1, 1234)`,
    [org, on.id],
  );
  const head = await service.head(org);
  await using another = await service.another();
  expect(another).toBeDefined();
  await vi.waitFor(async () => expect(await standing(org)).toHaveProperty("size", 1), patience);
  const events = await service.events(org, head);
  const told = events.map(({ beforeJson }) => (JSON.parse(beforeJson) as { aclCount: number }).aclCount);
  expect(told).toEqual([500, 500, 234]);
});

test("an organization that can't be cleared up holds up no other", async () => {
  const [bad, good] = [newOrg(), newOrg()];
  const cleared: OrgId[] = [];
  await using expiries = startExpiries({
    acls: {
      organizationsWithExpired: async () => [bad, good],
      async removeExpired(org) {
        if (org === bad) throw new Error("never");
        cleared.push(org);
      },
    },
    redisUrl: service.config.REDIS_URL,
    log: openLog("expiry-test", "silent"),
  });
  await expiries.sweep();
  expect(cleared).toContain(good);
});
