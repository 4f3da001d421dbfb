import type { FilterQuery } from "@mikro-orm/core";
import type { EntityManager } from "@mikro-orm/postgresql";
import { Fault } from "@portcullis/chassis/fault";
import type { Hop } from "@portcullis/chassis/rpc/call";
import type { AclId, BuiltInGroup, GroupId, OrgId, PrincipalId } from "@portcullis/policy";
import type { Revision, WriteContext } from "@portcullis/proto/events/v1/events";
import type { Page } from "@portcullis/proto/listing/v1/listing";
import {
  type Database,
  type JointWrite,
  jointWrites,
  listPage,
  snapshotOf,
  type Written,
} from "@portcullis/store";
import { v7 as newUuid } from "uuid";
import {
  type Acl,
  type AclChanges,
  type AclContent,
  type AclFilter,
  aclIdentity,
  builtInGrants,
  checkExpiries,
} from "../domain/acl.ts";
import { type Asked, type Neighbours, placesToldBy } from "../neighbours.ts";
import { aclOf, addAcl, forTheLog, touchedByAcls } from "./acl-rows.ts";
import { type AclUpdate, aclUpdates, type ChangedAcls } from "./acl-updates.ts";
import { AclRow } from "./entities.ts";
import { type FoundObjects, findObjects, type WantedObjects } from "./found-objects.ts";
import { untilUpToDate } from "./knowing.ts";

/** Events tell of no more than they can name the facts of. */
const expiredAtOnce = 500;

/** What was granted where. */
export class AclStore {
  readonly #database: Database;
  readonly #neighbours: Neighbours;
  readonly #write: (write: JointWrite<AclUpdate>) => Promise<Written<ChangedAcls>>;

  constructor(database: Database, neighbours: Neighbours) {
    this.#database = database;
    this.#neighbours = neighbours;
    this.#write = jointWrites(database, aclUpdates);
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
    changes: AclChanges,
    hop: Partial<Hop>,
  ): Promise<Written<ChangedAcls>> {
    checkExpiries(changes.add, new Date());
    const asked = askedBy(changes.add);
    return untilUpToDate(async () => {
      // All that was done before this was asked for stands in the others' logs by now. Nobody waits for them under the lock.
      const [known, otherLogs] = await Promise.all([
        this.#neighbours(org, asked, hop),
        this.#database.otherLogs(org, placesToldBy(asked)),
      ]);
      const dependsOn = [...otherLogs, ...known.asOf.map(({ owner, ...place }) => ({ owner, place }))];
      return this.#write({ org, context, dependsOn, asked: { changes, known } });
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
