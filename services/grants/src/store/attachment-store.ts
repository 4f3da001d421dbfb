import { isDeepStrictEqual } from "node:util";
import type { FilterQuery } from "@mikro-orm/core";
import type { EntityManager } from "@mikro-orm/postgresql";
import { Fault, invalid } from "@portcullis/chassis/fault";
import type { ObjectId, ObjectRef, OrgId, PrincipalId } from "@portcullis/policy";
import type { WriteContext } from "@portcullis/proto/events/v1/events";
import type { Page } from "@portcullis/proto/listing/v1/listing";
import { type Database, listPage, queryThrough, type Write, type Written } from "@portcullis/store";
import { v7 as newUuid } from "uuid";
import {
  type Attachment,
  type AttachmentChange,
  type AttachmentFilter,
  attachmentForTheLog,
  type NamedAttachment,
  type NewAttachment,
} from "../domain/attachment.ts";
import { merged, type Payload } from "../domain/payload.ts";
import { creatorFrom } from "./creator.ts";
import { AttachmentRow, ObjectRow } from "./entities.ts";
import { existing } from "./existence.ts";

export interface FoundAttachment {
  readonly attachment: Attachment;
  readonly foundExisting: boolean;
}

/** What is kept with objects. No fact depends on it. */
export class AttachmentStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Answers the one that stands if its name is taken. */
  async create(context: WriteContext, org: OrgId, wanted: NewAttachment): Promise<Written<FoundAttachment>> {
    return this.#database.write(org, context, async (write) => {
      await checkObject(write.em, org, wanted.object);
      const standing = await rowOf(write.em, org, wanted);
      if (standing !== null) return { attachment: attachmentOf(standing), foundExisting: true };
      return { attachment: add(write, context, org, wanted), foundExisting: false };
    });
  }

  /** Makes one, or resets the payload of the one of that name. */
  async replace(context: WriteContext, org: OrgId, wanted: NewAttachment): Promise<Written<FoundAttachment>> {
    return this.#database.write(org, context, async (write) => {
      await checkObject(write.em, org, wanted.object);
      const row = await rowOf(write.em, org, wanted);
      if (row === null) return { attachment: add(write, context, org, wanted), foundExisting: false };
      return { attachment: change(write, row, wanted), foundExisting: true };
    });
  }

  async update(
    context: WriteContext,
    org: OrgId,
    named: NamedAttachment,
    given: AttachmentChange,
  ): Promise<Written<Attachment>> {
    return this.#database.write(org, context, async (write) => {
      const row = await liveRow(write.em, org, named);
      const standing = attachmentOf(row);
      const name = given.name ?? standing.name;
      const other = await rowOf(write.em, org, { ...standing, name });
      if (other !== null && other.id !== row.id) {
        throw new Fault("refused", `name: is taken by another ${named.kind}`, { field: "name" });
      }
      const payload =
        given.payload === undefined
          ? standing.payload
          : merged(standing.payload, given.payload, "payload_json");
      return change(write, row, { name, payload });
    });
  }

  async delete(context: WriteContext, org: OrgId, named: NamedAttachment): Promise<Written<Attachment>> {
    return this.#database.write(org, context, async (write) => {
      const row = await liveRow(write.em, org, named);
      const before = attachmentOf(row);
      row.deletedAt = new Date();
      write.record({
        action: "attachment_deleted",
        subject: subjectOf(before),
        before: attachmentForTheLog(before),
        after: null,
        touches: [],
      });
      return attachmentOf(row);
    });
  }

  async get(org: OrgId, named: NamedAttachment): Promise<Attachment> {
    return attachmentOf(await this.#database.read((em) => liveRow(em, org, named)));
  }

  async list(org: OrgId, filter: AttachmentFilter, page: Page | undefined): Promise<Attachment[]> {
    const { kind, object, ids, names, projectNames } = filter;
    const rows = await this.#database.list(org, async (em) => {
      const where: FilterQuery<AttachmentRow> = {
        orgId: org,
        kind,
        deletedAt: null,
        ...(object !== null && { objectType: object.type, objectId: object.id }),
        ...(ids.length > 0 && { id: { $in: [...ids] } }),
        ...(names.length > 0 && { name: { $in: [...names] } }),
      };
      const projects: FilterQuery<AttachmentRow>[] =
        projectNames.length === 0
          ? []
          : [{ objectType: "project", objectId: { $in: await projectsNamed(em, org, projectNames) } }];
      return listPage<AttachmentRow>(em, AttachmentRow, { $and: [where, ...projects] }, page);
    });
    return rows.map(attachmentOf);
  }
}

async function projectsNamed(em: EntityManager, org: OrgId, names: readonly string[]): Promise<string[]> {
  const rows = await em.find(
    ObjectRow,
    { orgId: org, type: "project", deletedAt: null, name: { $in: [...names] } },
    { fields: ["id"] },
  );
  return rows.map(({ id }) => id);
}

function add(write: Write, context: WriteContext, org: OrgId, wanted: NewAttachment): Attachment {
  const row = write.em.create(AttachmentRow, {
    id: newUuid(),
    orgId: org,
    kind: wanted.kind,
    objectType: wanted.object.type,
    objectId: wanted.object.id,
    name: wanted.name,
    payload: wanted.payload,
    creatorId: creatorFrom(context),
    created: new Date(),
    deletedAt: null,
  });
  const attachment = attachmentOf(row);
  write.record({
    action: "attachment_created",
    subject: subjectOf(attachment),
    before: null,
    after: attachmentForTheLog(attachment),
    touches: [],
  });
  return attachment;
}

function change(
  write: Write,
  row: AttachmentRow,
  { name, payload }: { readonly name: string; readonly payload: Payload },
): Attachment {
  const before = attachmentOf(row);
  const after = { ...before, name, payload };
  if (isDeepStrictEqual(before, after)) return before;
  row.name = name;
  row.payload = payload;
  write.record({
    action: "attachment_updated",
    subject: subjectOf(before),
    before: attachmentForTheLog(before),
    after: attachmentForTheLog(after),
    touches: [],
  });
  return after;
}

async function checkObject(em: EntityManager, org: OrgId, object: ObjectRef): Promise<void> {
  const exists = await existing(queryThrough(em), org, [object]);
  if (!exists(object)) throw invalid("attachment.object", "no such object");
}

function rowOf(
  em: EntityManager,
  org: OrgId,
  { kind, object, name }: Pick<NewAttachment, "kind" | "object" | "name">,
): Promise<AttachmentRow | null> {
  return em.findOne(AttachmentRow, {
    orgId: org,
    kind,
    objectType: object.type,
    objectId: object.id,
    name,
    deletedAt: null,
  });
}

async function liveRow(em: EntityManager, org: OrgId, { kind, id }: NamedAttachment): Promise<AttachmentRow> {
  const row = await em.findOne(AttachmentRow, { orgId: org, id, kind, deletedAt: null });
  if (row === null) throw new Fault("absent", "no such object");
  return row;
}

function subjectOf({ kind, id }: Attachment) {
  return { type: kind, id };
}

function attachmentOf(row: AttachmentRow): Attachment {
  return {
    id: row.id,
    org: row.orgId as OrgId,
    kind: row.kind,
    object: { type: row.objectType, id: row.objectId as ObjectId },
    name: row.name,
    payload: row.payload,
    creator: (row.creatorId ?? null) as PrincipalId | null,
    created: row.created,
    deletedAt: row.deletedAt ?? null,
  };
}
