// What the role that a service runs as may do to the tables of its database.

import pg from "pg";

export interface Roles {
  readonly service: string | undefined;
  readonly reader: string | undefined;
}

/** Less than all: a service that was taken over can't change the log, the name of its history, or what was migrated. */
const lesser: Readonly<Record<string, string>> = {
  event_log: "select, insert",
  history: "select",
  migrations: "select",
};
const usual = "select, insert, update, delete";

/** Grants exactly this, and takes back what was granted beyond it, all at one moment. */
export async function grantUse(url: string, { service, reader }: Roles): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows: tables } = await client.query<{ name: string; kind: "r" | "v"; ours: boolean }>(
      `select relname as name, relkind as kind, pg_has_role(relowner, 'usage') as ours from pg_class
       where relnamespace = 'public'::regnamespace and relkind in ('r', 'v') order by 1`,
    );
    // To grant what one does not own does nothing, without an error.
    const foreign = tables.find(({ ours }) => !ours);
    if (foreign !== undefined) throw new Error(`this role does not own the table ${foreign.name}`);
    const statements = tables.flatMap(({ name, kind }) => [
      ...(service === undefined
        ? []
        : granting(kind === "v" ? "select" : (lesser[name] ?? usual), name, service)),
      ...(reader === undefined ? [] : granting("select", name, reader)),
    ]);
    await client.query(["begin", ...statements, "commit"].join(";\n"));
  } finally {
    await client.end();
  }
}

function granting(privileges: string, table: string, role: string): string[] {
  const [on, to] = [pg.escapeIdentifier(table), pg.escapeIdentifier(role)];
  return [`revoke all on ${on} from ${to}`, `grant ${privileges} on ${on} to ${to}`];
}
