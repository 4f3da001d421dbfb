import { randomUUID } from "node:crypto";
import type { OrgId } from "@portcullis/policy";
import type {
  Attachment,
  CreateAttachmentRequest,
  ListAttachmentsRequest,
  NewAttachment,
  Object as ObjectMessage,
  UpdateAttachmentRequest,
} from "@portcullis/proto/grants/v1/grants";
import { afterAll, beforeAll, expect, test } from "vitest";
import { attachmentKinds } from "../src/domain/attachment.ts";
import { context, given, inProject, newOrg, project, type Running, running } from "./running.ts";

let service: Running;
beforeAll(async () => {
  service = await running();
});
afterAll(() => service[Symbol.asyncDispose]());

async function newProject(org: string, name = "p"): Promise<ObjectMessage> {
  return given((await service.grants.createObject(project(org as OrgId, name))).object);
}

function creation(object: ObjectMessage, more: Partial<NewAttachment> = {}): CreateAttachmentRequest {
  const { id, type } = object;
  const attachment = {
    kind: "view",
    object: { type, id },
    name: "one",
    payloadJson: '{"a":{"b":1}}',
    ...more,
  };
  return { context, orgId: object.orgId, attachment };
}

async function create(request: CreateAttachmentRequest): Promise<Attachment> {
  return given((await service.grants.createAttachment(request)).attachment);
}

function ref({ orgId, id, kind }: Attachment) {
  return { context, orgId, id, kind };
}

function change(of: Attachment, more: Partial<UpdateAttachmentRequest>): UpdateAttachmentRequest {
  return { ...ref(of), name: undefined, payloadJson: undefined, ...more };
}

async function list(orgId: string, more: Partial<ListAttachmentsRequest> = {}): Promise<Attachment[]> {
  const all = { kind: "view", page: undefined, object: undefined, ids: [], names: [], projectNames: [] };
  return (await service.grants.listAttachments({ orgId, ...all, ...more })).attachments;
}

test.each(attachmentKinds)(
  "%s: made once for each name of an object, and read as it was written",
  async (kind) => {
    const org = newOrg();
    const at = await newProject(org);
    const made = await service.grants.createAttachment(creation(at, { kind }));
    expect(made).toMatchObject({ foundExisting: false, revision: { owner: "grants", position: 2 } });
    expect(made.attachment).toMatchObject({
      orgId: org,
      kind,
      name: "one",
      creatorId: "",
      deletedAt: undefined,
    });
    const again = await service.grants.createAttachment(creation(at, { kind, payloadJson: "{}" }));
    expect(again).toMatchObject({
      foundExisting: true,
      attachment: made.attachment,
      revision: { position: 2 },
    });
    expect((await service.grants.getAttachment(ref(given(made.attachment)))).attachment).toEqual(
      made.attachment,
    );
    const [, event] = await service.events(org);
    expect(event).toMatchObject({
      action: "attachment_created",
      subject: { type: kind, id: made.attachment?.id },
      touches: [],
    });
  },
);

test("its kind and its object tell it from others of the same name", async () => {
  const org = newOrg();
  const [one, other] = [await newProject(org, "one"), await newProject(org, "other")];
  const made = [
    await create(creation(one)),
    await create(creation(other)),
    await create(creation(one, { kind: "env_var" })),
    await create(creation(one, { name: "One" })),
  ];
  expect(new Set(made.map(({ id }) => id)).size).toBe(4);
});

test("of many that make the same at once one makes it and the others find it", async () => {
  const at = await newProject(newOrg());
  const made = await Promise.all(
    Array.from({ length: 20 }, () => service.grants.createAttachment(creation(at))),
  );
  expect(new Set(made.map(({ attachment }) => attachment?.id)).size).toBe(1);
  expect(made.filter(({ foundExisting }) => !foundExisting)).toHaveLength(1);
  expect(await service.head(at.orgId as OrgId)).toBe(2);
});

test("replacing resets what is not given, updating merges, a repeat of either changes nothing", async () => {
  const at = await newProject(newOrg());
  const made = await create(creation(at));
  const updated = { ...change(made, { name: "two", payloadJson: '{"a":{"c":2}}' }) };
  for (const _ of [1, 2]) {
    const { attachment, revision } = await service.grants.updateAttachment(updated);
    expect(attachment).toMatchObject({ id: made.id, name: "two" });
    expect(JSON.parse(given(attachment).payloadJson)).toEqual({ a: { b: 1, c: 2 } });
    expect(revision?.position).toBe(3);
  }
  for (const _ of [1, 2]) {
    const replaced = await service.grants.replaceAttachment(creation(at, { name: "two", payloadJson: "{}" }));
    expect(replaced).toMatchObject({
      foundExisting: true,
      attachment: { id: made.id, payloadJson: "{}" },
      revision: { position: 4 },
    });
  }
  const fresh = await service.grants.replaceAttachment(creation(at, { name: "three" }));
  expect(fresh.foundExisting).toBe(false);
  const taken = change(given(fresh.attachment), { name: "two" });
  await expect(service.grants.updateAttachment(taken)).rejects.toMatchObject({
    kind: "refused",
    field: "name",
  });
});

test("deleted, it is there for nobody, and its name is free", async () => {
  const at = await newProject(newOrg());
  const made = await create(creation(at));
  const { attachment: deleted } = await service.grants.deleteAttachment(ref(made));
  expect(deleted).toMatchObject({ id: made.id, deletedAt: expect.any(Date) });
  expect((await service.events(at.orgId as OrgId)).at(-1)).toMatchObject({
    action: "attachment_deleted",
    afterJson: "",
  });
  expect(await list(at.orgId)).toEqual([]);
  const next = await create(creation(at));
  expect(next.id).not.toBe(made.id);
  const head = await service.head(at.orgId as OrgId);
  const refusal = { kind: "absent", message: "no such object", field: null };
  for (const more of [{ id: made.id }, { id: randomUUID() }, { orgId: newOrg() }, { kind: "env_var" }]) {
    const request = { ...ref(next), ...more };
    await expect(service.grants.getAttachment(request)).rejects.toMatchObject(refusal);
    await expect(service.grants.deleteAttachment(request)).rejects.toMatchObject(refusal);
    await expect(
      service.grants.updateAttachment({ ...change(next, { name: "x" }), ...more }),
    ).rejects.toMatchObject(refusal);
  }
  expect(await service.head(at.orgId as OrgId)).toBe(head);
});

test("it goes with its object, and with what its object was in", async () => {
  const org = newOrg();
  const [at, kept] = [await newProject(org, "at"), await newProject(org, "kept")];
  const inside = given((await service.grants.createObject(inProject(at, "dataset", "d"))).object);
  const gone = [await create(creation(at)), await create(creation(inside))];
  const stays = [
    await create(creation(kept)),
    await create(creation({ ...kept, type: "organization", id: org })),
  ];
  await service.grants.deleteObject({ context, orgId: org, id: at.id, type: at.type });
  for (const each of gone) {
    await expect(service.grants.getAttachment(ref(each))).rejects.toMatchObject({ kind: "absent" });
  }
  expect(await list(org)).toEqual(stays.toReversed());
  for (const object of [at, inside]) {
    await expect(create(creation(object))).rejects.toMatchObject({
      kind: "invalid",
      field: "attachment.object",
    });
  }
});

test("lists are of one kind and organisation, filtered, newest first, in pages", async () => {
  const org = newOrg();
  const [one, other] = [await newProject(org, "one"), await newProject(org, "other")];
  const a = await create(creation(one, { name: "a" }));
  const otherA = await create(creation(other, { name: "a" }));
  const b = await create(creation(one, { name: "b" }));
  await create(creation(one, { kind: "env_var" }));
  await create(creation(await newProject(newOrg())));
  const page = { limit: 1, startingAfter: "", endingBefore: "" };
  expect(await list(org)).toEqual([b, otherA, a]);
  expect(await list(org, { object: { type: "project", id: one.id } })).toEqual([b, a]);
  expect(await list(org, { names: ["a"], projectNames: ["one"] })).toEqual([a]);
  expect(await list(org, { projectNames: ["nobody's"] })).toEqual([]);
  expect(await list(org, { ids: [b.id] })).toEqual([b]);
  expect(await list(org, { page: { ...page, startingAfter: b.id } })).toEqual([otherA]);
  expect(await list(org, { page: { ...page, endingBefore: a.id } })).toEqual([otherA]);
  const wrong: readonly (readonly [Partial<ListAttachmentsRequest>, string])[] = [
    [{ orgId: "x" }, "org_id"],
    [{ kind: "" }, "kind"],
    [{ kind: "project" }, "kind"],
    [{ object: { type: "view", id: org } }, "object.type"],
    [{ object: { type: "project", id: "x" } }, "object.id"],
    [{ ids: ["x"] }, "ids[0]"],
    [{ page: { ...page, limit: 10_001 } }, "page.limit"],
    [{ page: { ...page, startingAfter: one.id } }, "page.starting_after"],
  ];
  for (const [more, field] of wrong) {
    await expect(list(org, more)).rejects.toMatchObject({ kind: "invalid", field });
  }
});

test("wrong creations and updates are refused, name the field, and write nothing", async () => {
  const org = newOrg();
  const at = await newProject(org);
  const foreign = await newProject(newOrg());
  const made = await create(creation(at));
  const head = await service.head(org);
  const wrong: readonly (readonly [Partial<NewAttachment>, string])[] = [
    [{ kind: "" }, "attachment.kind"],
    [{ kind: "project" }, "attachment.kind"],
    [{ object: undefined }, "attachment.object"],
    [{ object: { type: "", id: at.id } }, "attachment.object.type"],
    [{ object: { type: "group", id: at.id } }, "attachment.object.type"],
    [{ object: { type: "role", id: at.id } }, "attachment.object.type"],
    [{ object: { type: "project", id: "x" } }, "attachment.object.id"],
    [{ object: { type: "project", id: foreign.id } }, "attachment.object"],
    [{ object: { type: "dataset", id: at.id } }, "attachment.object"],
    [{ name: "" }, "attachment.name"],
    [{ name: "x".repeat(256) }, "attachment.name"],
    [{ name: "a\u0000b" }, "attachment.name"],
    [{ payloadJson: "[]" }, "attachment.payload_json"],
    [{ payloadJson: '{"a":"\\u0000"}' }, "attachment.payload_json"],
    [{ payloadJson: JSON.stringify({ a: "x".repeat(1024 * 1024) }) }, "attachment.payload_json"],
  ];
  for (const [more, field] of wrong) {
    for (const call of [service.grants.createAttachment, service.grants.replaceAttachment]) {
      await expect(call(creation(at, { name: "new", ...more }))).rejects.toMatchObject({
        kind: "invalid",
        field,
      });
    }
  }
  for (const call of [service.grants.createAttachment, service.grants.replaceAttachment]) {
    await expect(call({ ...creation(at), context: undefined })).rejects.toMatchObject({ field: "context" });
    await expect(call({ ...creation(at), orgId: "x" })).rejects.toMatchObject({ field: "org_id" });
    await expect(call({ ...creation(at), attachment: undefined })).rejects.toMatchObject({
      field: "attachment",
    });
  }
  for (const [more, field] of [
    [{ context: undefined }, "context"],
    [{ id: "x" }, "id"],
    [{ kind: "" }, "kind"],
    [{ name: "" }, "name"],
    [{ payloadJson: "1" }, "payload_json"],
    [{ payloadJson: JSON.stringify({ c: "x".repeat(1024 * 1024 - 9) }) }, "payload_json"],
  ] as const) {
    await expect(service.grants.updateAttachment(change(made, more))).rejects.toMatchObject({
      kind: "invalid",
      field,
    });
  }
  expect(await service.head(org)).toBe(head);
});
