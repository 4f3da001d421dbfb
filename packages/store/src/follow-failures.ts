// What a follower could not do, beside its cursors: an operator sees where work is stuck and why, and it is tried again
// less and less often.

import { Migration } from "@mikro-orm/migrations";
import type { OrgId, Owner } from "@portcullis/policy";
import type { Database } from "./database.ts";

export class FollowFailures extends Migration {
  override name = "0001-follow-failures";

  override up(): void {
    this.addSql(`
      create table follow_failure (
        org_id uuid not null,
        owner text not null,
        position bigint not null,
        reason text not null,
        attempts int not null,
        since timestamptz(3) not null,
        last_at timestamptz(3) not null,
        retry_at timestamptz(3) not null,
        primary key (org_id, owner)
      );
    `);
  }
}

/** So many attempts come as doorbells and their own repetitions bring them; then waits that double follow. */
const promptAttempts = 10;
const firstWait = "30 seconds";
const longestWait = "10 minutes";
const reasonMax = 1000;

/** Notes that the log of an organisation can't be followed past this position. */
export async function noteFailure(
  { pool }: Database,
  source: Owner,
  org: OrgId,
  failure: { readonly position: number; readonly reason: string },
): Promise<void> {
  const reason = failure.reason.replaceAll(/\p{Cc}+/gu, " ").slice(0, reasonMax);
  await pool.query(
    `insert into follow_failure as known (org_id, owner, position, reason, attempts, since, last_at, retry_at)
     values ($1, $2, $3, $4, 1, now(), now(), date_trunc('milliseconds', now())) -- rounded up it would lie ahead
     on conflict (org_id, owner) do update set
       position = excluded.position, reason = excluded.reason, last_at = excluded.last_at,
       since = case when known.position = excluded.position then known.since else excluded.since end,
       attempts = case when known.position = excluded.position then known.attempts + 1 else 1 end,
       retry_at = case when known.position <> excluded.position or known.attempts < $5::int then excluded.retry_at
         else now() + least($6::interval, $7::interval * power(2, least(known.attempts - $5::int, 20))) end`,
    [org, source, failure.position, reason, promptAttempts, longestWait, firstWait],
  );
}

/** Forgets the failure: the log is followed again. */
export async function forgetFailure({ pool }: Database, source: Owner, org: OrgId): Promise<void> {
  await pool.query("delete from follow_failure where org_id = $1 and owner = $2", [org, source]);
}
