// Redis without an installation: a server of our own, or the one that a URL names.

import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Redis as Client } from "ioredis";
import { onFreePort, PortTaken } from "./free-port.ts";
import { type Kept, keepRunning } from "./keep-running.ts";
import { type Leashed, startOnLeash, stopLeftOver } from "./leash.ts";
import { fullDisk, isFullDisk, Problem } from "./problem.ts";
import { findRedisProgram, type RedisProgram } from "./redis-program.ts";
import { keptSecret, makeStateFolder, state, writePrivately } from "./state-folder.ts";

/** A Redis server that answers. Disposing it stops the server if it is ours. */
export interface Redis extends AsyncDisposable {
  /** Holds a password. */
  readonly url: string;
  /** What to tell people about it. */
  readonly description: string;
  /** Ends it at once, if it is ours. */
  kill(): void;
}

/**
 * The server of this checkout, with its data under `.portcullis/redis`; started again when it ends by itself.
 * The data bears one run at a time.
 */
export async function keptRedis(tell: (news: string) => void): Promise<Redis> {
  makeStateFolder();
  const program = await findRedisProgram(tell);
  const launch = {
    folder: join(state, "redis"),
    password: keptSecret(join(state, "redis-password")),
    log: join(state, "logs/redis.log"),
    record: join(state, "running/redis"),
    durable: true,
  };
  return onFreePort(async (port) => {
    const start = () => startRedis(program, launch, port);
    return ours(program, urlOf(launch, port), await keepRunning({ name: "Redis", start, tell }));
  });
}

/**
 * An empty server for tests, gone with its data when disposed. `at` is the URL of an earlier one, now gone, whose
 * port and password it takes over, as after a restart that lost everything.
 */
export async function throwawayRedis(options: { readonly at?: string } = {}): Promise<Redis> {
  makeStateFolder();
  const program = await findRedisProgram((step) => process.stderr.write(`${step}\n`));
  const folder = mkdtempSync(join(tmpdir(), "portcullis-redis-"));
  const earlier = options.at === undefined ? null : new URL(options.at);
  const launch = {
    folder,
    password: earlier?.password ?? randomBytes(24).toString("base64url"),
    log: join(folder, "log"),
    record: join(folder, "running"),
    durable: false,
  };
  const start = async (port: number) => {
    const server = await startRedis(program, launch, port);
    return ours(program, urlOf(launch, port), {
      kill: () => server.kill(),
      async [Symbol.asyncDispose]() {
        await server.stop();
        rmSync(folder, { recursive: true });
      },
    });
  };
  return earlier === null ? onFreePort(start) : start(Number(earlier.port));
}

/** The server that a URL names. It is never stopped. */
export async function givenRedis(url: string, variable: string): Promise<Redis> {
  if (!URL.canParse(url) || !/^rediss?:$/.test(new URL(url).protocol)) {
    throw new Problem(`${variable} must look like redis://host:6379`);
  }
  const { host } = new URL(url);
  const refused = await refusal(url);
  if (refused !== null) {
    throw new Problem(
      `${variable}: Redis at ${host} does not answer (${refused}): start it or mend the URL, ` +
        `or unset ${variable} to use one of our own`,
    );
  }
  return {
    url,
    description: `the one at ${host}`,
    kill: () => {},
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

export interface Launch {
  readonly folder: string;
  readonly password: string;
  readonly log: string;
  readonly record: string;
  readonly durable: boolean;
  /** Beside those that every server has. */
  readonly settings?: Readonly<Record<string, string>>;
  /** A Sentinel has settings of its own, and keeps in them what it learns. */
  readonly isSentinel?: boolean;
}

export async function startRedis(program: RedisProgram, launch: Launch, port: number): Promise<Leashed> {
  await stopLeftOver(launch.record);
  const data = join(launch.folder, "data");
  mkdirSync(data, { recursive: true, mode: 0o700 });
  const settings = join(launch.folder, "redis.conf");
  const isKnown = launch.isSentinel === true && existsSync(settings);
  if (!isKnown) writePrivately(settings, configuration(launch, data, port));
  const server = await startOnLeash({
    command: program.command,
    args: [...program.args, settings, ...(launch.isSentinel === true ? ["--sentinel"] : [])],
    stopSignal: "SIGTERM",
    lingerSeconds: 3,
    log: launch.log,
    record: launch.record,
    cwd: data,
    env: program.env,
  });
  if (await answers(urlOf(launch, port), server)) return server;
  const said = server.said();
  if (/address already in use/i.test(said.join("\n"))) throw new PortTaken(`port ${port} is taken`);
  throw didNotStart(said, launch);
}

function ours(program: RedisProgram, url: string, server: Kept): Redis {
  return {
    url,
    description: `${program.name}, at ${new URL(url).host}`,
    kill: () => server.kill(),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

export function urlOf(launch: Launch, port: number): string {
  return `redis://:${launch.password}@127.0.0.1:${port}`;
}

/** In a file that only its owner reads, so that the password shows in no list of processes. */
function configuration(launch: Launch, data: string, port: number): string {
  const server = {
    // BullMQ must not lose keys to eviction.
    "maxmemory-policy": "noeviction",
    save: '""',
    appendonly: launch.durable ? "yes" : "no",
    appendfsync: "everysec",
    databases: launch.durable ? "16" : "1024",
  };
  const lines = {
    bind: "127.0.0.1",
    port: String(port),
    "protected-mode": "yes",
    requirepass: launch.password,
    dir: JSON.stringify(data),
    daemonize: "no",
    ...(launch.isSentinel === true ? {} : server),
    ...launch.settings,
  };
  return `${Object.entries(lines)
    .map(([name, value]) => `${name} ${value}`)
    .join("\n")}\n`;
}

/** Waits until the server answers; false: it ended before it did. */
async function answers(url: string, server: Leashed): Promise<boolean> {
  for (;;) {
    if (server.gone) return false;
    if ((await refusal(url)) === null) return true;
    await delay(20);
  }
}

/** Why it does not answer, or null. While it reads its data it does not, either. */
async function refusal(url: string): Promise<string | null> {
  const client = new Client(url, { lazyConnect: true, retryStrategy: () => null, connectTimeout: 5000 });
  let lastError = "no connection";
  client.on("error", (error: Error) => {
    lastError = "code" in error ? String(error.code) : error.message;
  });
  try {
    await client.connect();
    await client.ping();
    return null;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return /connection is closed/i.test(message) ? lastError : message;
  } finally {
    client.disconnect();
  }
}

function didNotStart(said: readonly string[], launch: Launch): Problem {
  if (isFullDisk(said.join("\n"))) return new Problem(fullDisk(launch.folder));
  const reason = said.at(-1)?.trim() ?? "it said nothing";
  return new Problem(`Redis does not start: ${reason} (see ${launch.log}; REDIS_URL names another server)`);
}
