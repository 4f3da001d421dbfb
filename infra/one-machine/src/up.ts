// `npm start`: everything on this machine, until Ctrl-C.

import { rmSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { builtConsole } from "./console.ts";
import { makeDemo } from "./demo.ts";
import { greeting } from "./greeting.ts";
import { stopAllLeftOver } from "./leash.ts";
import { takeLock } from "./lock.ts";
import { writeOperatorEnv } from "./operator-env.ts";
import { createDatabases, dropDatabases, givenPostgres, keptPostgres } from "./postgres.ts";
import { oneLine, Problem } from "./problem.ts";
import { Progress } from "./progress.ts";
import { givenRedis, keptRedis } from "./redis.ts";
import { addressOf, choosePorts, databaseOf, owners, runService, type ServiceName } from "./services.ts";
import { keptSecret, makeStateFolder, state } from "./state-folder.ts";
import { StopSignals } from "./stop-signals.ts";

/** What runs, in the order of its start; undone in reverse. */
interface Part extends AsyncDisposable {
  kill(): void;
}

const progress = new Progress();
const tell = (news: string): void => progress.tell(news);
const parts: Part[] = [];

try {
  await main();
} catch (error) {
  process.stderr.write(`portcullis: ${oneLine(error, state)}\n`);
  process.exitCode = 1;
}
// A start that was interrupted may still wait for something; whatever it started ends with us.
process.exit();

async function main(): Promise<void> {
  const { reset } = options();
  makeStateFolder();
  using lock = await takeLock(join(state, "lock"));
  using stop = new StopSignals(() => {
    for (const part of parts) part.kill();
    lock[Symbol.dispose]();
    process.exit(130);
  });
  try {
    const started = start(reset).then(() => true);
    started.catch(() => {});
    if (await Promise.race([started, stop.asked.then(() => false)])) await stop.asked;
  } finally {
    lock.stopping();
    if (parts.length > 0) tell("stopping");
    for (const part of parts.toReversed()) await part[Symbol.asyncDispose]();
    if (parts.length > 0) tell("stopped; the data is kept");
  }
}

function options(): { readonly reset: boolean } {
  try {
    return parseArgs({ options: { reset: { type: "boolean", default: false } } }).values;
  } catch {
    throw new Problem("npm start takes one option, which begins anew: npm start -- --reset");
  }
}

async function start(reset: boolean): Promise<void> {
  await stopAllLeftOver(join(state, "running"));
  const ports = await choosePorts(process.env);
  const { DATABASE_URL, REDIS_URL } = process.env;
  if (reset) forget({ postgres: !DATABASE_URL, redis: !REDIS_URL });

  const postgres = await progress.step(
    "Postgres",
    async () =>
      begun(await (DATABASE_URL ? givenPostgres(DATABASE_URL, "DATABASE_URL") : keptPostgres(tell))),
    ({ description }) => `Postgres, ${description}`,
  );
  const redis = await progress.step(
    "Redis",
    async () => begun(await (REDIS_URL ? givenRedis(REDIS_URL, "REDIS_URL") : keptRedis(tell))),
    ({ description }) => `Redis, ${description}`,
  );
  const databases = owners.map(databaseOf);
  if (reset) await dropDatabases(postgres, databases);
  await createDatabases(postgres, databases);
  writeOperatorEnv({ databaseUrl: (owner) => postgres.databaseUrl(databaseOf(owner)), redisUrl: redis.url });

  if (!process.env["PORTCULLIS_CONSOLE_FOLDER"]) {
    await progress.step("the console", builtConsole, (folder) => `the console, built in ${folder}`);
  }
  const serviceCredential = keptSecret(join(state, "service-credential"));
  const surroundings = { ports, postgres, redis, serviceCredential, tell };
  // Decision waits for nobody, and the console for a Check.
  const together: readonly (readonly ServiceName[])[] = [[...owners, "decision"], ["admin"]];
  for (const group of together) {
    const start = async (service: ServiceName) => begun(await runService(service, surroundings));
    await progress.step(
      group.join(", "),
      () => Promise.all(group.map(start)),
      () => group.map((service) => `${service} at ${addressOf(service, ports)}`).join(", "),
    );
  }

  const demo = await progress.step("the demo organisation", () => makeDemo({ ports, serviceCredential }));
  process.stdout.write(greeting(demo));
}

function begun<T extends Part>(part: T): T {
  parts.push(part);
  return part;
}

/** Removes what was kept, but not what was fetched to run it, nor what is not in use. */
function forget(embedded: { readonly postgres: boolean; readonly redis: boolean }): void {
  const kept = [
    "demo.env",
    "operator.env",
    "service-credential",
    ...(embedded.postgres ? ["postgres/data", "postgres-password"] : []),
    ...(embedded.redis ? ["redis/data", "redis-password"] : []),
  ];
  for (const name of kept) rmSync(join(state, name), { recursive: true, force: true });
}
