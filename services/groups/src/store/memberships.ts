// Who is in what, read without the groups themselves. All of it counts for live groups alone.

import type { GroupId, OrgId, PrincipalId } from "@portcullis/policy";
import type { Pool, PoolClient } from "pg";

/** A principal directly in a group. */
export interface TimedMembership {
  readonly principal: PrincipalId;
  readonly group: GroupId;
  /** Null: since before that was kept. */
  readonly added: Date | null;
}

/** Those directly in a group, in ascending order; null: there is no such group. */
export async function principalsIn(
  pool: Pool,
  org: OrgId,
  group: GroupId,
  {
    among,
    after,
    limit,
  }: {
    readonly among: readonly PrincipalId[] | null;
    readonly after: PrincipalId | null;
    readonly limit: number;
  },
): Promise<PrincipalId[] | null> {
  const { rows } = await pool.query<{ ids: PrincipalId[] }>(
    `select array(
       select principal_id from group_principal
       where group_id = live.id and org_id = $1 and ($3::uuid[] is null or principal_id = any($3))
         and ($4::uuid is null or principal_id > $4)
       order by principal_id limit $5
     ) as ids
     from permission_group live where id = $2 and org_id = $1 and deleted_at is null`,
    [org, group, among, after, limit],
  );
  return rows[0]?.ids ?? null;
}

/** By principal, then by group. */
export async function membershipsNaming(
  pool: Pool,
  org: OrgId,
  principals: readonly PrincipalId[],
): Promise<TimedMembership[]> {
  const { rows } = await pool.query<{ principal_id: PrincipalId; group_id: GroupId; added: Date | null }>(
    `select principal_id, group_id, added from group_principal direct
     join permission_group live on live.id = group_id and live.org_id = direct.org_id and deleted_at is null
     where direct.org_id = $1 and principal_id = any($2::uuid[])
     order by principal_id, group_id`,
    [org, principals],
  );
  return rows.map((row) => ({ principal: row.principal_id, group: row.group_id, added: row.added }));
}

/** Those that hold nobody: that somebody is in a group makes it and all around it hold somebody. */
export async function emptyAmong(
  client: PoolClient,
  org: OrgId,
  groups: readonly GroupId[],
): Promise<GroupId[]> {
  const { rows } = await client.query<{ id: GroupId }>(
    `with recursive live as (
       select id from permission_group where org_id = $1 and deleted_at is null
     ), holding (id) as (
       select id from live where exists (select from group_principal where group_id = live.id and org_id = $1)
       union
       select live.id from holding join group_nesting on member_group_id = holding.id and org_id = $1
         join live on live.id = group_nesting.group_id
     )
     select id from live where id = any($2::uuid[]) and id not in (select id from holding) order by id`,
    [org, groups],
  );
  return rows.map(({ id }) => id);
}
