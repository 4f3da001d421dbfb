import { randomUUID } from "node:crypto";
import { type ObjectId, type ObjectRef, type ObjectType, type OrgId, systemRoles } from "@portcullis/policy";
import type {
  CreateObjectRequest,
  Object as ObjectMessage,
  UpdateObjectRequest,
} from "@portcullis/proto/grants/v1/grants";
import { afterAll, beforeAll, expect, test } from "vitest";
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
  running,
} from "./running.ts";

let service: Running;
beforeAll(async () => {
  service = await running();
});
afterAll(() => service[Symbol.asyncDispose]());

async function create(request: CreateObjectRequest): Promise<ObjectMessage> {
  return given((await service.grants.createObject(request)).object);
}

function access(org: string, object: { type: string; id: string }) {
  return service.fact({ kind: "access", org: org as OrgId, object: object as ObjectRef });
}

function change(object: ObjectMessage, more: Partial<UpdateObjectRequest>): UpdateObjectRequest {
  return {
    context,
    orgId: object.orgId,
    id: object.id,
    type: object.type,
    addMemberProjectIds: [],
    removeMemberProjectIds: [],
    ...more,
  };
}

function ref(object: ObjectMessage) {
  return { context, orgId: object.orgId, id: object.id, type: object.type };
}

test("a created project is a fact at its position, and so is its log", async () => {
  const org = newOrg();
  expect(await access(org, { type: "project", id: randomUUID() })).toMatchObject({
    lo: 0,
    hi: 0,
    value: null,
  });
  const { object, revision, foundExisting } = await service.grants.createObject(
    project(org, "chat", { payloadJson: '{"description":"d"}' }),
  );
  expect(foundExisting).toBe(false);
  expect(revision).toMatchObject({ orgId: org, owner: "grants", position: 1 });
  expect(object).toMatchObject({ orgId: org, type: "project", name: "chat", slug: "", creatorId: "" });
  expect(JSON.parse(given(object).payloadJson)).toEqual({ description: "d" });
  expect(await access(org, given(object))).toMatchObject({
    lo: 1,
    hi: 1,
    value: { parent: { type: "org_project", id: org }, alsoUnder: [], acls: [] },
  });
  expect(await access(org, { type: "project_log", id: given(object).id })).toMatchObject({
    lo: 1,
    value: { parent: { type: "project", id: given(object).id }, acls: [] },
  });
  // The same id under another type, and in another organisation, is no object.
  expect((await access(org, { type: "experiment", id: given(object).id })).value).toBeNull();
  expect((await access(newOrg(), given(object))).value).toBeNull();
});

test("faces of the organisation are always there, under its own id and no other", async () => {
  const org = newOrg();
  expect((await access(org, { type: "organization", id: org })).value).toMatchObject({ parent: null });
  for (const type of ["org_member", "org_project", "org_audit_logs"]) {
    const parent = { type: "organization", id: org };
    expect((await access(org, { type, id: org })).value).toMatchObject({ parent });
    expect((await access(org, { type, id: randomUUID() })).value).toBeNull();
  }
  expect((await access(org, { type: "organization", id: randomUUID() })).value).toBeNull();
  // Whether a group or a role exists is not judged by its access.
  for (const type of ["group", "role"]) {
    const parent = { type: "organization", id: org };
    expect((await access(org, { type, id: randomUUID() })).value).toMatchObject({ parent, acls: [] });
  }
});

test("every registered type can be made, once for each identity, and reads back as it was written", async () => {
  const org = newOrg();
  const at = await create(project(org, "p"));
  const requests = [
    project(org, "p2"),
    ...["experiment", "dataset", "prompt", "prompt_session"].map((type) => inProject(at, type, "x")),
    ...["project_group", "ai_secret", "org_ai_secret"].map((type) =>
      project(org, "x", { type, parent: { type: "organization", id: org } }),
    ),
  ];
  for (const request of requests) {
    const made = await service.grants.createObject(request);
    expect(made.foundExisting).toBe(false);
    const head = await service.head(org);
    const again = await service.grants.createObject(request);
    expect(again).toMatchObject({ foundExisting: true, object: made.object, revision: { position: head } });
    expect((await service.grants.getObject(ref(given(made.object)))).object).toEqual(made.object);
  }
});

test("an experiment is public while it says so, and nothing else ever is", async () => {
  const org = newOrg();
  const at = await create(project(org, "p", { payloadJson: '{"public":true}' }));
  const experiment = await create(inProject(at, "experiment", "e", { payloadJson: '{"public":true}' }));
  const dataset = await create(inProject(at, "dataset", "d", { payloadJson: '{"public":true}' }));
  for (const object of [at, dataset])
    expect((await access(org, object)).value).not.toHaveProperty("publicRead");
  expect(await access(org, experiment)).toMatchObject({ lo: 2, value: { publicRead: true } });
  const steps: readonly (readonly [payload: string, isPublic: boolean, touches: boolean])[] = [
    ['{"note":1}', true, false],
    ['{"public":false}', false, true],
    ['{"public":"true"}', false, false],
    ['{"public":true}', true, true],
    ['{"public":{"a":1}}', false, true],
    ['{"public":true}', true, true],
  ];
  for (const [payloadJson, isPublic, touches] of steps) {
    const { revision } = await service.grants.updateObject(change(experiment, { payloadJson }));
    const fact = await access(org, experiment);
    expect([payloadJson, fact.value?.publicRead === true]).toEqual([payloadJson, isPublic]);
    expect([payloadJson, fact.lo === revision?.position]).toEqual([payloadJson, touches]);
  }
  // A replacement resets what it does not give.
  await service.grants.replaceObject(inProject(at, "experiment", "e"));
  expect((await access(org, experiment)).value).not.toHaveProperty("publicRead");
});

test("a project is under the live project groups that list it, and under no others", async () => {
  const org = newOrg();
  const [one, two] = [await create(project(org, "one")), await create(project(org, "two"))];
  const foreign = await create(project(newOrg(), "foreign"));
  const inOrg = { type: "project_group", parent: { type: "organization", id: org } };
  const first = await create(project(org, "first", { ...inOrg, memberProjectIds: [two.id, one.id, two.id] }));
  expect(first.memberProjectIds).toEqual([one.id, two.id].sort());
  const second = await create(project(org, "second", inOrg));
  const under = async (object: ObjectMessage) => {
    const { lo, value } = await access(org, object);
    return { lo, groups: value?.alsoUnder.map(({ id }) => id) };
  };
  expect(await under(one)).toEqual({ lo: 3, groups: [first.id] });
  const log = { type: "project_log", id: one.id };
  expect((await access(org, log)).value).toMatchObject({ alsoUnder: [], parent: { id: one.id } });

  const listed = change(second, { addMemberProjectIds: [one.id] });
  const { revision } = await service.grants.updateObject(listed);
  expect(await under(one)).toEqual({ lo: revision?.position, groups: [first.id, second.id].sort() });
  expect((await service.grants.updateObject(listed)).revision).toMatchObject({
    position: revision?.position,
  });

  for (const id of [foreign.id, randomUUID(), second.id]) {
    await expect(
      service.grants.updateObject(change(second, { addMemberProjectIds: [two.id, id] })),
    ).rejects.toMatchObject({ kind: "invalid", field: "add_member_project_ids" });
    await expect(
      service.grants.createObject(project(org, "third", { ...inOrg, memberProjectIds: [id] })),
    ).rejects.toMatchObject({ kind: "invalid", field: "object.member_project_ids" });
  }
  await expect(
    service.grants.updateObject(change(one, { addMemberProjectIds: [two.id] })),
  ).rejects.toMatchObject({ kind: "invalid", field: "add_member_project_ids" });
  expect(await service.head(org)).toBe(revision?.position);

  await service.grants.updateObject(change(first, { removeMemberProjectIds: [one.id, foreign.id] }));
  expect((await under(one)).groups).toEqual([second.id]);
  await service.grants.replaceObject(project(org, "first", inOrg));
  expect((await under(two)).groups).toEqual([]);
  await service.grants.deleteObject(ref(second));
  expect(await under(one)).toEqual({ lo: await service.head(org), groups: [] });

  await service.grants.updateObject(change(first, { addMemberProjectIds: [one.id, two.id] }));
  await service.grants.deleteObject(ref(two));
  expect((await service.grants.getObject(ref(first))).object?.memberProjectIds).toEqual([one.id]);
});

test("identities are told apart byte by byte, per type and per parent", async () => {
  const org = newOrg();
  const names = ["Chat", "chat", "chat ", "cha\u0301t", "ch\u00e1t"];
  const made = new Set<string>();
  for (const name of names) made.add((await create(project(org, name))).id);
  expect(made.size).toBe(names.length);
  const [one, other] = [await create(project(org, "one")), await create(project(org, "other"))];
  const ids = [
    await create(inProject(one, "experiment", "x")),
    await create(inProject(one, "dataset", "x")),
    await create(inProject(other, "experiment", "x")),
  ].map(({ id }) => id);
  expect(new Set(ids).size).toBe(3);
});

test("names are compared byte by byte: case, accents, blanks at the end and ways to write a letter all tell apart", async () => {
  const org = newOrg();
  const names = ["alice", "Alice", "alice ", "álice", "a\u0301lice", "alice\u200b", "ａlice", "alıce"];
  const made: string[] = [];
  for (const name of names) made.push((await create(project(org, name))).id);
  expect(new Set(made).size).toBe(names.length);
  for (const [index, name] of names.entries()) {
    const { objects } = await service.grants.listObjects(objectList(org, { names: [name] }));
    expect(objects.map(({ id }) => id)).toEqual([made[index]]);
  }
});

test("a prompt is known by its slug, not by its name", async () => {
  const at = await create(project(newOrg(), "p"));
  const first = await create(inProject(at, "prompt", "Greeting", { slug: "greet" }));
  const same = await service.grants.createObject(inProject(at, "prompt", "Other name", { slug: "greet" }));
  expect(same).toMatchObject({ foundExisting: true, object: { id: first.id, name: "Greeting" } });
  const other = await create(inProject(at, "prompt", "Greeting", { slug: "greet-2" }));
  expect(other.id).not.toBe(first.id);
});

test("ensure_new takes a fresh identity that begins like the one that is taken", async () => {
  const at = await create(project(newOrg(), "p"));
  const long = "é".repeat(255);
  for (const [type, name] of [
    ["experiment", "x"],
    ["experiment", long],
    ["prompt", "greet"],
  ] as const) {
    const request = { ...inProject(at, type, name), ensureNew: true };
    expect((await create(request))[type === "prompt" ? "slug" : "name"]).toBe(name);
    const { object, foundExisting } = await service.grants.createObject(request);
    const fresh = given(object)[type === "prompt" ? "slug" : "name"];
    expect(foundExisting).toBe(false);
    expect(fresh).not.toBe(name);
    expect(fresh.startsWith(name.slice(0, 240))).toBe(true);
    expect(fresh.length).toBeLessThanOrEqual(255);
  }
});

test("an owner gets a direct grant in the same moment, once", async () => {
  const org = newOrg();
  const ownerId = service.neighbours.member(org);
  const actor = { principalId: ownerId, credentialId: "key", impersonatedId: "" };
  const request = { ...project(org, "mine"), ownerId, context: { ...context, actor } };
  const made = await create(request);
  expect(made.creatorId).toBe(ownerId);
  const fact = await access(org, made);
  expect(fact).toMatchObject({
    lo: 1,
    hi: 1,
    value: {
      acls: [
        {
          subject: { kind: "principal", id: ownerId },
          grant: { kind: "role", id: systemRoles.owner.id },
          expiresAtMs: null,
        },
      ],
    },
  });
  expect((await service.grants.createObject(request)).foundExisting).toBe(true);
  expect((await service.grants.replaceObject(request)).foundExisting).toBe(true);
  expect(await access(org, made)).toEqual(fact);
  const replaced = given(
    (await service.grants.replaceObject({ ...request, ...project(org, "other"), ownerId })).object,
  );
  expect((await access(org, replaced)).value?.acls).toHaveLength(1);
});

test("replacing resets what is not given, and keeps the id; a repeat changes nothing", async () => {
  const at = await create(project(newOrg(), "p"));
  const org = at.orgId as OrgId;
  const before = await create(
    inProject(at, "prompt", "Greeting", { slug: "greet", payloadJson: '{"a":1,"b":-0}' }),
  );
  const request = inProject(at, "prompt", "Hello", { slug: "greet", payloadJson: '{"c":{"d":[1,-0]}}' });
  const { object, foundExisting } = await service.grants.replaceObject(request);
  expect(foundExisting).toBe(true);
  expect(object).toEqual({ ...before, name: "Hello", payloadJson: '{"c":{"d":[1,0]}}' });
  const head = await service.head(org);
  const again = await service.grants.replaceObject(request);
  expect(again).toMatchObject({ foundExisting: true, object, revision: { position: head } });
  const { object: fresh, foundExisting: existed } = await service.grants.replaceObject(
    inProject(at, "prompt", "New", { slug: "new" }),
  );
  expect(existed).toBe(false);
  expect((await access(org, given(fresh))).lo).toBe(head + 1);
});

test("no other object is replaced than the one that the caller may replace, whoever has its name by now", async () => {
  const org = newOrg();
  const made = await create(project(org, "p"));
  const request = { ...project(org, "p", { payloadJson: '{"a":1}' }), standingId: made.id };
  expect((await service.grants.replaceObject(request)).object?.id).toBe(made.id);
  await service.grants.deleteObject(ref(made));
  await expect(service.grants.replaceObject(request)).rejects.toMatchObject({ kind: "unavailable" });
  const other = await create(project(org, "p"));
  await expect(service.grants.replaceObject(request)).rejects.toMatchObject({ kind: "unavailable" });
  expect((await service.grants.getObject(ref(other))).object).toEqual(other);
});

test("updating merges deeply and keeps the rest; a repeat changes nothing", async () => {
  const org = newOrg();
  const before = await create(
    project(org, "p", { payloadJson: '{"description":"d","settings":{"a":1,"b":[1,2],"c":{"d":1}}}' }),
  );
  const request = change(before, {
    name: "q",
    payloadJson: '{"settings":{"b":[3],"c":{"e":2},"__proto__":{"x":1}},"more":null}',
  });
  const { object } = await service.grants.updateObject(request);
  expect(object).toMatchObject({ id: before.id, name: "q" });
  expect(JSON.parse(given(object).payloadJson)).toEqual(
    JSON.parse(
      '{"more":null,"settings":{"a":1,"b":[3],"c":{"d":1,"e":2},"__proto__":{"x":1}},"description":"d"}',
    ),
  );
  const head = await service.head(org);
  expect((await service.grants.updateObject(request)).revision?.position).toBe(head);
  expect((await service.grants.getObject(ref(before))).object?.name).toBe("q");
  // A new name changes nothing that decisions are made of.
  expect((await access(org, before)).lo).toBe(1);
});

test("renaming to what another one is called is refused, to what a deleted one was called is not", async () => {
  const org = newOrg();
  const [one, other] = [await create(project(org, "one")), await create(project(org, "other"))];
  await expect(service.grants.updateObject(change(one, { name: "other" }))).rejects.toMatchObject({
    kind: "refused",
    field: "name",
  });
  expect(await service.head(org)).toBe(2);
  await service.grants.deleteObject(ref(other));
  expect((await service.grants.updateObject(change(one, { name: "other" }))).object?.name).toBe("other");
});

test("deleting a project takes all below it and every ACL on them, in one event, and frees the names", async () => {
  const org = newOrg();
  const principalId = service.neighbours.member(org);
  const at = await create(project(org, "p"));
  const kept = await create(project(org, "kept"));
  const below = [
    await create(inProject(at, "experiment", "x")),
    await create(inProject(at, "dataset", "x")),
    await create(inProject(at, "prompt", "x")),
    await create(inProject(at, "prompt_session", "x")),
  ];
  const named = [at, ...below, { type: "project_log", id: at.id }, kept];
  await service.grants.updateAcls(
    aclUpdate(org, {
      add: named.map(({ type, id }) =>
        acl({ object: { type, id }, subject: { $case: "principalId", value: principalId } }),
      ),
    }),
  );
  const inOrg = { type: "project_group", parent: { type: "organization", id: org } };
  const listing = await create(project(org, "listing", { ...inOrg, memberProjectIds: [at.id, kept.id] }));
  const attachment = { kind: "view", object: at, name: "v", payloadJson: "" };
  await service.grants.createAttachment({ context, orgId: org, attachment });
  const head = await service.head(org);
  const { object, revision } = await service.grants.deleteObject(ref(at));
  expect(object).toMatchObject({ id: at.id, deletedAt: expect.any(Date) });
  expect(revision?.position).toBe(head + 1);
  for (const gone of named.slice(0, -1)) {
    expect(await access(org, gone)).toMatchObject({ lo: head + 1, value: null });
  }
  expect((await access(org, kept)).value?.acls).toHaveLength(1);
  const { acls } = await service.grants.listAcls(aclList(org));
  expect(acls.map((each) => each.content?.object?.id)).toEqual([kept.id]);
  for (const { id, type } of [at, ...below]) {
    await expect(service.grants.getObject({ orgId: org, id, type })).rejects.toMatchObject({
      kind: "absent",
    });
  }
  const [event] = await service.events(org, head);
  expect(event).toMatchObject({
    action: "objects_deleted",
    subject: { type: "project", id: at.id },
    afterJson: "",
  });
  expect(JSON.parse(given(event).beforeJson)).toMatchObject({
    belowCount: 4,
    aclCount: 6,
    attachmentCount: 1,
    listedIn: [listing.id],
    listedInCount: 1,
  });
  const reborn = await create(project(org, "p"));
  expect(reborn.id).not.toBe(at.id);
  expect((await service.grants.listObjects(objectList(org, { type: "experiment" }))).objects).toEqual([]);
});

test("nothing can be made in a deleted project, whoever is faster", async () => {
  const org = newOrg();
  for (let round = 0; round < 10; round++) {
    const at = await create(project(org, `p${round}`));
    const [made] = await Promise.allSettled([
      service.grants.createObject(inProject(at, "experiment", "x")),
      service.grants.deleteObject(ref(at)),
    ]);
    if (made.status === "rejected") expect(made.reason).toMatchObject({ field: "object.parent" });
    else expect((await access(org, given(made.value.object))).value).toBeNull();
  }
  const { rows } = await service.database.query(
    "select from object where org_id = $1 and deleted_at is null",
    [org],
  );
  expect(rows).toEqual([]);
});

test("of many that make the same object at once one makes it and the others find it", async () => {
  const org = newOrg();
  const made = await Promise.all(
    Array.from({ length: 20 }, () => service.grants.createObject(project(org, "same"))),
  );
  expect(new Set(made.map(({ object }) => object?.id)).size).toBe(1);
  expect(made.filter(({ foundExisting }) => !foundExisting)).toHaveLength(1);
  expect(await service.head(org)).toBe(1);
});

test("lists are of one type and organisation, filtered, newest first, in pages", async () => {
  const org = newOrg();
  const one = await create(project(org, "one"));
  const other = await create(project(org, "other"));
  const made: ObjectMessage[] = [];
  for (const [at, name] of [
    [one, "a"],
    [other, "a"],
    [one, "b"],
  ] as const) {
    made.unshift(await create(inProject(at, "prompt", name)));
  }
  await create(inProject(one, "dataset", "a"));
  await create(project(newOrg(), "one"));
  const [b, otherA, a] = made;
  const list = async (more: object) =>
    (await service.grants.listObjects(objectList(org, { type: "prompt", ...more }))).objects;
  const page = { limit: 1, startingAfter: "", endingBefore: "" };
  expect(await list({})).toEqual(made);
  expect(await list({ parent: { type: "project", id: one.id } })).toEqual([b, a]);
  expect(await list({ projectNames: ["other"] })).toEqual([otherA]);
  expect(await list({ projectNames: ["nobody's"] })).toEqual([]);
  expect(await list({ slugs: ["a"] })).toEqual([otherA, a]);
  expect(await list({ names: ["a", "A"], projectNames: ["one"] })).toEqual([a]);
  expect(await list({ ids: [given(b).id, one.id] })).toEqual([b]);
  expect(await list({ page: { ...page, startingAfter: given(b).id } })).toEqual([otherA]);
  expect(await list({ page: { ...page, endingBefore: given(a).id } })).toEqual([otherA]);
  expect((await service.grants.listObjects(objectList(org, {}))).objects).toEqual([other, one]);
  for (const [more, field] of [
    [{ type: "" }, "type"],
    [{ type: "group" }, "type"],
    [{ type: "project_log" }, "type"],
    [{ type: "project", projectNames: ["one"] }, "project_names"],
    [{ parent: { type: "org_project", id: org } }, "parent.type"],
    [{ parent: { type: "project", id: "one" } }, "parent.id"],
    [{ type: "project", parent: { type: "org_project", id: newOrg() } }, "parent"],
    [{ ids: ["x"] }, "ids[0]"],
    [{ ids: Array.from({ length: 10_001 }, () => org) }, "ids"],
    [{ page: { ...page, limit: 10_001 } }, "page.limit"],
    [{ page: { ...page, startingAfter: one.id } }, "page.starting_after"],
  ] as const) {
    await expect(list(more)).rejects.toMatchObject({ kind: "invalid", field });
  }
  await expect(list({ orgId: "x" })).rejects.toMatchObject({ field: "org_id" });
});

test("large payloads are kept whole, and told in the log by their digest", async () => {
  const org = newOrg();
  const payloadJson = JSON.stringify({ text: "x".repeat(1024 * 1024 - 11) });
  expect(Buffer.byteLength(payloadJson)).toBe(1024 * 1024);
  const made = await create(project(org, "large", { payloadJson }));
  expect(made.payloadJson).toBe(payloadJson);
  const [event] = await service.events(org);
  expect(given(event).afterJson.length).toBeLessThan(1000);
  expect(JSON.parse(given(event).afterJson)).toMatchObject({
    object: { payloadLeftOut: { bytes: 1024 * 1024 } },
  });
  await expect(service.grants.updateObject(change(made, { payloadJson: '{"y":1}' }))).rejects.toMatchObject({
    kind: "invalid",
    field: "payload_json",
  });
});

const org = newOrg();
const elsewhere = newOrg();

const wrongCreations: readonly [string, (at: ObjectMessage, foreign: ObjectMessage) => object, string][] = [
  ["no context", () => ({ context: undefined }), "context"],
  ["no request id", () => ({ context: { ...context, requestId: "" } }), "context.request_id"],
  ["no organisation", () => ({ orgId: "" }), "org_id"],
  ["a malformed organisation", () => ({ orgId: "acme" }), "org_id"],
  ["no object", () => ({ object: undefined }), "object"],
  ["no type", () => object({ type: "" }), "object.type"],
  ["a type that nobody knows", () => object({ type: "banana" }), "object.type"],
  ["a type that lives elsewhere", () => object({ type: "group" }), "object.type"],
  ["a type that is a face", () => object({ type: "project_log" }), "object.type"],
  ["the organisation itself", () => object({ type: "organization" }), "object.type"],
  ["no parent", () => object({ parent: undefined }), "object.parent"],
  [
    "a parent of the wrong type",
    () => object({ parent: { type: "organization", id: org } }),
    "object.parent.type",
  ],
  ["a parent without type", () => object({ parent: { type: "", id: org } }), "object.parent.type"],
  ["a malformed parent", () => object({ parent: { type: "org_project", id: "x" } }), "object.parent.id"],
  [
    "another organisation as parent",
    () => object({ parent: { type: "org_project", id: elsewhere } }),
    "object.parent",
  ],
  [
    "an unknown project as parent",
    () => object({ type: "dataset", parent: { type: "project", id: randomUUID() } }),
    "object.parent",
  ],
  [
    "a foreign project as parent",
    (_, foreign) => object({ type: "dataset", parent: { type: "project", id: foreign.id } }),
    "object.parent",
  ],
  ["no name", () => object({ name: "" }), "object.name"],
  ["an over-long name", () => object({ name: "x".repeat(256) }), "object.name"],
  ["a control character in the name", () => object({ name: "a\u0000b" }), "object.name"],
  ["a slug where none belongs", () => object({ slug: "s" }), "object.slug"],
  [
    "a prompt without slug",
    (at) => object({ type: "prompt", parent: { type: "project", id: at.id } }),
    "object.slug",
  ],
  [
    "a prompt with an over-long slug",
    (at) => object({ type: "prompt", parent: { type: "project", id: at.id }, slug: "x".repeat(256) }),
    "object.slug",
  ],
  ["a payload that is no JSON", () => object({ payloadJson: "{" }), "object.payload_json"],
  ["a payload that is no object", () => object({ payloadJson: "[]" }), "object.payload_json"],
  ["an empty payload of null", () => object({ payloadJson: "null" }), "object.payload_json"],
  ["NUL in the payload", () => object({ payloadJson: '{"a":["\\u0000"]}' }), "object.payload_json"],
  ["half a character in a key", () => object({ payloadJson: '{"\\ud800":1}' }), "object.payload_json"],
  ["a number beyond numbers", () => object({ payloadJson: '{"a":1e999}' }), "object.payload_json"],
  [
    "a payload nested too deep",
    () => object({ payloadJson: `{"a":${"[".repeat(100_000)}${"]".repeat(100_000)}}` }),
    "object.payload_json",
  ],
  [
    "a payload that is too large",
    () => object({ payloadJson: JSON.stringify({ a: "x".repeat(1024 * 1024) }) }),
    "object.payload_json",
  ],
  ["a malformed owner", () => ({ ownerId: "me" }), "owner_id"],
  ["an owner that is nobody", () => ({ ownerId: randomUUID() }), "owner_id"],
  ["an owner of another organisation", () => ({ ownerId: service.neighbours.member(elsewhere) }), "owner_id"],
];

function object(more: Partial<NonNullable<CreateObjectRequest["object"]>>): Partial<CreateObjectRequest> {
  return { object: { ...given(project(org, "wrong").object), ...more } };
}

test.each(wrongCreations)("%s is refused, names the field, and writes nothing", async (_, wrong, field) => {
  const at = await create(project(org, "p"));
  const foreign = await create(project(elsewhere, "p"));
  const head = await service.head(org);
  const request = { ...project(org, "wrong"), ...wrong(at, foreign) };
  for (const call of [service.grants.createObject, service.grants.replaceObject]) {
    await expect(call(request)).rejects.toMatchObject({
      kind: "invalid",
      field,
      message: expect.stringContaining(`${field}: `),
    });
  }
  expect(await service.head(org)).toBe(head);
});

const wrongUpdates: readonly [string, Partial<UpdateObjectRequest>, string][] = [
  ["no context", { context: undefined }, "context"],
  ["a malformed organisation", { orgId: "x" }, "org_id"],
  ["no id", { id: "" }, "id"],
  ["no type", { type: "" }, "type"],
  ["an unregistered type", { type: "organization" }, "type"],
  ["an empty name", { name: "" }, "name"],
  ["an over-long name", { name: "x".repeat(256) }, "name"],
  ["a slug where none belongs", { slug: "s" }, "slug"],
  ["a payload that is no object", { payloadJson: "1" }, "payload_json"],
];

test.each(wrongUpdates)("an update with %s is refused and writes nothing", async (_, wrong, field) => {
  const at = await create(project(org, "p"));
  const head = await service.head(org);
  await expect(service.grants.updateObject(change(at, wrong))).rejects.toMatchObject({
    kind: "invalid",
    field,
  });
  expect(await service.head(org)).toBe(head);
});

test("getting, changing and deleting what is unknown, foreign, of another type or deleted is one refusal", async () => {
  const at = await create(project(org, "p"));
  const gone = await create(project(org, "gone"));
  await service.grants.deleteObject(ref(gone));
  const head = await service.head(org);
  const refusal = { kind: "absent", message: "no such object", field: null };
  for (const more of [{ id: randomUUID() }, { orgId: elsewhere }, { type: "experiment" }, { id: gone.id }]) {
    const request = { ...ref(at), ...more };
    await expect(service.grants.getObject(request)).rejects.toMatchObject(refusal);
    await expect(
      service.grants.updateObject({ ...change(at, { name: "x" }), ...more }),
    ).rejects.toMatchObject(refusal);
    await expect(service.grants.deleteObject(request)).rejects.toMatchObject(refusal);
  }
  for (const [more, field] of [
    [{ orgId: "" }, "org_id"],
    [{ id: "x" }, "id"],
    [{ type: "project_log" }, "type"],
  ] as const) {
    await expect(service.grants.getObject({ ...ref(at), ...more })).rejects.toMatchObject({ field });
    await expect(service.grants.deleteObject({ ...ref(at), ...more })).rejects.toMatchObject({ field });
  }
  await expect(service.grants.deleteObject({ ...ref(at), context: undefined })).rejects.toMatchObject({
    field: "context",
  });
  expect(await service.head(org)).toBe(head);
});

test("rows that no write of ours would make are read as if they were not there", async () => {
  const at = await create(project(org, "p"));
  const insert = async (type: string, parentType: string, parentId: string): Promise<ObjectId> => {
    const id = randomUUID();
    await service.database.query(
      `insert into object (id, org_id, type, parent_type, parent_id, name, payload, created)
       values ($1, $2, $3, $4, $5, 'impossible', '{}', now())`,
      [id, org, type, parentType, parentId],
    );
    return id as ObjectId;
  };
  const impossible: [ObjectType, string, string][] = [
    ["experiment", "organization", org],
    ["experiment", "experiment", at.id],
    ["project", "org_project", elsewhere],
    ["project", "project", at.id],
    ["ai_secret", "organization", elsewhere],
    ["dataset", "banana", org],
  ];
  for (const [type, parentType, parentId] of impossible) {
    const id = await insert(type, parentType, parentId);
    expect((await access(org, { type, id })).value).toBeNull();
  }
  // Told apart by type and id: a row of an unknown type lends its id to nobody.
  const banana = await insert("banana", "organization", org);
  expect((await access(org, { type: "ai_secret", id: banana })).value).toBeNull();
});

test("what is below an object is found, nearest first, up to a limit", async () => {
  const org = newOrg();
  const [one, other] = [await create(project(org, "one")), await create(project(org, "other"))];
  const inOne = await create(inProject(one, "dataset", "d"));
  const open = await create(inProject(other, "experiment", "e", { payloadJson: '{"public":true}' }));
  const gone = await create(project(org, "gone"));
  await create(inProject(gone, "dataset", "d"));
  await service.grants.deleteObject(ref(gone));
  const listing = await create({
    ...project(org, "listing"),
    object: {
      ...given(project(org, "listing").object),
      type: "project_group",
      parent: { type: "organization", id: org },
      memberProjectIds: [one.id],
    },
  });
  await create(project(newOrg(), "elsewhere"));

  const texts = (objects: readonly { type: string; id: string }[]) =>
    objects.map(({ type, id }) => `${type} ${id}`);
  const below = async (
    objects: readonly { type: string; id: string }[],
    limit = 100,
    orgId: string = org,
  ) => {
    const found = await service.grants.listObjectsBelow({
      orgId,
      objects: objects.map(({ type, id }) => ({ type, id })),
      limit,
      onlyPublic: false,
    });
    return { ...found, objects: texts(found.objects) };
  };
  const root = { type: "organization", id: org };
  const faces = ["org_member", "org_project", "org_audit_logs"].map((type) => ({ type, id: org }));
  const logOf = ({ id }: ObjectMessage) => ({ type: "project_log", id });
  const inProjects = texts([inOne, open]);
  const all = await below([root]);
  expect(all.more).toBe(false);
  expect(all.objects.toSorted()).toEqual(
    texts([...faces, listing, one, logOf(one), other, logOf(other), inOne, open]).toSorted(),
  );
  expect(all.objects.slice(-2).toSorted()).toEqual(inProjects.toSorted());
  expect(await below([root], 10)).toEqual(all);
  expect(await below([root], 9)).toEqual({ objects: all.objects.slice(0, 9), more: true });
  expect((await below([listing])).objects.toSorted()).toEqual(texts([one, logOf(one), inOne]).toSorted());
  expect((await below([one, inOne])).objects).toEqual(texts([logOf(one)]));
  expect((await below([open])).objects).toEqual([]);
  // A face bears its project's id, and is named whether or not that is there.
  expect((await below([one, listing], 100, newOrg())).objects).toEqual(texts([logOf(one)]));

  const visible = await service.grants.listObjectsBelow({
    orgId: org,
    objects: [],
    limit: 5,
    onlyPublic: true,
  });
  expect({ ...visible, objects: texts(visible.objects) }).toEqual({ objects: texts([open]), more: false });
  for (const [more, field] of [
    [{ objects: [{ type: "moon", id: org }] }, "objects[0].type"],
    [{ objects: [root], onlyPublic: true }, "objects"],
    [{ limit: 0 }, "limit"],
    [{ limit: 10_001 }, "limit"],
  ] as const) {
    const request = { orgId: org, objects: [], limit: 1, onlyPublic: false, ...structuredClone(more) };
    await expect(
      service.grants.listObjectsBelow(request as Parameters<typeof service.grants.listObjectsBelow>[0]),
    ).rejects.toMatchObject({ kind: "invalid", field });
  }
});
