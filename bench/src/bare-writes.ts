// What a write of an ACL leaves in Postgres, written with nothing around it: in one transaction the lock and the place of the
// organisation's log, the ACL, the event, and the three facts that it changes. The tables have the columns and the indexes of
// the real ones, and all values but the ids are those of a real write.

import { randomUUID } from "node:crypto";
import { factKeyText } from "@portcullis/facts/wire";
import type { FactKey, ObjectId, OrgId, PrincipalId } from "@portcullis/policy";
import pg from "pg";

/** An ACL to write. */
export interface WantedAcl {
  readonly orgId: string;
  readonly projectId: string;
  readonly principalId: string;
  readonly permission: string;
}

/** How many rows there are by now. */
export interface RowCounts {
  readonly acl: number;
  readonly event_log: number;
  readonly fact_change: number;
}

export interface BareWriters extends AsyncDisposable {
  write(writer: number, wanted: WantedAcl): Promise<void>;
}

const schema = "bench";
const tables = ["org_log", "acl", "event_log", "fact_change"] as const;

/** `sample`: a write that was done by the real owner and that the rows are like. */
export async function bareWriters(url: string, writers: number, sample: WantedAcl): Promise<BareWriters> {
  await using parts = new AsyncDisposableStack();
  const clients: pg.Client[] = [];
  for (let writer = 0; writer < writers; writer++) {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    parts.defer(() => client.end());
    clients.push(client);
  }
  const [first] = clients;
  if (first === undefined) throw new Error("there is no writer");
  await first.query(`create schema ${schema}`);
  for (const table of tables) {
    await first.query(`create table ${schema}.${table} (like public.${table} including all)`);
  }
  for (const table of ["org_log", "fact_change"]) {
    await first.query(`insert into ${schema}.${table} select * from public.${table}`);
  }
  const acl = await sampleRow(first, "acl", "org_id = $1 and not built_in order by created desc", [
    sample.orgId,
  ]);
  const event = await sampleRow(first, "event_log", "org_id = $1 order by position desc", [sample.orgId]);
  const whole = parts.move();
  return {
    async write(writer, wanted) {
      const { orgId, projectId, principalId, permission } = wanted;
      const client = clients[writer];
      if (client === undefined) throw new Error("there is no such writer");
      await client.query("begin");
      const { rows } = await client.query<{ position: string }>({
        name: "org_log",
        text: `update ${schema}.org_log set position = position + 1 where org_id = $1 returning position`,
        values: [orgId],
      });
      const [{ position } = { position: "" }] = rows;
      const content = { object_id: projectId, subject_id: principalId, permission };
      await insert(client, "acl", { ...acl, id: randomUUID(), org_id: orgId, ...content });
      await insert(client, "event_log", { ...event, org_id: orgId, position });
      await client.query({
        name: "fact_change",
        text: `insert into ${schema}.fact_change (org_id, fact, position) select $1, unnest($2::text[]), $3
               on conflict (org_id, fact) do update set position = excluded.position`,
        values: [orgId, factsChanged(wanted), position],
      });
      await client.query("commit");
    },
    [Symbol.asyncDispose]: () => whole.disposeAsync(),
  };
}

function factsChanged({ orgId, projectId, principalId }: WantedAcl): string[] {
  const org = orgId as OrgId;
  const object = { type: "project", id: projectId as ObjectId } as const;
  const subject = { kind: "principal", id: principalId as PrincipalId } as const;
  const keys: FactKey[] = [
    { kind: "access", org, object },
    { kind: "acls", org, object },
    { kind: "acls_naming", org, object, subject },
  ];
  return keys.map(factKeyText);
}

/** What the real owner has written, or the bare writers. */
export async function countRows(url: string, whose: "ours" | "bare"): Promise<RowCounts> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const from = whose === "ours" ? "public" : schema;
    const { rows } = await client.query<RowCounts>(
      `select (select count(*)::int from ${from}.acl) as acl, (select count(*)::int from ${from}.event_log) as event_log,
         (select count(*)::int from ${from}.fact_change) as fact_change`,
    );
    const [counts] = rows;
    if (counts === undefined) throw new Error("nothing was counted");
    return counts;
  } finally {
    await client.end();
  }
}

/** All values of a row as Postgres writes them. */
type TextRow = Readonly<Record<string, string | null>>;

async function sampleRow(
  client: pg.Client,
  table: string,
  where: string,
  values: string[],
): Promise<TextRow> {
  const { rows: columns } = await client.query<{ name: string }>(
    `select column_name as name from information_schema.columns
     where table_schema = 'public' and table_name = $1 and is_generated = 'NEVER'`,
    [table],
  );
  const asText = columns.map(({ name }) => `"${name}"::text`).join(", ");
  const { rows } = await client.query<TextRow>(
    `select ${asText} from public.${table} where ${where} limit 1`,
    values,
  );
  const [row] = rows;
  if (row === undefined) throw new Error(`there is no row of ${table}`);
  return row;
}

async function insert(client: pg.Client, table: string, row: TextRow): Promise<void> {
  const names = Object.keys(row);
  await client.query({
    name: table,
    text: `insert into ${schema}.${table} (${names.map((name) => `"${name}"`).join(", ")})
           values (${names.map((_, index) => `$${index + 1}`).join(", ")})`,
    values: Object.values(row),
  });
}
