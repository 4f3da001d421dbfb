import { isDeepStrictEqual } from "node:util";
import type { FilterQuery } from "@mikro-orm/core";
import type { EntityManager } from "@mikro-orm/postgresql";
import { Fault, invalid } from "@portcullis/chassis/fault";
import type { Hop } from "@portcullis/chassis/rpc/call";
import type { FactKey, ObjectId, ObjectRef, OrgId, PrincipalId, RoleId } from "@portcullis/policy";
import type { WriteContext } from "@portcullis/proto/events/v1/events";
import type { Page } from "@portcullis/proto/listing/v1/listing";
import { type Database, listPage, mustBeStanding, type Write, type Written } from "@portcullis/store";
import { pageLimit } from "@portcullis/store/listing";
import { v7 as newUuid } from "uuid";
import { creatorGrant } from "../domain/acl.ts";
import { checkNesting } from "../domain/nesting.ts";
import {
  changed,
  checkRoom,
  type Role,
  type RoleChange,
  type RoleContent,
  type RoleCounts,
  type RoleFilter,
  systemRole,
  systemRoleNamed,
  systemRoles,
} from "../domain/role.ts";
import type { Neighbours } from "../neighbours.ts";
import { aclOf, forTheLog as aclsForTheLog, addAcl, removeAcls, touchedByAcls } from "./acl-rows.ts";
import { creatorFrom } from "./creator.ts";
import { RoleRow } from "./entities.ts";
import { writeForOwner } from "./knowing.ts";

export interface FoundRole {
  readonly role: Role;
  readonly foundExisting: boolean;
}

/** In which field of the request a member role was named. */
export type FieldOf = (member: RoleId) => string;

/** The roles of organisations, and the system's, which every organisation has. */
export class RoleStore {
  readonly #database: Database;
  readonly #parts: { readonly database: Database; readonly neighbours: Neighbours };

  constructor(database: Database, neighbours: Neighbours) {
    this.#database = database;
    this.#parts = { database, neighbours };
  }

  /** Makes a role, and its owner's grant on it; answers the one that stands if the name is taken. */
  async create(
    context: WriteContext,
    org: OrgId,
    content: RoleContent,
    fieldOf: FieldOf,
    owner: PrincipalId | null,
    hop: Partial<Hop>,
  ): Promise<Written<FoundRole>> {
    return writeForOwner(this.#parts, { org, context, owner, hop }, async (write) => {
      const standing = systemRoleNamed(content.name) ?? (await roleNamed(write.em, org, content.name));
      if (standing !== null) return { role: standing, foundExisting: true };
      return { role: await add(write, context, { org, content, fieldOf, owner }), foundExisting: false };
    });
  }

  /** Makes a role, or resets all of the one of that name; if that is the one that stands for the caller. */
  async replace(
    context: WriteContext,
    org: OrgId,
    content: RoleContent,
    fieldOf: FieldOf,
    { owner, standing }: { readonly owner: PrincipalId | null; readonly standing: RoleId | null },
    hop: Partial<Hop>,
  ): Promise<Written<FoundRole>> {
    if (systemRoleNamed(content.name) !== null) throw systemRoleIsFixed();
    return writeForOwner(this.#parts, { org, context, owner, hop }, async (write) => {
      const row = await write.em.findOne(RoleRow, { orgId: org, name: content.name, deletedAt: null });
      mustBeStanding(row, standing);
      if (row === null) {
        return { role: await add(write, context, { org, content, fieldOf, owner }), foundExisting: false };
      }
      return { role: await change(write, row, content, fieldOf), foundExisting: true };
    });
  }

  async update(
    context: WriteContext,
    org: OrgId,
    id: RoleId,
    given: RoleChange,
    fieldOf: FieldOf,
  ): Promise<Written<Role>> {
    if (systemRole(id) !== null) throw systemRoleIsFixed();
    return this.#database.write(org, context, async (write) => {
      const row = await liveRow(write.em, org, id);
      const content = changed(contentOf(row), given);
      const other = systemRoleNamed(content.name) ?? (await roleNamed(write.em, org, content.name));
      if (other !== null && other.id !== id) {
        throw new Fault("refused", "name: is taken by another role", { field: "name" });
      }
      return change(write, row, content, fieldOf);
    });
  }

  /**
   * Deletes a role, takes it out of the roles that have it as a member, and removes the ACLs that grant it or sit on it.
   * Where these are many, some stand a little longer, and grant nothing.
   */
  async delete(context: WriteContext, org: OrgId, id: RoleId): Promise<Written<Role>> {
    if (systemRole(id) !== null) throw systemRoleIsFixed();
    return this.#database.write(org, context, async (write) => {
      const { em } = write;
      const row = await liveRow(em, org, id);
      const before = roleOf(row);
      row.deletedAt = new Date();
      const containers = await em.find(RoleRow, {
        orgId: org,
        deletedAt: null,
        memberRoles: { $contains: [id] },
      });
      for (const container of containers) {
        container.memberRoles = container.memberRoles.filter((member) => member !== id);
      }
      const self: ObjectRef = { type: "role", id: id as string as ObjectId };
      const acls = await removeAcls(em, org, { on: [self], roles: [id] });
      write.record({
        action: "role_deleted",
        subject: { type: "role", id },
        before: {
          role: before,
          memberOf: containers.map((container) => container.id),
          ...aclsForTheLog(acls.rows),
          ...(acls.unfinished && { moreFollows: true }),
        },
        after: null,
        touches: [rolesOf(org), ...touchedByAcls(org, acls.rows.map(aclOf))],
      });
      return { ...before, deletedAt: row.deletedAt };
    });
  }

  async get(org: OrgId, id: RoleId): Promise<Role> {
    return systemRole(id) ?? roleOf(await this.#database.read((em) => liveRow(em, org, id)));
  }

  /** The organisation's roles, and behind them, as the oldest, the system's. */
  async list(org: OrgId, filter: RoleFilter, page: Page | undefined): Promise<Role[]> {
    const where: FilterQuery<RoleRow> = {
      orgId: org,
      deletedAt: null,
      ...(filter.ids.length > 0 && { id: { $in: [...filter.ids] } }),
      ...(filter.names.length > 0 && { name: { $in: [...filter.names] } }),
    };
    const system = systemRoles.filter((role) => matches(role, filter));
    const limit = pageLimit(page);
    const cursor = page?.startingAfter || page?.endingBefore;
    const at = system.findIndex((role) => role.id === cursor);
    return this.#database.list(org, async (em) => {
      if (at === -1) {
        const own = (await listPage<RoleRow>(em, RoleRow, where, page)).map(roleOf);
        return page?.endingBefore ? own : [...own, ...system].slice(0, limit);
      }
      if (page?.startingAfter) return system.slice(at + 1, at + 1 + limit);
      const nearest = system.slice(Math.max(0, at - limit), at);
      const own = await oldest(em, where, limit - nearest.length);
      return [...own.map(roleOf), ...nearest];
    });
  }
}

/** The oldest of the roles that match, newest first. */
async function oldest(em: EntityManager, where: FilterQuery<RoleRow>, limit: number): Promise<RoleRow[]> {
  if (limit === 0) return [];
  const rows = await em.find(RoleRow, where, { orderBy: { created: "asc", id: "asc" }, limit });
  return rows.reverse();
}

interface NewRole {
  readonly org: OrgId;
  readonly content: RoleContent;
  readonly fieldOf: FieldOf;
  readonly owner: PrincipalId | null;
}

async function add(
  write: Write,
  context: WriteContext,
  { org, content, fieldOf, owner }: NewRole,
): Promise<Role> {
  const id = newUuid() as RoleId;
  await checkMembers(write.em, org, { id, standing: [], wanted: content.memberRoles, fieldOf });
  checkRoom(await countOthers(write.em, org, id), null, content);
  const row = write.em.create(RoleRow, {
    ...content,
    id,
    orgId: org,
    creatorId: creatorFrom(context),
    created: new Date(),
    deletedAt: null,
  });
  const role = roleOf(row);
  const self: ObjectRef = { type: "role", id: id as string as ObjectId };
  const granted =
    owner === null ? [] : [aclOf(addAcl(write.em, org, creatorGrant(self, owner), row.created))];
  write.record({
    action: "role_created",
    subject: { type: "role", id },
    before: null,
    after: { ...role, ownerId: owner },
    touches: [rolesOf(org), ...touchedByAcls(org, granted)],
  });
  return role;
}

async function change(write: Write, row: RoleRow, content: RoleContent, fieldOf: FieldOf): Promise<Role> {
  const before = roleOf(row);
  const after: Role = { ...before, ...content };
  await checkMembers(write.em, before.org as OrgId, {
    id: before.id,
    standing: before.memberRoles,
    wanted: after.memberRoles,
    fieldOf,
  });
  if (isDeepStrictEqual(before, after)) return before;
  checkRoom(await countOthers(write.em, before.org as OrgId, before.id), before, after);
  Object.assign(row, content);
  write.record({
    action: "role_updated",
    subject: { type: "role", id: before.id },
    before,
    after,
    touches: [rolesOf(before.org as OrgId)],
  });
  return after;
}

interface Members {
  readonly id: RoleId;
  readonly standing: readonly RoleId[];
  readonly wanted: readonly RoleId[];
  readonly fieldOf: FieldOf;
}

/** Refuses new member roles that do not live, and those that would close a cycle. */
async function checkMembers(em: EntityManager, org: OrgId, members: Members): Promise<void> {
  const { id, standing, wanted, fieldOf } = members;
  const before = new Set(standing);
  const fresh = wanted.filter((member) => !before.has(member));
  if (fresh.length === 0) return;
  const rows = await em.find(RoleRow, { orgId: org, deletedAt: null });
  const others = new Map(rows.map(roleOf).map((role) => [role.id, role.memberRoles]));
  for (const member of fresh) {
    if (member === id || others.has(member) || systemRole(member) !== null) continue;
    throw invalid(fieldOf(member), "no such role");
  }
  checkNesting(id, wanted, others);
}

async function countOthers(em: EntityManager, org: OrgId, id: RoleId): Promise<RoleCounts> {
  const [counts] = await em.execute<RoleCounts[]>(
    `select count(*)::int as roles, coalesce(sum(jsonb_array_length(permissions)), 0)::int as permissions,
       coalesce(sum(cardinality(member_roles)), 0)::int as "memberRoles"
     from role where org_id = ? and deleted_at is null and id <> ?`,
    [org, id],
  );
  if (counts === undefined) throw new Error("a count said nothing");
  return counts;
}

function matches(role: Role, { ids, names }: RoleFilter): boolean {
  return (ids.length === 0 || ids.includes(role.id)) && (names.length === 0 || names.includes(role.name));
}

function rolesOf(org: OrgId): FactKey {
  return { kind: "roles", org };
}

async function roleNamed(em: EntityManager, org: OrgId, name: string): Promise<Role | null> {
  const row = await em.findOne(RoleRow, { orgId: org, name, deletedAt: null });
  return row === null ? null : roleOf(row);
}

async function liveRow(em: EntityManager, org: OrgId, id: RoleId): Promise<RoleRow> {
  const row = await em.findOne(RoleRow, { orgId: org, id, deletedAt: null });
  if (row === null) throw new Fault("absent", "no such role");
  return row;
}

function systemRoleIsFixed(): Fault {
  return new Fault("denied", "system roles can't be changed");
}

function contentOf(row: RoleRow): RoleContent {
  const { name, description, permissions, memberRoles } = roleOf(row);
  return { name, description, permissions, memberRoles };
}

function roleOf(row: RoleRow): Role {
  return {
    id: row.id as RoleId,
    org: row.orgId as OrgId,
    creator: (row.creatorId ?? null) as PrincipalId | null,
    created: row.created,
    name: row.name,
    description: row.description ?? null,
    permissions: row.permissions,
    memberRoles: row.memberRoles,
    deletedAt: row.deletedAt ?? null,
  };
}
