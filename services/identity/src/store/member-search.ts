// Members by name. One index holds each organisation in that order, and is read until the page is full, and nothing else.

import { invalid } from "@portcullis/chassis/fault";
import type { OrgId, PrincipalId, PrincipalKind } from "@portcullis/policy";
import type { Pool, PoolClient } from "pg";
import type { Principal } from "../domain/principal.ts";

export interface WantedMembers {
  /** Anywhere in the name or e-mail address, without regard to case; empty: all. */
  readonly text: string;
  readonly kind: PrincipalKind | null;
  /** Null: all. */
  readonly among: readonly PrincipalId[] | null;
  readonly after: PrincipalId | null;
  readonly limit: number;
}

export interface FoundMember {
  readonly principal: Principal;
  readonly joined: Date;
  readonly sortKey: string;
}

/** Spelled out, so that the index of that kind is used. */
const ofKind: Readonly<Record<PrincipalKind, string>> = {
  user: "and kind = 'user'",
  service_account: "and kind = 'service_account'",
};

/** At most `limit` of them, in the order of the list. */
export async function searchMembers(
  pool: Pool | PoolClient,
  org: OrgId,
  wanted: WantedMembers,
): Promise<FoundMember[]> {
  const behind = wanted.after === null ? null : await placeOf(pool, org, wanted.after);
  const { rows } = await pool.query<Row>(
    `select member.id, member.kind, email, given_name, family_name, avatar_url, created, joined, found.sort_key
     from (
       select principal_id, sort_key from listed_member
       where ${matching(wanted.kind)} and ($4::text is null or (sort_key, principal_id) > ($4, $5::uuid))
       order by sort_key, principal_id limit $6
     ) found
     join active_member member on member.id = found.principal_id and member.org_id = $1
     join membership on membership.principal_id = found.principal_id and membership.org_id = $1
     order by found.sort_key, found.principal_id`,
    [...valuesOf(org, wanted), behind, wanted.after, wanted.limit],
  );
  return rows.map((row) => ({
    principal: {
      id: row.id,
      kind: row.kind,
      email: row.email,
      givenName: row.given_name,
      familyName: row.family_name,
      avatarUrl: row.avatar_url,
      created: row.created,
    },
    joined: row.joined,
    sortKey: row.sort_key,
  }));
}

/** How many there are on all pages together. */
export async function countMembers(
  pool: Pool | PoolClient,
  org: OrgId,
  wanted: WantedMembers,
): Promise<number> {
  const { rows } = await pool.query<{ total: number }>(
    `select count(*)::int as total from listed_member where ${matching(wanted.kind)}`,
    valuesOf(org, wanted),
  );
  return rows[0]?.total ?? 0;
}

function matching(kind: PrincipalKind | null): string {
  return `org_id = $1 ${kind === null ? "" : ofKind[kind]}
    and ($2 = '' or search_text like '%' || search_key($2) || '%')
    and ($3::uuid[] is null or principal_id = any($3))`;
}

function valuesOf(org: OrgId, { text, among }: WantedMembers): unknown[] {
  return [org, text.replaceAll(/[\\%_]/g, "\\$&"), among];
}

/** Rows stay when memberships end, so that whoever is listed can be gone on behind. */
async function placeOf(pool: Pool | PoolClient, org: OrgId, member: PrincipalId): Promise<string> {
  const { rows } = await pool.query<{ sort_key: string }>(
    `select sort_key from membership join named_principal on id = principal_id
     where org_id = $1 and principal_id = $2`,
    [org, member],
  );
  const [row] = rows;
  if (row === undefined) throw invalid("after", "is no member of this list");
  return row.sort_key;
}

interface Row {
  readonly id: PrincipalId;
  readonly kind: PrincipalKind;
  readonly email: string | null;
  readonly given_name: string | null;
  readonly family_name: string | null;
  readonly avatar_url: string | null;
  readonly created: Date;
  readonly joined: Date;
  readonly sort_key: string;
}
