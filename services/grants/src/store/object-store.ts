import { isDeepStrictEqual } from "node:util";
import type { FilterQuery } from "@mikro-orm/core";
import type { EntityManager } from "@mikro-orm/postgresql";
import { Fault, invalid } from "@portcullis/chassis/fault";
import type { Hop } from "@portcullis/chassis/rpc/call";
import type { FactKey, ObjectId, ObjectRef, OrgId, PrincipalId } from "@portcullis/policy";
import type { WriteContext } from "@portcullis/proto/events/v1/events";
import type { Page } from "@portcullis/proto/listing/v1/listing";
import {
  type Database,
  listPage,
  mustBeStanding,
  queryThrough,
  type Write,
  type Written,
} from "@portcullis/store";
import { v7 as newUuid, v4 as randomUuid } from "uuid";
import { creatorGrant } from "../domain/acl.ts";
import {
  changedProjects,
  facesOf,
  forTheLog,
  freshText,
  identifiedBy,
  isPublic,
  memberProjectsMax,
  type NewObject,
  type ObjectChange,
  type ObjectFilter,
  type RegisteredObject,
  sortedIds,
} from "../domain/object.ts";
import { merged } from "../domain/payload.ts";
import type { Neighbours } from "../neighbours.ts";
import { aclOf, addAcl, touchedBy, touchedByAcls } from "./acl-rows.ts";
import { creatorFrom } from "./creator.ts";
import { clearDeleted } from "./deleted-object.ts";
import { ObjectRow } from "./entities.ts";
import { existing, parentLives } from "./existence.ts";
import { writeForOwner } from "./knowing.ts";

/** Of the project groups that listed a deleted project so many are told one by one in its event. */
const toldMax = 100;

export interface Found {
  readonly object: RegisteredObject;
  readonly foundExisting: boolean;
}

/** The registry of objects. */
export class ObjectStore {
  readonly #database: Database;
  readonly #parts: { readonly database: Database; readonly neighbours: Neighbours };

  constructor(database: Database, neighbours: Neighbours) {
    this.#database = database;
    this.#parts = { database, neighbours };
  }

  /** Makes an object, and its owner's grant on it; answers the one that stands if its identity is taken. */
  async create(
    context: WriteContext,
    org: OrgId,
    wanted: NewObject,
    options: { readonly owner: PrincipalId | null; readonly ensureNew: boolean },
    hop: Partial<Hop>,
  ): Promise<Written<Found>> {
    return writeForOwner(this.#parts, { org, context, owner: options.owner, hop }, async (write) => {
      await checkParent(write.em, org, wanted.parent);
      await checkProjects(write.em, org, wanted.memberProjects, "object.member_project_ids");
      const standing = await rowOf(write.em, org, wanted);
      if (standing !== null && !options.ensureNew) return { object: objectOf(standing), foundExisting: true };
      const fresh = standing === null ? wanted : await freshened(write.em, org, wanted);
      return { object: add(write, context, org, fresh, options.owner), foundExisting: false };
    });
  }

  /** Makes an object, or resets name and payload of the one of that identity; if that is the one that stands for the caller. */
  async replace(
    context: WriteContext,
    org: OrgId,
    wanted: NewObject,
    { owner, standing }: { readonly owner: PrincipalId | null; readonly standing: ObjectId | null },
    hop: Partial<Hop>,
  ): Promise<Written<Found>> {
    return writeForOwner(this.#parts, { org, context, owner, hop }, async (write) => {
      await checkParent(write.em, org, wanted.parent);
      await checkProjects(write.em, org, wanted.memberProjects, "object.member_project_ids");
      const row = await rowOf(write.em, org, wanted);
      mustBeStanding(row, standing);
      if (row === null) return { object: add(write, context, org, wanted, owner), foundExisting: false };
      return { object: change(write, row, wanted), foundExisting: true };
    });
  }

  async update(
    context: WriteContext,
    org: OrgId,
    ref: ObjectRef,
    given: ObjectChange,
  ): Promise<Written<RegisteredObject>> {
    return this.#database.write(org, context, async (write) => {
      const row = await liveRow(write.em, org, ref);
      const standing = objectOf(row);
      const { addMemberProjects: added } = given;
      const removed = new Set(given.removeMemberProjects);
      await checkProjects(write.em, org, added, "add_member_project_ids");
      const memberProjects = sortedIds(
        [...standing.memberProjects, ...added].filter((project) => !removed.has(project)),
      );
      if (memberProjects.length > memberProjectsMax) {
        throw new Fault(
          "refused",
          `add_member_project_ids: would list more than ${memberProjectsMax} projects`,
          {
            field: "add_member_project_ids",
          },
        );
      }
      const wanted = {
        ...standing,
        name: given.name ?? standing.name,
        slug: given.slug ?? standing.slug,
        memberProjects,
        payload:
          given.payload === undefined
            ? standing.payload
            : merged(standing.payload, given.payload, "payload_json"),
      };
      const other = await rowOf(write.em, org, wanted);
      if (other !== null && other.id !== row.id) {
        const field = identifiedBy(ref.type);
        throw new Fault("refused", `${field}: is taken by another ${ref.type}`, { field });
      }
      return change(write, row, wanted);
    });
  }

  /** Deletes an object, and with it all below it and the ACLs on any of them: where that is much, the rows go later. */
  async delete(context: WriteContext, org: OrgId, ref: ObjectRef): Promise<Written<RegisteredObject>> {
    return this.#database.write(org, context, async (write) => {
      const { em } = write;
      const row = await liveRow(em, org, ref);
      const before = objectOf(row);
      const deletedAt = new Date();
      row.deletedAt = deletedAt;
      const cleared = await clearDeleted(em, org, ref, deletedAt);
      const listedIn = ref.type === "project" ? await leaveProjectGroups(em, org, ref.id) : [];
      write.record({
        action: "objects_deleted",
        subject: ref,
        before: {
          object: forTheLog(before),
          ...(listedIn.length > 0 && {
            listedIn: listedIn.slice(0, toldMax),
            listedInCount: listedIn.length,
          }),
          ...cleared.told,
        },
        after: null,
        touches: [
          // The projects of a group that is gone no longer inherit from it.
          ...touchesOf(before, changedProjects(before.memberProjects, [])),
          ...cleared.touches,
        ],
      });
      return { ...before, deletedAt };
    });
  }

  async get(org: OrgId, ref: ObjectRef): Promise<RegisteredObject> {
    return objectOf(await this.#database.read((em) => liveRow(em, org, ref)));
  }

  async list(org: OrgId, filter: ObjectFilter, page: Page | undefined): Promise<RegisteredObject[]> {
    const where: FilterQuery<ObjectRow> = {
      orgId: org,
      type: filter.type,
      deletedAt: null,
      ...parentLives(filter.type),
      ...(filter.ids.length > 0 && { id: { $in: [...filter.ids] } }),
      ...(filter.names.length > 0 && { name: { $in: [...filter.names] } }),
      ...(filter.slugs.length > 0 && { slug: { $in: [...filter.slugs] } }),
    };
    const rows = await this.#database.list(org, async (em) => {
      const parents: FilterQuery<ObjectRow>[] = [];
      if (filter.parent !== null)
        parents.push({ parentType: filter.parent.type, parentId: filter.parent.id });
      if (filter.projectNames.length > 0) {
        const projects = await em.find(
          ObjectRow,
          { orgId: org, type: "project", deletedAt: null, name: { $in: [...filter.projectNames] } },
          { fields: ["id"] },
        );
        parents.push({ parentId: { $in: projects.map((project) => project.id) } });
      }
      return listPage<ObjectRow>(em, ObjectRow, { $and: [where, ...parents] }, page);
    });
    return rows.map(objectOf);
  }
}

function add(
  write: Write,
  context: WriteContext,
  org: OrgId,
  wanted: NewObject,
  owner: PrincipalId | null,
): RegisteredObject {
  const created = new Date();
  const row = write.em.create(ObjectRow, {
    id: newUuid(),
    orgId: org,
    type: wanted.type,
    parentType: wanted.parent.type,
    parentId: wanted.parent.id,
    name: wanted.name,
    slug: wanted.slug,
    payload: wanted.payload,
    memberProjects: wanted.memberProjects,
    creatorId: creatorFrom(context),
    created,
    deletedAt: null,
  });
  const object = objectOf(row);
  const self = { type: object.type, id: object.id };
  const granted = owner === null ? [] : [aclOf(addAcl(write.em, org, creatorGrant(self, owner), created))];
  write.record({
    action: "object_created",
    subject: { type: object.type, id: object.id },
    before: null,
    after: { object: forTheLog(object), ownerId: owner },
    touches: [
      ...touchesOf(object, changedProjects([], object.memberProjects)),
      ...touchedByAcls(org, granted).filter(({ kind }) => kind !== "access"),
    ],
  });
  return object;
}

function change(
  write: Write,
  row: ObjectRow,
  { name, slug, payload, memberProjects }: Pick<NewObject, "name" | "slug" | "payload" | "memberProjects">,
): RegisteredObject {
  const before = objectOf(row);
  const after = { ...before, name, slug, payload, memberProjects };
  if (isDeepStrictEqual(before, after)) return before;
  row.name = after.name;
  row.slug = after.slug;
  row.payload = after.payload;
  row.memberProjects = after.memberProjects;
  const changed = changedProjects(before.memberProjects, after.memberProjects);
  write.record({
    action: "object_updated",
    subject: { type: before.type, id: before.id },
    before: forTheLog(before),
    after: forTheLog(after),
    touches:
      isPublic(before) === isPublic(after) ? touchedBy(before.org, changed) : touchesOf(before, changed),
  });
  return after;
}

async function checkParent(em: EntityManager, org: OrgId, parent: ObjectRef): Promise<void> {
  const exists = await existing(queryThrough(em), org, [parent]);
  if (!exists(parent)) throw invalid("object.parent", "no such object");
}

async function checkProjects(
  em: EntityManager,
  org: OrgId,
  projects: readonly ObjectId[],
  field: string,
): Promise<void> {
  if (projects.length === 0) return;
  const refs = projects.map((id): ObjectRef => ({ type: "project", id }));
  const exists = await existing(queryThrough(em), org, refs);
  const missing = refs.findIndex((ref) => !exists(ref));
  if (missing >= 0) throw invalid(field, `no such project: ${projects[missing]}`);
}

/** A project that is gone is listed nowhere. Answers where it was. */
async function leaveProjectGroups(em: EntityManager, org: OrgId, project: ObjectId): Promise<ObjectId[]> {
  const rows = await em.execute<{ id: ObjectId }[]>(
    `update object set member_projects = array_remove(member_projects, ?::uuid)
     where org_id = ? and type = 'project_group' and deleted_at is null
       and member_projects @> array[?::uuid]
     returning id`,
    [project, org, project],
  );
  return rows.map(({ id }) => id);
}

/** The live object of the same identity. */
function rowOf(
  em: EntityManager,
  org: OrgId,
  wanted: Pick<NewObject, "type" | "parent" | "name" | "slug">,
): Promise<ObjectRow | null> {
  const identity = identifiedBy(wanted.type);
  return em.findOne(ObjectRow, {
    orgId: org,
    type: wanted.type,
    parentId: wanted.parent.id,
    deletedAt: null,
    [identity]: wanted[identity],
  });
}

/** The same with an identity that nobody has. */
async function freshened(em: EntityManager, org: OrgId, wanted: NewObject): Promise<NewObject> {
  for (;;) {
    const taken = wanted[identifiedBy(wanted.type)] ?? "";
    const fresh = { ...wanted, [identifiedBy(wanted.type)]: freshText(taken, randomUuid().slice(0, 8)) };
    if ((await rowOf(em, org, fresh)) === null) return fresh;
  }
}

async function liveRow(em: EntityManager, org: OrgId, { type, id }: ObjectRef): Promise<ObjectRow> {
  const row = await em.findOne(ObjectRow, { orgId: org, id, type, deletedAt: null, ...parentLives(type) });
  if (row === null) throw new Fault("absent", "no such object");
  return row;
}

function touchesOf(object: RegisteredObject, others: readonly ObjectRef[]): FactKey[] {
  const ref = { type: object.type, id: object.id };
  return touchedBy(object.org, [ref, ...facesOf(ref), ...others]);
}

function objectOf(row: ObjectRow): RegisteredObject {
  return {
    id: row.id as ObjectId,
    org: row.orgId as OrgId,
    type: row.type,
    parent: { type: row.parentType, id: row.parentId as ObjectId },
    name: row.name,
    slug: row.slug ?? null,
    payload: row.payload,
    memberProjects: row.memberProjects,
    creator: (row.creatorId ?? null) as PrincipalId | null,
    created: row.created,
    deletedAt: row.deletedAt ?? null,
  };
}
