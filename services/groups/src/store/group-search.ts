// Groups by name. One index holds each organisation in that order, and is read until the page is full.

import { invalid } from "@portcullis/chassis/fault";
import type { BuiltInGroup, GroupId, OrgId } from "@portcullis/policy";
import type { Pool, PoolClient } from "pg";
import type { FoundGroup, GroupExtent } from "../domain/group.ts";

export interface WantedGroups {
  /** Anywhere in the name, without regard to case; empty: all. */
  readonly text: string;
  readonly after: GroupId | null;
  readonly limit: number;
}

const matching = `org_id = $1 and deleted_at is null
  and ($2 = '' or search_text like '%' || search_key($2) || '%')`;

/** At most `limit` of them, in the order of the list. */
export async function searchGroups(
  pool: Pool | PoolClient,
  org: OrgId,
  wanted: WantedGroups,
): Promise<FoundGroup[]> {
  const behind = wanted.after === null ? null : await placeOf(pool, org, wanted.after);
  const { rows } = await pool.query<Row>(
    `select id, name, description, built_in, created, sort_key from permission_group
     where ${matching} and ($3::text is null or (sort_key, id) > ($3, $4::uuid))
     order by sort_key, id limit $5`,
    [org, patternOf(wanted.text), behind, wanted.after, wanted.limit],
  );
  return rows.map((row) => ({
    id: row.id,
    name: row.name,
    description: row.description,
    builtIn: row.built_in,
    created: row.created,
    sortKey: row.sort_key,
  }));
}

/** How many there are on all pages together. */
export async function countGroups(
  pool: Pool | PoolClient,
  org: OrgId,
  { text }: WantedGroups,
): Promise<number> {
  const { rows } = await pool.query<{ total: number }>(
    `select count(*)::int as total from permission_group where ${matching}`,
    [org, patternOf(text)],
  );
  return rows[0]?.total ?? 0;
}

/** Of each of these groups. Counted together: one by one, each count could read all that a very large group has. */
export async function extentsOf(
  pool: Pool,
  groups: readonly GroupId[],
): Promise<ReadonlyMap<GroupId, GroupExtent>> {
  const { rows } = await pool.query<{ id: GroupId; principal_count: number; member_groups: GroupId[] }>(
    `select id, coalesce(principal_count, 0) as principal_count, coalesce(member_groups, '{}') as member_groups
     from unnest($1::uuid[]) as id
     left join (
       select group_id, count(*)::int as principal_count
       from group_principal where group_id = any($1) group by group_id
     ) as counted on counted.group_id = id
     left join (
       select group_id, array_agg(member_group_id order by member_group_id) as member_groups
       from group_nesting where group_id = any($1) group by group_id
     ) as nested on nested.group_id = id`,
    [groups],
  );
  return new Map(
    rows.map((row) => [row.id, { principalCount: row.principal_count, memberGroups: row.member_groups }]),
  );
}

function patternOf(text: string): string {
  return text.replaceAll(/[\\%_]/g, "\\$&");
}

/** Rows stay when groups are deleted, so that whatever is listed can be gone on behind. */
async function placeOf(pool: Pool | PoolClient, org: OrgId, group: GroupId): Promise<string> {
  const { rows } = await pool.query<{ sort_key: string }>(
    "select sort_key from permission_group where org_id = $1 and id = $2",
    [org, group],
  );
  const [row] = rows;
  if (row === undefined) throw invalid("after", "is no group of this list");
  return row.sort_key;
}

interface Row {
  readonly id: GroupId;
  readonly name: string;
  readonly description: string | null;
  readonly built_in: BuiltInGroup | null;
  readonly created: Date;
  readonly sort_key: string;
}
