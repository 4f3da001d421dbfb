// The databases that a run of tests has on a server: one to connect to, and behind its name one of each owner with its
// tables, which the databases of each started system are copies of. They are of this run alone, so none is ever stale.

import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { promisify } from "node:util";
import { createDatabases, dropDatabases, type Postgres } from "./postgres.ts";
import { type OwnerName, owners } from "./services.ts";
import { checkout } from "./state-folder.ts";

/** Answers the URL to connect to. Disposing it drops all of them. */
export async function databasesForTests(
  server: Postgres,
): Promise<AsyncDisposable & { readonly url: string }> {
  const run = `run_${randomBytes(6).toString("hex")}`;
  const ready = (owner: OwnerName) => `${run}_${owner}`;
  const all = [run, ...owners.map(ready)];
  const drop = () => dropDatabases(server, all);
  try {
    await createDatabases(server, all);
    await Promise.all(owners.map((owner) => migrate(owner, server.databaseUrl(ready(owner)))));
  } catch (error) {
    await drop();
    throw error;
  }
  return { url: server.databaseUrl(run), [Symbol.asyncDispose]: drop };
}

async function migrate(owner: OwnerName, url: string): Promise<void> {
  const command = join(checkout, "services", owner, "src/migrate.ts");
  await promisify(execFile)(process.execPath, [command], { env: { ...process.env, DATABASE_URL: url } });
}
