import type { FilterQuery } from "@mikro-orm/core";
import type { EntityManager } from "@mikro-orm/postgresql";
import { Fault, invalid } from "@portcullis/chassis/fault";
import type { Hop } from "@portcullis/chassis/rpc/call";
import {
  type BuiltInGroup,
  builtInGroups,
  chainMax,
  type GroupId,
  type OrgId,
  type PrincipalId,
} from "@portcullis/policy";
import type { Revision, WriteContext } from "@portcullis/proto/events/v1/events";
import type { Page } from "@portcullis/proto/listing/v1/listing";
import {
  type Database,
  listPage,
  mustBeStanding,
  snapshotOf,
  type Write,
  type Written,
} from "@portcullis/store";
import { v7 as newUuid } from "uuid";
import {
  difference,
  editedList,
  type FoundGroup,
  type Given,
  type GivenMembers,
  type Group,
  type GroupContent,
  type GroupEdit,
  type GroupExtent,
  groupForTheLog,
  membershipsOf,
  sorted,
} from "../domain/group.ts";
import {
  checkRoom,
  isOnCycle,
  isTooDeep,
  type Nesting,
  withMemberGroups,
  withoutGroup,
} from "../domain/nesting.ts";
import { type ActiveMembers, noSuchMember } from "../members.ts";
import {
  addMemberships,
  dropContents,
  endedAtOnce,
  endMemberships,
  groupOf,
  holdersOf,
  type Membership,
  readNesting,
  saveContents,
  withContents,
} from "./contents.ts";
import { GroupRow } from "./entities.ts";
import { countGroups, extentsOf, searchGroups, type WantedGroups } from "./group-search.ts";
import {
  anyOwner,
  ensureOwnerStays,
  forgetReservations,
  ownersClosure,
  release,
  reserve,
} from "./last-owner.ts";
import { emptyAmong, membershipsNaming, principalsIn, type TimedMembership } from "./memberships.ts";

export interface GroupFilter {
  readonly ids: readonly GroupId[];
  readonly names: readonly string[];
  readonly externalId: string | null;
  /** Only groups that hold it directly. */
  readonly member: PrincipalId | GroupId | null;
}

interface NewGroup {
  readonly content: GroupContent;
  readonly given: GivenMembers;
  /** Who gets a grant on it, for grants to follow; null: nobody. */
  readonly owner: PrincipalId | null;
}

/** The permission groups of all organisations in this database. */
export class GroupsStore {
  readonly #database: Database;
  readonly #members: ActiveMembers;

  constructor(database: Database, members: ActiveMembers) {
    this.#database = database;
    this.#members = members;
  }

  /**
   * Makes the built-in groups of a new organisation, the first Owner in them. The Owner is no member yet: until the
   * organisation itself is made, nobody is.
   */
  async provision(
    context: WriteContext,
    org: OrgId,
    owner: PrincipalId,
  ): Promise<Written<Record<BuiltInGroup, GroupId>>> {
    return this.#database.write(org, context, async (write) => {
      const { em } = write;
      const standing = await em.find(GroupRow, { orgId: org, builtIn: { $ne: null } });
      if (standing.length > 0) return idsByName(standing);
      const created = new Date();
      const rows = Object.entries(builtInGroups).map(([builtIn, { name, description }]) =>
        em.create(GroupRow, {
          id: newUuid(),
          orgId: org,
          name,
          description,
          creatorId: null,
          created,
          builtIn: builtIn as BuiltInGroup,
          externalId: null,
          deletedAt: null,
        }),
      );
      await em.flush();
      const ids = idsByName(rows);
      await addMemberships(em, org, [ids.owners], [owner]);
      write.record({
        action: "groups_provisioned",
        subject: { type: "organization", id: org },
        before: null,
        after: { groups: ids, owner },
        touches: [{ kind: "groups", org }, ...membershipsOf(org, [owner])],
      });
      return ids;
    });
  }

  /** Makes a group for its owner; answers the one of that name, unchanged, if there is one. */
  async create(
    context: WriteContext,
    org: OrgId,
    content: GroupContent,
    given: GivenMembers,
    owner: PrincipalId | null,
    hop: Partial<Hop>,
  ): Promise<Written<{ group: Group; foundExisting: boolean }>> {
    return this.#database.write(org, context, async (write) => {
      const existing = await this.#byName(write.em, org, content.name);
      if (existing !== null) return { group: existing, foundExisting: true };
      return {
        group: await this.#make(write, context, org, { content, given, owner }, hop),
        foundExisting: false,
      };
    });
  }

  /** Makes a group, or gives the one of that name exactly this content; if that is the one that stands for the caller. */
  async replace(
    context: WriteContext,
    org: OrgId,
    content: GroupContent,
    given: GivenMembers,
    { owner, standing }: { readonly owner: PrincipalId | null; readonly standing: GroupId | null },
    hop: Partial<Hop>,
  ): Promise<Written<{ group: Group; foundExisting: boolean }>> {
    return this.#database.write(org, context, async (write) => {
      const existing = await this.#byName(write.em, org, content.name);
      mustBeStanding(existing, standing);
      if (existing === null) {
        return {
          group: await this.#make(write, context, org, { content, given, owner }, hop),
          foundExisting: false,
        };
      }
      const after = {
        ...existing,
        description: content.description,
        principals: sorted(content.principals),
        memberGroups: sorted(content.memberGroups),
      };
      return { group: await this.#change(write, existing, after, given, hop), foundExisting: true };
    });
  }

  async update(
    context: WriteContext,
    org: OrgId,
    id: GroupId,
    edit: GroupEdit,
    given: GivenMembers,
    hop: Partial<Hop>,
  ): Promise<Written<Group>> {
    return this.#database.write(org, context, async (write) => {
      const before = await this.#live(write.em, org, id);
      const after = {
        ...before,
        name: edit.name ?? before.name,
        description: edit.description ?? before.description,
        externalId: edit.externalId === null ? before.externalId : edit.externalId || null,
        principals: editedList(before.principals, edit.principals),
        memberGroups: editedList(before.memberGroups, edit.memberGroups),
      };
      return this.#change(write, before, after, given, hop);
    });
  }

  /** Ends a group; from the commit on it gives nobody anything. */
  async delete(context: WriteContext, org: OrgId, id: GroupId, hop: Partial<Hop>): Promise<Written<Group>> {
    return this.#database.write(org, context, async (write) => {
      const { em } = write;
      const group = await this.#live(em, org, id);
      if (group.builtIn !== null) throw new Fault("refused", "a built-in group can't be deleted");
      const before = await readNesting(em, org);
      const owners = await ownersClosure(em, org, before);
      const deletedAt = new Date();
      await dropContents(em, id);
      (await em.findOneOrFail(GroupRow, { id })).deletedAt = deletedAt;
      if (owners.has(id)) await ensureOwnerStays(em, org, withoutGroup(before, id), this.#members, hop);
      const memberOf = [...before].filter(([, inner]) => inner.includes(id)).map(([outer]) => outer);
      write.record({
        action: "group_deleted",
        subject: { type: "group", id },
        before: { ...groupForTheLog(group), memberOf: sorted(memberOf) },
        after: null,
        touches: [{ kind: "groups", org }, ...membershipsOf(org, group.principals)],
      });
      return { ...group, deletedAt };
    });
  }

  /** Puts all of these principals into all of these groups. */
  async add(
    context: WriteContext,
    org: OrgId,
    principals: Given<PrincipalId>,
    groups: Given<GroupId>,
    hop: Partial<Hop>,
  ): Promise<Written<void>> {
    return this.#database.write(org, context, async (write) => {
      ensureGroups(await readNesting(write.em, org), groups);
      await this.#ensureMembers(org, [principals], hop);
      const added = await addMemberships(write.em, org, sorted(groups.ids), sorted(principals.ids));
      if (added.length === 0) return;
      const [only, ...more] = new Set(added.map((each) => each.group));
      write.record({
        action: "group_members_added",
        subject:
          only !== undefined && more.length === 0
            ? { type: "group", id: only }
            : { type: "organization", id: org },
        before: null,
        after: { memberships: added },
        touches: membershipsOf(org, principalsOf(added)),
      });
    });
  }

  /** Lets principals leave the organisation, unless no Owner would be left. */
  async reserveDeparture(
    org: OrgId,
    principals: readonly PrincipalId[],
    reservation: string,
    hop: Hop,
  ): Promise<void> {
    const context = { actor: undefined, requestId: hop.requestId, sourceAddress: "", unchangedSince: [] };
    await this.#database.write(org, context, async ({ em, keepBooks }) => {
      keepBooks();
      const nesting = await readNesting(em, org);
      await reserve(em, org, principals, reservation);
      if (await anyOwner(em, org, nesting, principals)) {
        await ensureOwnerStays(em, org, nesting, this.#members, hop);
      }
    });
  }

  /** Takes a reservation back: whoever does not leave after all counts as an Owner again. */
  async releaseDeparture(
    org: OrgId,
    principals: readonly PrincipalId[],
    reservation: string,
    hop: Hop,
  ): Promise<void> {
    const context = { actor: undefined, requestId: hop.requestId, sourceAddress: "", unchangedSince: [] };
    await this.#database.write(org, context, async ({ em, keepBooks }) => {
      keepBooks();
      await release(em, org, principals, reservation);
    });
  }

  /**
   * Takes principals that left the organisation out of its groups. What identity says now decides: who came back has
   * nothing here that is older, because coming back waits for this. Where they are many, it ends a part of them.
   */
  async endMemberships(
    write: Write,
    org: OrgId,
    left: readonly PrincipalId[],
  ): Promise<"unfinished" | undefined> {
    const active = await this.#members(org, left, {});
    const gone = left.filter((principal) => !active.has(principal));
    await forgetReservations(write.em, org, gone);
    const ended = await endMemberships(write.em, org, gone);
    if (ended.length === 0) return;
    const principals = principalsOf(ended);
    const [only, ...more] = principals;
    write.record({
      action: "group_members_left",
      subject:
        only !== undefined && more.length === 0
          ? { type: "member", id: only }
          : { type: "organization", id: org },
      before: { memberships: ended },
      after: null,
      touches: membershipsOf(org, principals),
    });
    return ended.length === endedAtOnce ? "unfinished" : undefined;
  }

  async get(org: OrgId, id: GroupId): Promise<Group> {
    return this.#database.read((em) => this.#live(em, org, id));
  }

  async list(
    org: OrgId,
    filter: GroupFilter,
    page: Page | undefined,
    { contents }: { readonly contents: boolean },
  ): Promise<Group[]> {
    return this.#database.list(org, async (em) => {
      const holders = filter.member === null ? null : await holdersOf(em, org, filter.member);
      const where: FilterQuery<GroupRow> = {
        orgId: org,
        deletedAt: null,
        ...(filter.ids.length > 0 && { id: { $in: [...filter.ids] } }),
        ...(filter.names.length > 0 && { name: { $in: [...filter.names] } }),
        ...(filter.externalId !== null && { externalId: filter.externalId }),
        ...(holders !== null && { $and: [{ id: { $in: holders } }] }),
      };
      const rows = await listPage<GroupRow>(em, GroupRow, where, page);
      return contents ? withContents(em, rows) : rows.map((row) => groupOf(row, [], []));
    });
  }

  /** By name; what is in each and how many match in all, where that is wanted. */
  async search(
    org: OrgId,
    wanted: WantedGroups,
    more: { readonly count: boolean; readonly contents: boolean },
  ): Promise<{
    readonly found: FoundGroup[];
    readonly total: number;
    readonly extents: ReadonlyMap<GroupId, GroupExtent>;
  }> {
    const { pool } = this.#database;
    const [found, total] = await Promise.all([
      searchGroups(pool, org, wanted),
      more.count ? countGroups(pool, org, wanted) : 0,
    ]);
    const ids = more.contents ? found.map(({ id }) => id) : [];
    return { found, total, extents: await extentsOf(pool, ids) };
  }

  /** Those directly in a group. */
  async principals(
    org: OrgId,
    group: GroupId,
    page: Parameters<typeof principalsIn>[3],
  ): Promise<PrincipalId[]> {
    const ids = await principalsIn(this.#database.pool, org, group, page);
    if (ids === null) throw new Fault("absent", "no such group");
    return ids;
  }

  /** What names these principals directly. */
  async memberships(org: OrgId, principals: readonly PrincipalId[]): Promise<TimedMembership[]> {
    return membershipsNaming(this.#database.pool, org, principals);
  }

  /** Those that hold nobody; and where the log stood when that was read. */
  async findEmpty(
    org: OrgId,
    groups: readonly GroupId[],
  ): Promise<{ readonly result: GroupId[]; readonly revision: Revision }> {
    return snapshotOf(this.#database, org, (client) => emptyAmong(client, org, groups));
  }

  /** Who is in the closures of these groups, in ascending order; and where the log stood when that was read. */
  async findPrincipals(
    org: OrgId,
    groups: readonly GroupId[],
    after: PrincipalId | null,
    limit: number,
  ): Promise<{ readonly result: PrincipalId[]; readonly revision: Revision }> {
    return snapshotOf(this.#database, org, async (client) => {
      const { rows } = await client.query<{ principal_id: PrincipalId }>(
        `with recursive closure (id) as (
           select id from permission_group where id = any($2::uuid[]) and org_id = $1 and deleted_at is null
           union
           select inner_group.id from closure join group_nesting on group_nesting.group_id = closure.id
             join permission_group inner_group on inner_group.id = group_nesting.member_group_id
               and inner_group.org_id = $1 and inner_group.deleted_at is null
         )
         select distinct principal_id from closure, lateral (
           select principal_id from group_principal
           where group_id = closure.id and org_id = $1 and ($3::uuid is null or principal_id > $3)
           order by principal_id limit $4
         ) as held order by principal_id limit $4`,
        [org, groups, after, limit],
      );
      return rows.map((row) => row.principal_id);
    });
  }

  async #make(
    write: Write,
    context: WriteContext,
    org: OrgId,
    { content, given, owner }: NewGroup,
    hop: Partial<Hop>,
  ): Promise<Group> {
    const { em } = write;
    const empty: Group = {
      id: newUuid() as GroupId,
      org,
      creator: (context.actor?.impersonatedId || context.actor?.principalId || null) as PrincipalId | null,
      created: new Date(),
      name: content.name,
      description: content.description,
      principals: [],
      memberGroups: [],
      builtIn: null,
      externalId: content.externalId,
      deletedAt: null,
    };
    const group = {
      ...empty,
      principals: sorted(content.principals),
      memberGroups: sorted(content.memberGroups),
    };
    const nesting = await readNesting(em, org);
    if (nesting.size === 0) throw new Fault("absent", "no such organization");
    ensureGroups(nesting, ...given.memberGroups);
    ensureShape(nesting, withMemberGroups(nesting, group.id, group.memberGroups), group.id);
    const owners = owner === null ? [] : [{ field: "owner_id", ids: [owner] }];
    await this.#ensureMembers(org, [...given.principals, ...owners], hop);
    em.create(GroupRow, {
      id: group.id,
      orgId: org,
      name: group.name,
      description: group.description,
      creatorId: group.creator,
      created: group.created,
      builtIn: null,
      externalId: group.externalId,
      deletedAt: null,
    });
    await em.flush();
    await saveContents(em, empty, group);
    write.record({
      action: "group_created",
      subject: { type: "group", id: group.id },
      before: null,
      after: { ...groupForTheLog(group, group), ownerId: owner },
      touches: [{ kind: "groups", org }, ...membershipsOf(org, group.principals)],
    });
    return group;
  }

  async #change(
    write: Write,
    before: Group,
    after: Group,
    given: GivenMembers,
    hop: Partial<Hop>,
  ): Promise<Group> {
    const { em } = write;
    const { org, id } = before;
    const principals = difference(before.principals, after.principals);
    const memberGroups = difference(before.memberGroups, after.memberGroups);
    const renamed = before.name !== after.name;
    const nesting = await readNesting(em, org);
    const nestingAfter = withMemberGroups(nesting, id, after.memberGroups);
    ensureGroups(nesting, ...given.memberGroups);
    ensureShape(nesting, nestingAfter, id);
    await this.#ensureMembers(org, given.principals, hop);
    if (renamed) await this.#ensureNameFits(em, after);
    const principalsMoved = [...principals.added, ...principals.removed];
    const nestingMoved = memberGroups.added.length + memberGroups.removed.length > 0;
    if (
      !renamed &&
      before.description === after.description &&
      before.externalId === after.externalId &&
      principalsMoved.length === 0 &&
      !nestingMoved
    ) {
      return before;
    }
    const row = await em.findOneOrFail(GroupRow, { id });
    row.name = after.name;
    row.description = after.description;
    row.externalId = after.externalId;
    await em.flush();
    await saveContents(em, before, after);
    const takesAway = principals.removed.length + memberGroups.removed.length > 0;
    if (takesAway && (await ownersClosure(em, org, nesting)).has(id)) {
      await ensureOwnerStays(em, org, nestingAfter, this.#members, hop);
    }
    write.record({
      action: "group_updated",
      subject: { type: "group", id },
      before: groupForTheLog(before, { principals: principals.removed, memberGroups: memberGroups.removed }),
      after: groupForTheLog(after, { principals: principals.added, memberGroups: memberGroups.added }),
      touches: [
        ...(nestingMoved ? [{ kind: "groups", org } as const] : []),
        ...membershipsOf(org, principalsMoved),
      ],
    });
    return after;
  }

  async #live(em: EntityManager, org: OrgId, id: GroupId): Promise<Group> {
    const rows = await em.find(GroupRow, { orgId: org, id, deletedAt: null });
    const [group] = await withContents(em, rows);
    if (group === undefined) throw new Fault("absent", "no such group");
    return group;
  }

  async #byName(em: EntityManager, org: OrgId, name: string): Promise<Group | null> {
    const rows = await em.find(GroupRow, { orgId: org, name, deletedAt: null });
    const [group] = await withContents(em, rows);
    return group ?? null;
  }

  async #ensureNameFits(em: EntityManager, group: Group): Promise<void> {
    if (group.builtIn !== null) {
      throw new Fault("refused", "a built-in group can't be renamed", { field: "name" });
    }
    if ((await this.#byName(em, group.org, group.name)) !== null) {
      throw new Fault("refused", "the name is taken by another group", { field: "name" });
    }
  }

  async #ensureMembers(org: OrgId, given: readonly Given<PrincipalId>[], hop: Partial<Hop>): Promise<void> {
    const all = sorted(given.flatMap(({ ids }) => ids));
    if (all.length === 0) return;
    const active = await this.#members(org, all, hop);
    for (const { field, ids } of given) {
      const index = ids.findIndex((id) => !active.has(id));
      if (index >= 0) throw noSuchMember(field === "owner_id" ? field : `${field}[${index}]`);
    }
  }
}

/** One text for the unknown, the foreign and the deleted. */
function ensureGroups(nesting: Nesting, ...given: readonly Given<GroupId>[]): void {
  for (const { field, ids } of given) {
    const index = ids.findIndex((id) => !nesting.has(id));
    if (index >= 0) throw invalid(`${field}[${index}]`, "no such group in the organization");
  }
}

function ensureShape(before: Nesting, after: Nesting, changed: GroupId): void {
  checkRoom(before, after);
  if (isOnCycle(after, changed)) {
    throw new Fault("refused", "the group would contain itself", { field: "member_group_ids" });
  }
  if (isTooDeep(after, changed)) {
    throw new Fault("refused", `groups can't be nested more than ${chainMax} deep`, {
      field: "member_group_ids",
    });
  }
}

function principalsOf(memberships: readonly Membership[]): PrincipalId[] {
  return sorted(memberships.map((each) => each.principal));
}

function idsByName(rows: readonly GroupRow[]): Record<BuiltInGroup, GroupId> {
  return Object.fromEntries(rows.map((row) => [row.builtIn, row.id])) as Record<BuiltInGroup, GroupId>;
}
