import { traced } from "@portcullis/chassis/trace";
import type { OrgId } from "@portcullis/policy";
import type { Revision } from "@portcullis/proto/events/v1/events";
import type { PoolClient } from "pg";
import type { Database } from "./database.ts";
import { databaseWork } from "./database-work.ts";
import { headsOf, headsQuery, incarnationOf, incarnationQuery } from "./event-log.ts";
import { databaseFault } from "./faults.ts";
import { type RowsOf, readAtOnce, type Subqueries } from "./read-at-once.ts";

/** What several queries find, all at one moment. */
export async function readNow<Asked extends Subqueries>(
  database: Database,
  queries: Asked,
): Promise<RowsOf<Asked>> {
  return connected(database, (client) => readAtOnce(client, queries));
}

/** All reads of the body see one moment, at which the organisation's log stood at the revision. */
export async function snapshotOf<Result>(
  database: Database,
  org: OrgId,
  body: (client: PoolClient) => Promise<Result>,
): Promise<{ readonly result: Result; readonly revision: Revision }> {
  return connected(database, async (client) => {
    await client.query("begin isolation level repeatable read read only");
    const at = await readAtOnce(client, { heads: headsQuery([org]), incarnation: incarnationQuery });
    const position = headsOf(at.heads).get(org) ?? 0;
    const incarnation = incarnationOf(at.incarnation);
    const result = await body(client);
    await client.query("commit");
    return { result, revision: { orgId: org, owner: database.owner, position, incarnation } };
  });
}

/** Lends a connection. One on which something has failed is not used again. */
function connected<Result>(
  database: Database,
  body: (client: PoolClient) => Promise<Result>,
): Promise<Result> {
  return traced(databaseWork(database.owner, "snapshot"), async () => {
    try {
      const client = await database.pool.connect();
      let failed = true;
      try {
        await discardOldPlans(client);
        const result = await body(client);
        failed = false;
        return result;
      } finally {
        client.release(failed);
      }
    } catch (error) {
      throw databaseFault(error);
    }
  });
}

/** A plan may have been made when a table was so small that it was best read whole. */
const plansMs = 10_000;

/** Since when a connection goes by the plans that it has made. */
const plannedSince = new WeakMap<PoolClient, number>();

async function discardOldPlans(client: PoolClient): Promise<void> {
  const now = performance.now();
  const since = plannedSince.get(client);
  if (since !== undefined && now - since < plansMs) return;
  plannedSince.set(client, now);
  if (since !== undefined) await client.query("discard plans");
}
