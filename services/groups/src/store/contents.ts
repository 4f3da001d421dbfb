// Who is in which group, as rows. Sets of ids go to Postgres as one value, however many they are.

import type { EntityManager } from "@mikro-orm/postgresql";
import type { GroupId, OrgId, PrincipalId } from "@portcullis/policy";
import { difference, type Group } from "../domain/group.ts";
import type { Nesting } from "../domain/nesting.ts";
import type { GroupRow } from "./entities.ts";

/** One principal directly in one group. */
export interface Membership {
  readonly group: GroupId;
  readonly principal: PrincipalId;
}

/** The groups of these rows, with what is in them. */
export async function withContents(em: EntityManager, rows: readonly GroupRow[]): Promise<Group[]> {
  const ids = idArray(rows.map((row) => row.id));
  const principals = await gathered<PrincipalId>(
    em,
    "select group_id, array_agg(principal_id order by principal_id) as ids from group_principal",
    ids,
  );
  const memberGroups = await gathered<GroupId>(
    em,
    "select group_id, array_agg(member_group_id order by member_group_id) as ids from group_nesting",
    ids,
  );
  return rows.map((row) => groupOf(row, principals.get(row.id) ?? [], memberGroups.get(row.id) ?? []));
}

/** The group of a row, with this in it. */
export function groupOf(
  row: GroupRow,
  principals: readonly PrincipalId[],
  memberGroups: readonly GroupId[],
): Group {
  return {
    id: row.id as GroupId,
    org: row.orgId as OrgId,
    creator: (row.creatorId ?? null) as PrincipalId | null,
    created: row.created,
    name: row.name,
    description: row.description ?? null,
    principals,
    memberGroups,
    builtIn: row.builtIn ?? null,
    externalId: row.externalId ?? null,
    deletedAt: row.deletedAt ?? null,
  };
}

/** Brings the rows from what they are to what they shall be. */
export async function saveContents(em: EntityManager, before: Group, after: Group): Promise<void> {
  const principals = difference(before.principals, after.principals);
  const memberGroups = difference(before.memberGroups, after.memberGroups);
  await em.execute("delete from group_principal where group_id = ? and principal_id = any(?::uuid[])", [
    after.id,
    idArray(principals.removed),
  ]);
  await em.execute(
    "insert into group_principal (org_id, group_id, principal_id) select ?, ?, id from unnest(?::uuid[]) as id",
    [after.org, after.id, idArray(principals.added)],
  );
  await em.execute("delete from group_nesting where group_id = ? and member_group_id = any(?::uuid[])", [
    after.id,
    idArray(memberGroups.removed),
  ]);
  await em.execute(
    "insert into group_nesting (org_id, group_id, member_group_id) select ?, ?, id from unnest(?::uuid[]) as id",
    [after.org, after.id, idArray(memberGroups.added)],
  );
}

/** Takes a group out of every nesting, and everything out of it. */
export async function dropContents(em: EntityManager, group: GroupId): Promise<void> {
  await em.execute("delete from group_principal where group_id = ?", [group]);
  await em.execute("delete from group_nesting where group_id = ? or member_group_id = ?", [group, group]);
}

/** Puts every one of these principals into every one of these groups; answers what is new. */
export async function addMemberships(
  em: EntityManager,
  org: OrgId,
  groups: readonly GroupId[],
  principals: readonly PrincipalId[],
): Promise<Membership[]> {
  return memberships(
    await em.execute<MembershipRow[]>(
      `insert into group_principal (org_id, group_id, principal_id)
       select ?, group_id, principal_id from unnest(?::uuid[]) as group_id, unnest(?::uuid[]) as principal_id
       on conflict do nothing
       returning group_id, principal_id`,
      [org, idArray(groups), idArray(principals)],
    ),
  );
}

/** One transaction ends no more memberships than this. */
export const endedAtOnce = 1000;

/** Takes these principals out of every group, or of as many as one transaction may; answers what they lost. */
export async function endMemberships(
  em: EntityManager,
  org: OrgId,
  principals: readonly PrincipalId[],
): Promise<Membership[]> {
  return memberships(
    await em.execute<MembershipRow[]>(
      `delete from group_principal where (group_id, principal_id) in (
         select group_id, principal_id from group_principal
         where org_id = ? and principal_id = any(?::uuid[]) limit ?
       ) returning group_id, principal_id`,
      [org, idArray(principals), endedAtOnce],
    ),
  );
}

/** The groups that hold a principal or another group directly. */
export async function holdersOf(
  em: EntityManager,
  org: OrgId,
  member: PrincipalId | GroupId,
): Promise<GroupId[]> {
  const rows = await em.execute<{ group_id: GroupId }[]>(
    `select group_id from group_principal where org_id = ? and principal_id = ?
     union select group_id from group_nesting where org_id = ? and member_group_id = ?`,
    [org, member, org, member],
  );
  return rows.map((row) => row.group_id);
}

/** The live groups of an organisation, and how they nest. Empty for an organisation that nobody has provisioned. */
export async function readNesting(em: EntityManager, org: OrgId): Promise<Nesting> {
  const rows = await em.execute<{ id: GroupId; ids: GroupId[] | null }[]>(
    `select permission_group.id, array_agg(member_group_id) filter (where member_group_id is not null) as ids
     from permission_group left join group_nesting on group_id = permission_group.id
     where permission_group.org_id = ? and deleted_at is null
     group by permission_group.id`,
    [org],
  );
  return new Map(rows.map((row) => [row.id, row.ids ?? []]));
}

/** An array of ids, as Postgres writes it. */
export function idArray(ids: Iterable<string>): string {
  return `{${[...ids].join(",")}}`;
}

async function gathered<Id>(
  em: EntityManager,
  selection: string,
  groups: string,
): Promise<Map<string, Id[]>> {
  const rows = await em.execute<{ group_id: string; ids: Id[] }[]>(
    `${selection} where group_id = any(?::uuid[]) group by group_id`,
    [groups],
  );
  return new Map(rows.map((row) => [row.group_id, row.ids]));
}

interface MembershipRow {
  readonly group_id: GroupId;
  readonly principal_id: PrincipalId;
}

function memberships(rows: readonly MembershipRow[]): Membership[] {
  return rows.map((row) => ({ group: row.group_id, principal: row.principal_id }));
}
