// The tables of an owner's database: the log's own first, then the owner's. They are made by the service when it starts, or
// before that by a command whose role may change tables, so that the service's own may not.

import type { MigrationObject } from "@mikro-orm/core";
import { Migrator } from "@mikro-orm/migrations";
import { MikroORM } from "@mikro-orm/postgresql";
import { runCommand } from "@portcullis/chassis/run";
import type { Owner } from "@portcullis/policy";
import pg from "pg";
import { z } from "zod";
import { FollowFailures } from "./follow-failures.ts";
import { AuditIndexes, AuditMentions, LogChain, LogChainPlan } from "./log-chain.ts";
import { FollowedLogs, LogDependencies, LogTables, LogTraces } from "./log-tables.ts";
import { grantUse } from "./privileges.ts";

const migrationsTable = "migrations";

/** All that an owner's database takes, in order. */
function migrationsOf(own: readonly MigrationObject[]): MigrationObject[] {
  return [
    { name: "0001-log-tables", class: LogTables },
    { name: "0001-followed-logs", class: FollowedLogs },
    { name: "0001-log-chain", class: LogChain },
    { name: "0001-audit-indexes", class: AuditIndexes },
    { name: "0001-log-dependencies", class: LogDependencies },
    { name: "0001-follow-failures", class: FollowFailures },
    { name: "0001-log-chain-plan", class: LogChainPlan },
    { name: "0001-log-traces", class: LogTraces },
    { name: "0001-audit-mentions", class: AuditMentions },
    ...own,
  ];
}

/** Brings the tables up to date; two processes may do so at once. */
export async function migrate(url: string, own: readonly MigrationObject[]): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  try {
    await client.connect();
    // A migration is noted in the transaction that runs it: what is noted has no need of the lock.
    if ((await missingIn(client, own)).length === 0) return;
    // The lock is the session's, not a transaction's: each migration runs in a transaction of its own.
    await client.query("select pg_advisory_lock(hashtext('portcullis migrations'))");
    await runMissing(url, own);
  } finally {
    await client.end();
  }
}

async function runMissing(url: string, own: readonly MigrationObject[]): Promise<void> {
  const orm = await MikroORM.init({
    clientUrl: url,
    entities: [],
    discovery: { warnWhenNoEntities: false },
    extensions: [Migrator],
    colors: false,
    logger: () => undefined,
    migrations: { migrationsList: migrationsOf(own), snapshot: false, tableName: migrationsTable },
  });
  try {
    await orm.migrator.up();
  } finally {
    await orm.close(true);
  }
}

/** Throws unless all migrations have run. Those of a newer release do no harm: it keeps what this one needs. */
export async function requireMigrated(pool: pg.Pool, own: readonly MigrationObject[]): Promise<void> {
  const missing = await missingIn(pool, own);
  if (missing.length > 0) {
    throw new Error(`the database is not migrated: it lacks ${missing.join(", ")}`);
  }
}

/** The names of the migrations that have not run. */
async function missingIn(database: pg.Client | pg.Pool, own: readonly MigrationObject[]): Promise<string[]> {
  const { rows: found } = await database.query<{ there: boolean }>(
    "select to_regclass($1) is not null as there",
    [migrationsTable],
  );
  const { rows: done } =
    found[0]?.there === true
      ? await database.query<{ name: string }>(`select name from ${migrationsTable}`)
      : { rows: [] };
  return migrationsOf(own)
    .map(({ name }) => name)
    .filter((name) => !done.some((row) => row.name === name));
}

const role = z.string().regex(/^[a-z_][a-z0-9_]{0,62}$/, "must be the name of a role");

const migrateConfig = z.object({
  /** The owner's database, as a role that may make and change tables there. */
  DATABASE_URL: z.url(),
  /** The role of the service: it is granted what the service needs, and no more. */
  PORTCULLIS_DATABASE_ROLE: role.optional(),
  /** The role that reads from replicas. */
  PORTCULLIS_DATABASE_READER_ROLE: role.optional(),
});

/** The command that migrates an owner's database, and says who may use it. It may be repeated at any time. */
export async function runMigrate(owner: Owner, own: readonly MigrationObject[]): Promise<void> {
  await runCommand(`${owner} migrate`, migrateConfig, async (config) => {
    await migrate(config.DATABASE_URL, own);
    await grantUse(config.DATABASE_URL, {
      service: config.PORTCULLIS_DATABASE_ROLE,
      reader: config.PORTCULLIS_DATABASE_READER_ROLE,
    });
  });
}
