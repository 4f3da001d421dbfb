// Where a follower stands in the log of another owner.

import type { OrgId, Owner } from "@portcullis/policy";
import type { Database } from "./database.ts";
import type { Statement } from "./query.ts";

interface FollowedPlace {
  /** Null: nothing was followed yet. */
  readonly cursor: { readonly incarnation: string; readonly position: number } | null;
  readonly hasFailed: boolean;
  /** It failed too lately for another attempt. */
  readonly waits: boolean;
}

/** How far a log was followed here, and whether it could not be followed further. */
export async function readPlace(database: Database, source: Owner, org: OrgId): Promise<FollowedPlace> {
  const [row] = await database.ask<{
    incarnation: string | null;
    position: string | null;
    has_failed: boolean;
    waits: boolean;
  }>({
    name: "followed-place",
    text: `select followed_log.incarnation, followed_log.position, follow_failure.org_id is not null as has_failed,
             coalesce(retry_at > now(), false) as waits
           from followed_log full join follow_failure using (org_id, owner) where org_id = $1 and owner = $2`,
    values: [org, source],
  });
  if (row === undefined) return { cursor: null, hasFailed: false, waits: false };
  const { incarnation, position, has_failed: hasFailed, waits } = row;
  const isThere = incarnation !== null && position !== null;
  return { cursor: isThere ? { incarnation, position: Number(position) } : null, hasFailed, waits };
}

/** The organisation, whose log, in which history, and how far. */
export type Place = readonly [OrgId, Owner, string, number];

/** Answers a row if the cursor stands at this place or beyond it. */
export function cursorAt(place: Place): Statement {
  return {
    name: "cursor-at",
    text: `select 1 from followed_log
           where org_id = $1 and owner = $2 and incarnation = $3 and position >= $4`,
    values: place,
  };
}

/** Moves the cursor, and forward only. */
export function cursorMoved(place: Place): Statement {
  return {
    name: "move-cursor",
    text: `insert into followed_log (org_id, owner, incarnation, position) values ($1, $2, $3, $4)
           on conflict (org_id, owner) do update
             set incarnation = excluded.incarnation, position = excluded.position
             where followed_log.incarnation <> excluded.incarnation or followed_log.position < excluded.position`,
    values: place,
  };
}
