import type { GroupId, OrgId, PrincipalId } from "@portcullis/policy";
import type { Database } from "@portcullis/store";
import { idArray } from "./contents.ts";

/** The first principals, by id, that any of these groups names directly; no group is read further than that. */
export async function principalsOf(
  database: Database,
  org: OrgId,
  groups: readonly GroupId[],
  limit: number,
): Promise<PrincipalId[]> {
  const rows = await database.read((em) =>
    em.execute<{ principal_id: PrincipalId }[]>(
      `select distinct named.principal_id from unnest(?::uuid[]) as wanted (id)
       cross join lateral (
         select principal_id from group_principal where group_id = wanted.id and org_id = ?
         order by principal_id limit ?
       ) named
       order by named.principal_id limit ?`,
      [idArray(groups), org, limit, limit],
    ),
  );
  return rows.map((row) => row.principal_id);
}
