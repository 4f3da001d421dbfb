// Postgres without an installation: the one that the registry ships, or the one that a URL names.

import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { onFreePort, PortTaken } from "./free-port.ts";
import { type Kept, keepRunning } from "./keep-running.ts";
import { type Leashed, signalQuietly, startOnLeash, stopLeftOver, stopProcess } from "./leash.ts";
import { makeServerFolder, type PostgresProgram, preparePostgresProgram } from "./postgres-program.ts";
import { fullDisk, isFullDisk, Problem } from "./problem.ts";
import { commandOf, identityOf } from "./process-identity.ts";
import { keptSecret, state, writePrivately } from "./state-folder.ts";

/** A Postgres server that answers. Disposing it stops the server if it is ours. */
export interface Postgres extends AsyncDisposable {
  /** The URL of its maintenance database. Holds a password. */
  readonly url: string;
  /** What to tell people about it. */
  readonly description: string;
  databaseUrl(database: string): string;
  /** Ends it at once, if it is ours. */
  kill(): void;
}

/**
 * The server of this checkout, with its data under `.portcullis/postgres`; started again when it ends by itself.
 * The data bears one run at a time.
 */
export async function keptPostgres(tell: (news: string) => void): Promise<Postgres> {
  const program = preparePostgresProgram();
  const launch = {
    data: join(program.home, "data"),
    password: keptSecret(join(state, "postgres-password")),
    log: join(state, "logs/postgres.log"),
    record: join(state, "running/postgres"),
    durable: true,
  };
  return onFreePort(async (port) => {
    const start = () => startPostgres(program, launch, port);
    return ours(launch, port, await keepRunning({ name: "Postgres", start, tell }));
  });
}

/** A server of a test's own, whose processes can be stopped as no test of others would survive it. */
export interface ThrowawayPostgres extends Postgres {
  /** Ends all its processes in the middle of what they do, and waits until they are gone. */
  crash(): Promise<void>;
  /** Starts it again after a crash, at the same address, with all that was committed. */
  recover(): Promise<void>;
  /** Stops all its processes where they are; answers how to let them go on. */
  freeze(): Promise<() => void>;
  /** Starts a server that follows this one, and answers what it has applied so far. */
  startReplica(): Promise<ThrowawayPostgres>;
}

/** An empty server for tests: quick, safe from its own crashes alone, gone with its data when disposed. */
export async function throwawayPostgres(): Promise<ThrowawayPostgres> {
  const program = preparePostgresProgram();
  sweep(program.home);
  return startThrowaway(program, throwawayLaunch(program, randomBytes(24).toString("base64url")));
}

function throwawayLaunch(program: PostgresProgram, password: string): Launch {
  const folder = mkdtempSync(join(program.home, `${throwaway}${process.pid}-`));
  makeServerFolder(program, folder);
  const [data, log, record] = ["data", "log", "running"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  return { data, password, log, record, durable: false };
}

async function startThrowaway(program: PostgresProgram, launch: Launch): Promise<ThrowawayPostgres> {
  return onFreePort(async (port) => {
    let server = await startPostgres(program, launch, port);
    return {
      ...ours(launch, port, {
        kill: () => server.kill(),
        async [Symbol.asyncDispose]() {
          await server.stop();
          rmSync(dirname(launch.data), { recursive: true });
        },
      }),
      async startReplica() {
        const replica = throwawayLaunch(program, launch.password);
        await copyData(program, { from: launch, port, to: replica });
        return startThrowaway(program, replica);
      },
      async crash() {
        process.kill(server.pid, "SIGQUIT");
        await server.ended;
      },
      async recover() {
        server = await startPostgres(program, launch, port);
      },
      async freeze() {
        const pids = [server.pid, ...(await processesOf(urlOf(launch, port)))];
        for (const pid of pids) signalQuietly(pid, "SIGSTOP");
        return () => {
          for (const pid of pids) signalQuietly(pid, "SIGCONT");
        };
      },
    };
  });
}

interface Copying {
  readonly from: Launch;
  readonly port: number;
  readonly to: Launch;
}

/** Copies a server's files while it goes on, for one that is to follow it: the embedded Postgres has no pg_basebackup. */
async function copyData(program: PostgresProgram, { from, port, to }: Copying): Promise<void> {
  const client = new pg.Client({ connectionString: urlOf(from, port) });
  await client.connect();
  try {
    await client.query("select pg_backup_start('replica', true)");
    const copied = spawnSync("cp", ["-a", from.data, to.data], { encoding: "utf8" });
    if (copied.status !== 0) throw new Error(`the data can't be copied: ${copied.stderr}`);
    const { rows } = await client.query<{ labelfile: string }>("select labelfile from pg_backup_stop()");
    const source = `host=127.0.0.1 port=${port} user=postgres password=${from.password}`;
    const files = {
      backup_label: rows[0]?.labelfile ?? "",
      "standby.signal": "",
      "postgresql.auto.conf": `primary_conninfo = '${source}'\n`,
    };
    rmSync(join(to.data, "postmaster.pid"), { force: true });
    for (const [name, content] of Object.entries(files)) {
      const file = join(to.data, name);
      writePrivately(file, content);
      if (program.uid !== undefined && program.gid !== undefined) chownSync(file, program.uid, program.gid);
    }
  } finally {
    await client.end();
  }
}

/** Those that serve somebody or work behind them. */
async function processesOf(url: string): Promise<number[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const found = await client.query<{ pid: number }>(
      "select pid from pg_stat_activity where pid <> pg_backend_pid()",
    );
    return found.rows.map(({ pid }) => pid);
  } finally {
    await client.end();
  }
}

/** The server that a URL names. It is never stopped. */
export async function givenPostgres(url: string, variable: string): Promise<Postgres> {
  if (!URL.canParse(url) || !/^postgres(ql)?:$/.test(new URL(url).protocol)) {
    throw new Problem(`${variable} must look like postgres://user:password@host:5432/postgres`);
  }
  const maintenance = new URL(url);
  if (maintenance.pathname.length < 2) maintenance.pathname = "/postgres";
  const refused = await refusal(maintenance.href);
  if (refused !== null) {
    throw new Problem(
      `${variable}: Postgres at ${maintenance.host} does not answer (${refused}): start it or mend the URL, ` +
        `or unset ${variable} to use the embedded one`,
    );
  }
  return {
    ...named(maintenance.href),
    description: `the one at ${maintenance.host}`,
    kill: () => {},
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** Makes the databases that are not there yet. */
export async function createDatabases(server: Postgres, names: readonly string[]): Promise<void> {
  await administer(server, async (client) => {
    const found = await client.query<{ datname: string }>("select datname from pg_database");
    const missing = names.filter((name) => !found.rows.some((row) => row.datname === name));
    for (const name of missing) await client.query(`create database ${pg.escapeIdentifier(name)}`);
  });
}

/** Removes databases with all that they hold, whoever is connected. */
export async function dropDatabases(server: Postgres, names: readonly string[]): Promise<void> {
  await administer(server, async (client) => {
    for (const name of names) {
      await client.query(`drop database if exists ${pg.escapeIdentifier(name)} with (force)`);
    }
  });
}

async function administer(server: Postgres, work: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = new pg.Client({ connectionString: server.url });
  client.on("error", () => {});
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}

interface Launch {
  readonly data: string;
  readonly password: string;
  readonly log: string;
  readonly record: string;
  readonly durable: boolean;
}

async function startPostgres(program: PostgresProgram, launch: Launch, port: number): Promise<Leashed> {
  await stopLeftOver(launch.record);
  await stopServerOf(launch.data);
  if (!existsSync(join(launch.data, "PG_VERSION"))) initialise(program, launch);
  requireSameVersion(program, launch.data);
  const server = await startOnLeash({
    command: join(program.bin, "postgres"),
    args: ["-D", launch.data, ...settings({ port, durable: launch.durable })],
    stopSignal: "SIGINT",
    lingerSeconds: 3,
    log: launch.log,
    record: launch.record,
    cwd: launch.data,
    env: environment(),
    uid: program.uid,
    gid: program.gid,
  });
  if (await answers(urlOf(launch, port), server)) return server;
  const said = server.said().join("\n");
  if (/address already in use/i.test(said)) throw new PortTaken(`port ${port} is taken`);
  throw didNotStart(said, launch);
}

function ours(launch: Launch, port: number, server: Kept): Postgres {
  return {
    ...named(urlOf(launch, port)),
    description: `embedded, at 127.0.0.1:${port}`,
    kill: () => server.kill(),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

function urlOf(launch: Launch, port: number): string {
  return `postgres://postgres:${launch.password}@127.0.0.1:${port}/postgres`;
}

function named(url: string): Pick<Postgres, "url" | "databaseUrl"> {
  return {
    url,
    databaseUrl(database) {
      const other = new URL(url);
      other.pathname = `/${database}`;
      return other.href;
    },
  };
}

/** The cluster appears under its name only when it is whole, so that an interrupted start leaves nothing half done. */
function initialise(program: PostgresProgram, launch: Launch): void {
  const half = `${launch.data}.new`;
  const passwordFile = `${launch.data}.password`;
  rmSync(half, { recursive: true, force: true });
  makeServerFolder(program, half);
  try {
    writePrivately(passwordFile, launch.password);
    if (program.uid !== undefined && program.gid !== undefined)
      chownSync(passwordFile, program.uid, program.gid);
    const made = spawnSync(
      join(program.bin, "initdb"),
      [
        `--pgdata=${half}`,
        "--username=postgres",
        "--auth=scram-sha-256",
        `--pwfile=${passwordFile}`,
        "--encoding=UTF8",
        // The same order and case rules on every machine.
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        "--locale=C",
        ...(launch.durable ? [] : ["--no-sync"]),
      ],
      { cwd: half, env: environment(), encoding: "utf8", uid: program.uid, gid: program.gid },
    );
    if (made.error) throw made.error;
    if (made.status !== 0) throw didNotStart(`${made.stdout}\n${made.stderr}`, launch);
    renameSync(half, launch.data);
  } finally {
    rmSync(passwordFile, { force: true });
    rmSync(half, { recursive: true, force: true });
  }
}

/** Everything that can't be told by a setting is told by its default. */
function settings(options: { port: number; durable: boolean }): string[] {
  // What a commit wrote outlives the server's processes, though not the machine.
  const quick = { fsync: "off" };
  const all = {
    port: String(options.port),
    listen_addresses: "127.0.0.1",
    // A socket's path has a short limit, and a checkout may lie deep.
    unix_socket_directories: "",
    max_connections: "300",
    timezone: "UTC",
    log_timezone: "UTC",
    ...(options.durable ? {} : quick),
  };
  return Object.entries(all).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
}

function environment(): NodeJS.ProcessEnv {
  return { PATH: process.env["PATH"], LC_ALL: "C", TZ: "UTC" };
}

/** Waits until the server answers; false: it ended before it did. */
async function answers(url: string, server: Leashed): Promise<boolean> {
  for (;;) {
    if (server.gone) return false;
    if ((await refusal(url)) === null) return true;
    await delay(50);
  }
}

/** Why a connection can't be had, or null. */
async function refusal(url: string): Promise<string | null> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5000 });
  client.on("error", () => {});
  try {
    await client.connect();
    await client.query("select 1");
    return null;
  } catch (error) {
    // Several addresses were tried in vain: the error that holds them all has no message of its own.
    if (error instanceof AggregateError) return String(error.errors[0]);
    return error instanceof Error ? error.message : String(error);
  } finally {
    await client.end().catch(() => {});
  }
}

/** Ends a server that holds this data, as one may after a crash; and clears what a dead one left. */
async function stopServerOf(data: string): Promise<void> {
  const file = join(data, "postmaster.pid");
  if (!existsSync(file)) return;
  const pid = Number(readFileSync(file, "utf8").split("\n", 1)[0]);
  const identity = identityOf(pid);
  // Numbers are used again: only a postgres counts. Its own check would take any process of this user for a server.
  if (identity !== null && (commandOf(pid) ?? "").includes("postgres"))
    await stopProcess(pid, identity, "SIGINT");
  rmSync(file, { force: true });
}

function requireSameVersion(program: PostgresProgram, data: string): void {
  const version = readFileSync(join(data, "PG_VERSION"), "utf8").trim();
  const ours = /^program-(\d+)/.exec(basename(join(program.bin, "..")))?.[1];
  if (version === ours) return;
  throw new Problem(
    `the data in ${data} is of Postgres ${version}, and this checkout has ${ours}: ` +
      "npm start -- --reset begins anew, without that data",
  );
}

function didNotStart(said: string, launch: Launch): Problem {
  if (isFullDisk(said)) return new Problem(fullDisk(launch.data));
  const reasons = said.split("\n").filter((line) => /FATAL|PANIC|error|can't|cannot|could not/i.test(line));
  const reason = reasons.at(-1)?.trim() ?? "it said nothing";
  return new Problem(
    `Postgres does not start: ${reason} (see ${launch.log}; DATABASE_URL names another server)`,
  );
}

const throwaway = "throwaway-";

/** Removes what killed test runs left behind. */
function sweep(home: string): void {
  for (const name of readdirSync(home).filter((entry) => entry.startsWith(throwaway))) {
    const pid = Number(name.slice(throwaway.length).split("-", 1)[0]);
    if (identityOf(pid) === null) rmSync(join(home, name), { recursive: true, force: true });
  }
}
