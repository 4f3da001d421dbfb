import type { FilterQuery } from "@mikro-orm/core";
import type { EntityManager } from "@mikro-orm/postgresql";
import { Fault, invalid } from "@portcullis/chassis/fault";
import type { Hop } from "@portcullis/chassis/rpc/call";
import type { AclId, BuiltInGroup, GroupId, OrgId, PrincipalId } from "@portcullis/policy";
import type { Revision, WriteContext } from "@portcullis/proto/events/v1/events";
import type { Page } from "@portcullis/proto/listing/v1/listing";
import { type Database, listPage, snapshotOf, type Written } from "@portcullis/store";
import { v7 as newUuid } from "uuid";
import {
  type Acl,
  type AclChanges,
  type AclContent,
  type AclFilter,
  type AclRemoval,
  aclIdentity,
  builtInGrants,
  builtInIsFixed,
  checkExpiries,
  hasExpired,
  noSuchSubject,
} from "../domain/acl.ts";
import { systemRole } from "../domain/role.ts";
import type { Asked, Known, Neighbours } from "../neighbours.ts";
import { aclOf, addAcl, forTheLog, touchedByAcls } from "./acl-rows.ts";
import { AclRow, RoleRow } from "./entities.ts";
import { existing } from "./existence.ts";
import { type FoundObjects, findObjects, type WantedObjects } from "./found-objects.ts";
import { writeKnowing } from "./knowing.ts";

/** Events tell of no more than they can name the facts of. */
const expiredAtOnce = 500;

export interface ChangedAcls {
  /** One for each addition, in order. */
  readonly added: readonly { readonly acl: Acl; readonly foundExisting: boolean }[];
  /** Those that stood, and stand no longer. */
  readonly removed: readonly Acl[];
}

/** What was granted where. */
export class AclStore {
  readonly #database: Database;
  readonly #neighbours: Neighbours;

  constructor(database: Database, neighbours: Neighbours) {
    this.#database = database;
    this.#neighbours = neighbours;
  }

  /** Grants the built-in groups of a new organisation what they hold. */
  async provision(
    context: WriteContext,
    org: OrgId,
    groups: Readonly<Record<BuiltInGroup, GroupId>>,
  ): Promise<Written<void>> {
    const grants = builtInGrants(org, groups);
    return this.#database.write(org, context, async (write) => {
      const { em } = write;
      const standing = await em.find(AclRow, { orgId: org, builtIn: true });
      if (standing.length > 0) {
        const held = new Set(standing.map((row) => aclIdentity(aclOf(row).content)));
        if (grants.every((grant) => held.has(aclIdentity(grant)))) return;
        throw new Fault("refused", "the organization was provisioned with other groups");
      }
      const created = new Date();
      const granted = await standingRows(em, org, grants);
      const rows = grants.map((grant) => {
        const row = granted.get(aclIdentity(grant)) ?? addAcl(em, org, grant, created);
        row.builtIn = true;
        row.expiresAt = null;
        return row;
      });
      write.record({
        action: "organization_provisioned",
        subject: { type: "organization", id: org },
        before: null,
        after: { acls: rows.map(aclOf) },
        touches: touchedByAcls(org, rows.map(aclOf)),
      });
    });
  }

  /** Adds and removes ACLs, all or none. What is both added and removed stands in the end. */
  async update(
    context: WriteContext,
    org: OrgId,
    { add, remove }: AclChanges,
    hop: Partial<Hop>,
  ): Promise<Written<ChangedAcls>> {
    checkExpiries(add, new Date());
    const parts = { database: this.#database, neighbours: this.#neighbours };
    const request = { org, context, asked: askedBy(add), hop };
    return writeKnowing(parts, request, async (write, known) => {
      const { em } = write;
      checkKnown(add, known);
      await checkOwn(em, org, add);
      const byIdentity = await standingRows(em, org, [...add, ...contentsOf(remove)]);
      const byId = await rowsById(em, org, remove);
      const kept = new Set(add.map(aclIdentity));
      const before: Acl[] = [];
      const after: Acl[] = [];

      const removed = new Set<AclRow>();
      for (const [index, removal] of remove.entries()) {
        const row = removal.by === "id" ? byId.get(removal.id) : byIdentity.get(aclIdentity(removal.content));
        if (row === undefined || removed.has(row) || kept.has(aclIdentity(aclOf(row).content))) continue;
        if (row.builtIn) throw builtInIsFixed(`remove[${index}]`);
        removed.add(row);
        before.push(aclOf(row));
        em.remove(row);
      }

      const created = new Date();
      const added = add.map((content, index) => {
        const identity = aclIdentity(content);
        const standing = byIdentity.get(identity);
        if (standing === undefined) {
          const row = addAcl(em, org, content, created);
          byIdentity.set(identity, row);
          after.push(aclOf(row));
          return { acl: aclOf(row), foundExisting: false };
        }
        const expired = hasExpired(aclOf(standing).content, created);
        const expiresAt = expired ? content.expiresAt : (content.expiresAt ?? standing.expiresAt ?? null);
        if (standing.expiresAt?.getTime() !== expiresAt?.getTime()) {
          if (standing.builtIn) throw builtInIsFixed(`add[${index}]`);
          before.push(aclOf(standing));
          standing.expiresAt = expiresAt;
          if (expired) standing.created = created;
          after.push(aclOf(standing));
        }
        return { acl: aclOf(standing), foundExisting: !expired };
      });

      const changed = [...before, ...after];
      if (changed.length > 0) {
        const [only, ...others] = new Set(changed.map((acl) => acl.id));
        write.record({
          action: "acls_updated",
          subject:
            others.length === 0 && only !== undefined
              ? { type: "acl", id: only }
              : { type: "organization", id: org },
          before: before.length === 0 ? null : { acls: before },
          after: after.length === 0 ? null : { acls: after },
          touches: touchedByAcls(org, changed),
        });
      }
      return { added, removed: [...removed].map(aclOf) };
    });
  }

  /** Removes the ACLs that expired at that time or before it, a page in each transaction. */
  async removeExpired(org: OrgId, time: Date): Promise<void> {
    const where = { orgId: org, expiresAt: { $lte: time } };
    for (;;) {
      const due = await this.#database.read((em) => em.count(AclRow, where));
      if (due === 0) return;
      const context = { actor: undefined, requestId: newUuid(), sourceAddress: "", unchangedSince: [] };
      await this.#database.write(org, context, async (write) => {
        const rows = await write.em.find(AclRow, where, { orderBy: { id: "asc" }, limit: expiredAtOnce });
        if (rows.length === 0) return;
        for (const row of rows) write.em.remove(row);
        write.record({
          action: "acls_expired",
          subject: { type: "organization", id: org },
          before: forTheLog(rows),
          after: null,
          touches: touchedByAcls(org, rows.map(aclOf)),
        });
      });
      if (due <= expiredAtOnce) return;
    }
  }

  /** Where some ACL expired at that time or before it. */
  async organizationsWithExpired(time: Date): Promise<OrgId[]> {
    const rows = await this.#database.read((em) =>
      em.execute<{ org_id: OrgId }[]>("select distinct org_id from acl where expires_at <= ?", [time]),
    );
    return rows.map((row) => row.org_id);
  }

  async get(org: OrgId, id: AclId): Promise<Acl> {
    const row = await this.#database.read((em) => em.findOne(AclRow, { orgId: org, id }));
    if (row === null) throw new Fault("absent", "no such ACL");
    return aclOf(row);
  }

  /** Newest first; those that have expired stand in the list until they are removed. */
  async list(org: OrgId, filter: AclFilter, page: Page | undefined): Promise<Acl[]> {
    const where: FilterQuery<AclRow>[] = [{ orgId: org }];
    if (filter.object !== null) where.push({ objectType: filter.object.type, objectId: filter.object.id });
    if (filter.objectType !== null) where.push({ objectType: filter.objectType });
    if (filter.ids.length > 0) where.push({ id: { $in: [...filter.ids] } });
    if (filter.principal !== null) where.push({ subjectKind: "principal", subjectId: filter.principal });
    if (filter.group !== null) where.push({ subjectKind: "group", subjectId: filter.group });
    if (filter.permission !== null) where.push({ permission: filter.permission });
    if (filter.restrictObjectType !== null) where.push({ restrictObjectType: filter.restrictObjectType });
    if (filter.role !== null) where.push({ roleId: filter.role });
    const rows = await this.#database.list(org, (em) => listPage<AclRow>(em, AclRow, { $and: where }, page));
    return rows.map(aclOf);
  }

  /** Whether any unexpired ACL names the principal or one of the groups. */
  async hasGrant(org: OrgId, principal: PrincipalId, groups: readonly GroupId[]): Promise<boolean> {
    const rows = await this.#database.read((em) =>
      em.execute<unknown[]>(
        `select 1 from jsonb_to_recordset(?::jsonb) as named (kind text, id uuid)
         join acl on acl.org_id = ? and acl.subject_id = named.id and acl.subject_kind = named.kind
         where acl.expires_at is null or acl.expires_at > ?
         limit 1`,
        [
          JSON.stringify([
            { kind: "principal", id: principal },
            ...groups.map((id) => ({ kind: "group", id })),
          ]),
          org,
          new Date(),
        ],
      ),
    );
    return rows.length > 0;
  }

  /** On what unexpired ACLs give a permission; and where the log stood when that was read. */
  async findObjects(
    org: OrgId,
    wanted: WantedObjects,
  ): Promise<{ readonly result: FoundObjects; readonly revision: Revision }> {
    return snapshotOf(this.#database, org, (client) => findObjects(client, org, wanted, new Date()));
  }
}

/** Whom the additions name that lives next door. */
function askedBy(add: readonly AclContent[]): Asked {
  const principals = new Set<PrincipalId>();
  let groups = false;
  for (const { object, subject } of add) {
    if (subject.kind === "principal") principals.add(subject.id);
    groups ||= subject.kind === "group" || object.type === "group";
  }
  return { principals: [...principals], groups };
}

/** Refuses subjects and groups that others don't know. One text for the unknown, the foreign and the removed. */
function checkKnown(add: readonly AclContent[], { members, groups }: Known): void {
  for (const [index, { object, subject }] of add.entries()) {
    if (subject.kind === "principal" && !members.has(subject.id)) {
      throw noSuchSubject(`add[${index}].principal_id`);
    }
    if (subject.kind === "group" && !groups.has(subject.id)) throw noSuchSubject(`add[${index}].group_id`);
    if (object.type === "group" && !groups.has(object.id as string as GroupId)) throw noSuchObject(index);
  }
}

/** Refuses objects and roles that grants itself does not know. */
async function checkOwn(em: EntityManager, org: OrgId, add: readonly AclContent[]): Promise<void> {
  const exists = await existing(
    em,
    org,
    add.map((content) => content.object),
  );
  const roles = add.flatMap(({ grant }) => (grant.kind === "role" ? [grant.id] : []));
  const rows = await em.find(
    RoleRow,
    { orgId: org, id: { $in: roles }, deletedAt: null },
    { fields: ["id"] },
  );
  const live = new Set(rows.map((row) => row.id));
  for (const [index, { object, grant }] of add.entries()) {
    if (object.type !== "group" && !exists(object)) throw noSuchObject(index);
    if (grant.kind === "role" && systemRole(grant.id) === null && !live.has(grant.id)) {
      throw invalid(`add[${index}].role_id`, "no such role");
    }
  }
}

function noSuchObject(index: number): Fault {
  return invalid(`add[${index}].object`, "no such object");
}

/** The rows that say what one of the contents says, by their identity. */
async function standingRows(
  em: EntityManager,
  org: OrgId,
  contents: readonly AclContent[],
): Promise<Map<string, AclRow>> {
  const ids = await em.execute<{ id: string }[]>(
    `select acl.id from jsonb_to_recordset(?::jsonb) as named (type text, id uuid, subject uuid)
     join acl on acl.org_id = ? and acl.object_type = named.type and acl.object_id = named.id
       and acl.subject_id = named.subject`,
    [
      JSON.stringify(
        contents.map(({ object, subject }) => ({ type: object.type, id: object.id, subject: subject.id })),
      ),
      org,
    ],
  );
  const rows = await em.find(AclRow, { id: { $in: ids.map((row) => row.id) } });
  return new Map(rows.map((row) => [aclIdentity(aclOf(row).content), row]));
}

async function rowsById(
  em: EntityManager,
  org: OrgId,
  remove: readonly AclRemoval[],
): Promise<Map<AclId, AclRow>> {
  const ids = remove.flatMap((removal) => (removal.by === "id" ? [removal.id] : []));
  const rows = await em.find(AclRow, { orgId: org, id: { $in: ids } });
  return new Map(rows.map((row) => [row.id as AclId, row]));
}

function contentsOf(remove: readonly AclRemoval[]): AclContent[] {
  return remove.flatMap((removal) => (removal.by === "content" ? [removal.content] : []));
}
