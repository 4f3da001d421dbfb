import {
  type BuiltInGroup,
  builtInGroups,
  type FactKey,
  type GroupId,
  type GroupNode,
  type OrgId,
} from "@portcullis/policy";
import type { FactReading, Subquery } from "@portcullis/store";

interface MembershipsRow {
  readonly org_id: OrgId;
  readonly principal_id: string;
  readonly group_ids: GroupId[] | null;
}

interface GroupRow {
  readonly org_id: OrgId;
  readonly id: GroupId;
  readonly built_in: string | null;
  readonly member_groups: GroupId[] | null;
}

type Asked = {
  readonly memberships: Subquery<MembershipsRow> | null;
  readonly groups: Subquery<GroupRow> | null;
};

/** The memberships and groups facts. Rows that name a group which is not live, or another organisation's, say nothing. */
export function readFacts(keys: readonly FactKey[]): FactReading<Asked> {
  return {
    queries: { memberships: membershipsQuery(keys), groups: groupsQuery(keys) },
    values(rows) {
      const memberships = new Map(
        rows.memberships.map((row) => [`${row.org_id} ${row.principal_id}`, row.group_ids]),
      );
      const groups = groupsOf(rows.groups);
      return keys.map((key) =>
        key.kind === "memberships"
          ? (memberships.get(`${key.org} ${key.principal}`) ?? [])
          : (groups.get(key.org) ?? new Map<GroupId, GroupNode>()),
      );
    },
  };
}

function membershipsQuery(keys: readonly FactKey[]): Subquery<MembershipsRow> | null {
  const wanted = keys.filter((key) => key.kind === "memberships");
  if (wanted.length === 0) return null;
  return {
    text: `select wanted.*, direct.group_ids from unnest($1::uuid[], $2::uuid[]) as wanted (org_id, principal_id)
           cross join lateral (
             select array_agg(group_id order by group_id) as group_ids
             from group_principal cross join lateral (${byId("group_id")}) as live
             where group_principal.org_id = wanted.org_id and principal_id = wanted.principal_id
               and live.org_id = wanted.org_id and live.deleted_at is null
           ) as direct`,
    values: [wanted.map((key) => key.org), wanted.map((key) => key.principal)],
  };
}

function groupsQuery(keys: readonly FactKey[]): Subquery<GroupRow> | null {
  const orgs = keys.flatMap((key) => (key.kind === "groups" ? [key.org] : []));
  if (orgs.length === 0) return null;
  return {
    text: `select outer_group.org_id, outer_group.id, outer_group.built_in,
             array_agg(inner_group.id order by inner_group.id)
               filter (where inner_group.id is not null) as member_groups
           from permission_group outer_group
           left join lateral (
             select org_id, member_group_id from group_nesting where group_nesting.group_id = outer_group.id offset 0
           ) as nesting on nesting.org_id = outer_group.org_id
           left join lateral (${byId("nesting.member_group_id")}) as inner_group
             on inner_group.org_id = outer_group.org_id and inner_group.deleted_at is null
           where outer_group.org_id = any($1::uuid[]) and outer_group.deleted_at is null
           group by outer_group.id
           order by outer_group.id`,
    values: [orgs],
  };
}

/**
 * A group found by its id, and looked at then, as nestings above: by another index, and with statistics of a time when there
 * were few, the planner would compare each of ten thousand with each.
 */
function byId(id: string): string {
  return `select id, org_id, deleted_at from permission_group where permission_group.id = ${id} offset 0`;
}

function groupsOf(rows: readonly GroupRow[]): ReadonlyMap<OrgId, ReadonlyMap<GroupId, GroupNode>> {
  const found = new Map<OrgId, Map<GroupId, GroupNode>>();
  for (const row of rows) {
    const groups = found.get(row.org_id) ?? new Map<GroupId, GroupNode>();
    groups.set(row.id, { memberGroups: row.member_groups ?? [], builtIn: builtInOf(row.built_in) });
    found.set(row.org_id, groups);
  }
  return found;
}

function builtInOf(word: string | null): BuiltInGroup | null {
  return word !== null && Object.hasOwn(builtInGroups, word) ? (word as BuiltInGroup) : null;
}
