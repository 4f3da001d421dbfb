// Several queries as one statement: it sees one moment as a transaction would, and comes and goes once.

import { createHash } from "node:crypto";
import type { ClientBase, Pool } from "pg";

/**
 * One of several queries. `Row` is what JSON makes of its rows: a bigint comes as a number, a time as text. Each
 * placeholder says its type: `$1::uuid[]`.
 */
export interface Subquery<Row> {
  readonly text: string;
  readonly values: readonly unknown[];
  /** Tells the compiler of the rows, and is never set. */
  readonly row?: Row;
}

/** Null: nothing need be asked, as nothing would be found. */
export type Subqueries = Readonly<Record<string, Subquery<object> | null>>;

export type RowsOf<Asked extends Subqueries> = {
  readonly [Name in keyof Asked]: Asked[Name] extends Subquery<infer Row> | null ? readonly Row[] : never;
};

/** The rows of each of these queries. */
export async function readAtOnce<Asked extends Subqueries>(
  client: Pick<ClientBase | Pool, "query">,
  queries: Asked,
): Promise<RowsOf<Asked>> {
  const { rows } = await client.query<Record<string, object[] | null>>(asOneStatement(queries));
  const found = Object.keys(queries).map((name) => [name, rows[0]?.[name] ?? []]);
  return Object.fromEntries(found) as RowsOf<Asked>;
}

/** The statement that asks all of them, named by their names: a connection prepares it once. */
export function asOneStatement(queries: Subqueries): { name: string; text: string; values: unknown[] } {
  const names: string[] = [];
  const columns: string[] = [];
  const values: unknown[] = [];
  for (const [name, query] of Object.entries(queries)) {
    if (query === null) continue;
    names.push(name);
    columns.push(`(select json_agg(one) from (${hidden(query.text, values.length)}) as one) as ${name}`);
    values.push(...query.values);
  }
  return { name: shortened(names.join(" ")), text: `select ${columns.join(", ")}`, values };
}

/** Postgres tells statements apart by so much of their names. */
const nameMax = 63;

function shortened(name: string): string {
  return name.length <= nameMax ? name : createHash("sha256").update(name).digest("base64url");
}

/**
 * Numbers the placeholders on, and hides their values from the planner. It plans a statement anew each time as long as it
 * expects to gain by knowing for how many ids it is, and that takes longer than to find them.
 */
function hidden(text: string, before: number): string {
  return text.replaceAll(
    /\$(\d+)::(\w+(?:\[\])?)/g,
    (_, nth: string, type: string) => `(select $${before + Number(nth)}::${type})::${type}`,
  );
}
