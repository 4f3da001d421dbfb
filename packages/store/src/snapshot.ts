import { traced } from "@portcullis/chassis/trace";
import type { OrgId } from "@portcullis/policy";
import type { Revision } from "@portcullis/proto/events/v1/events";
import type { PoolClient } from "pg";
import type { Database } from "./database.ts";
import { databaseWork } from "./database-work.ts";
import { readHeads } from "./event-log.ts";
import { databaseFault } from "./faults.ts";

/** All reads of the body see one moment. */
export async function snapshot<Result>(
  database: Database,
  body: (client: PoolClient) => Promise<Result>,
): Promise<Result> {
  return traced(databaseWork(database.owner, "snapshot"), () => readInSnapshot(database, body));
}

async function readInSnapshot<Result>(
  database: Database,
  body: (client: PoolClient) => Promise<Result>,
): Promise<Result> {
  try {
    const client = await database.pool.connect();
    let broken: Error | undefined;
    try {
      await client.query("begin isolation level repeatable read read only");
      const result = await body(client);
      await client.query("commit");
      return result;
    } catch (error) {
      await client.query("rollback").catch((failure: Error) => {
        broken = failure;
      });
      throw error;
    } finally {
      client.release(broken);
    }
  } catch (error) {
    throw databaseFault(error);
  }
}

/** The same, and where the organisation's log stood at that moment. */
export async function snapshotOf<Result>(
  database: Database,
  org: OrgId,
  body: (client: PoolClient) => Promise<Result>,
): Promise<{ readonly result: Result; readonly revision: Revision }> {
  return snapshot(database, async (client) => {
    const heads = await readHeads(client, [org]);
    const incarnation = await readIncarnation(client);
    const revision = { orgId: org, owner: database.owner, position: heads.get(org) ?? 0, incarnation };
    return { result: await body(client), revision };
  });
}

export async function readIncarnation(client: PoolClient): Promise<string> {
  const { rows } = await client.query<{ incarnation: string }>({
    name: "incarnation",
    text: "select incarnation()",
  });
  return rows[0]?.incarnation ?? "";
}
