// Several Redis servers for tests, as one Cluster, or a master and its replica that Sentinels watch. Each can be killed and
// started again where it was.

import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Redis as Client } from "ioredis";
import { freePort } from "./free-port.ts";
import type { Leashed } from "./leash.ts";
import { type Launch, startRedis, urlOf } from "./redis.ts";
import { findRedisProgram, type RedisProgram } from "./redis-program.ts";
import { makeStateFolder } from "./state-folder.ts";

/** How long a server may be silent before the others take it for dead. */
const silenceMs = "500";
const settleMs = 30_000;

/** One of several servers. */
export class RedisServer implements AsyncDisposable {
  readonly port: number;
  /** Speaks to this server alone. */
  readonly client: Client;
  readonly #program: RedisProgram;
  readonly #launch: Launch;
  #process: Leashed;

  constructor(program: RedisProgram, launch: Launch, port: number, running: Leashed) {
    this.port = port;
    this.#program = program;
    this.#launch = launch;
    this.#process = running;
    this.client = new Client(urlOf(launch, port), { retryStrategy: () => 50, maxRetriesPerRequest: null });
    this.client.on("error", () => undefined);
  }

  /** Kills it, and waits until it is gone. */
  async crash(): Promise<void> {
    this.client.disconnect();
    this.#process.kill();
    await this.#process.ended;
  }

  /** Starts it again after a crash, empty, as who it was among the others. */
  async recover(): Promise<void> {
    this.#process = await startRedis(this.#program, this.#launch, this.port);
    await this.client.connect();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client.disconnect();
    await this.#process.stop();
  }
}

export interface RedisCluster extends AsyncDisposable {
  /** As `REDIS_URL` takes it. */
  readonly url: string;
  readonly servers: readonly RedisServer[];
  /** Who takes the writes to this key's slot now, as the other servers see it. */
  masterOf(key: string): Promise<RedisServer>;
  /** Whether all that run say that every slot is served. */
  isWhole(): Promise<boolean>;
  /** Moves a key's slot, key by key, to another master; `between` is called now and then in the middle of it. */
  moveSlot(key: string, to: RedisServer, between: () => Promise<unknown>): Promise<void>;
}

/** Three masters, and a replica of the one that has this key. */
export async function throwawayRedisCluster(replicated: string): Promise<RedisCluster> {
  await using parts = new AsyncDisposableStack();
  const start = await starter(parts);
  const password = randomBytes(24).toString("base64url");
  const servers = await Promise.all(
    Array.from({ length: 4 }, async () =>
      start({
        password,
        settings: {
          masterauth: password,
          "cluster-enabled": "yes",
          "cluster-node-timeout": silenceMs,
          "cluster-port": String(await freePort()),
        },
      }),
    ),
  );
  const [first, second, third, replica] = servers as [RedisServer, RedisServer, RedisServer, RedisServer];
  const masters = [first, second, third];
  for (const [index, { client }] of masters.entries()) {
    await client.cluster("SET-CONFIG-EPOCH", index + 1);
    const [from, to] = [Math.ceil((16_384 * index) / 3), Math.ceil((16_384 * (index + 1)) / 3) - 1];
    await client.call("CLUSTER", "ADDSLOTSRANGE", from, to);
  }
  for (const { client, port } of servers.slice(1)) {
    const [, busPort] = (await client.config("GET", "cluster-port")) as [string, string];
    await first.client.call("CLUSTER", "MEET", "127.0.0.1", port, busPort);
  }
  const idOf = ({ client }: RedisServer) => client.cluster("MYID");
  const everybodySays = async (text: RegExp): Promise<boolean> => {
    const running = servers.filter(({ client }) => client.status === "ready");
    const infos = await Promise.all(running.map(({ client }) => client.cluster("INFO")));
    return infos.every((info) => text.test(info));
  };
  await until(() => everybodySays(/cluster_known_nodes:4\r/));
  const cluster: RedisCluster = {
    url: `redis+cluster://:${password}@${masters.map(({ port }) => `127.0.0.1:${port}`).join(",")}`,
    servers,
    async masterOf(key) {
      const slot = Number(await clusterSlot(servers, key));
      for (const { client } of servers) {
        if (client.status !== "ready") continue;
        const ranges = await client.cluster("SLOTS");
        const owner = ranges.find(([from, to]) => from <= slot && slot <= to)?.[2]?.[1];
        const server = servers.find(({ port }) => port === owner);
        if (server !== undefined) return server;
      }
      throw new Error(`nobody has the slot of ${key}`);
    },
    isWhole: () => everybodySays(/cluster_state:ok/),
    async moveSlot(key, to, between) {
      const slot = Number(await clusterSlot(servers, key));
      const from = await cluster.masterOf(key);
      const [fromId, toId] = [await idOf(from), await idOf(to)];
      await to.client.cluster("SETSLOT", slot, "IMPORTING", fromId);
      await from.client.cluster("SETSLOT", slot, "MIGRATING", toId);
      for (;;) {
        const [next] = await from.client.cluster("GETKEYSINSLOT", slot, 1);
        if (next === undefined) break;
        await from.client.call("MIGRATE", "127.0.0.1", to.port, next, 0, 1000, "AUTH", password);
        await between();
      }
      for (const server of [to, from]) await server.client.cluster("SETSLOT", slot, "NODE", toId);
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
  const replicatedMaster = await cluster.masterOf(replicated);
  await replica.client.cluster("REPLICATE", await idOf(replicatedMaster));
  await until(() => cluster.isWhole());
  await until(async () => /master_link_status:up/.test(await replica.client.info("replication")));
  const running = parts.move();
  return cluster;
}

export interface WatchedRedis extends AsyncDisposable {
  readonly url: string;
  readonly master: RedisServer;
  readonly replica: RedisServer;
}

/** A master and its replica, and three Sentinels that put the one in the other's place. */
export async function throwawaySentinels(): Promise<WatchedRedis> {
  await using parts = new AsyncDisposableStack();
  const start = await starter(parts);
  const password = randomBytes(24).toString("base64url");
  const sentinelPassword = randomBytes(24).toString("base64url");
  const settings = { masterauth: password, "repl-diskless-sync-delay": "0" };
  const master = await start({ password, settings });
  const replica = await start({
    password,
    settings: { ...settings, replicaof: `127.0.0.1 ${master.port}` },
  });
  await until(async () => /master_link_status:up/.test(await replica.client.info("replication")));
  const watched = {
    "sentinel monitor": `main 127.0.0.1 ${master.port} 2`,
    "sentinel auth-pass": `main ${password}`,
    "sentinel down-after-milliseconds": `main ${silenceMs}`,
    "sentinel failover-timeout": "main 3000",
  };
  const sentinels = await Promise.all(
    Array.from({ length: 3 }, () =>
      start({ password: sentinelPassword, settings: watched, isSentinel: true }),
    ),
  );
  for (const { client } of sentinels) {
    await until(async () => {
      const told = (await client.call("SENTINEL", "MASTER", "main")) as string[];
      const [others, replicas] = ["num-other-sentinels", "num-slaves"].map(
        (name) => told[told.indexOf(name) + 1],
      );
      return others === "2" && replicas === "1";
    });
  }
  const running = parts.move();
  const hosts = sentinels.map(({ port }) => `127.0.0.1:${port}`).join(",");
  return {
    url: `redis+sentinel://:${password}@${hosts}/main?sentinel-password=${sentinelPassword}`,
    master,
    replica,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

type Start = (launch: Pick<Launch, "password" | "settings" | "isSentinel">) => Promise<RedisServer>;

/** Starts servers in a folder that goes with them. */
async function starter(parts: AsyncDisposableStack): Promise<Start> {
  makeStateFolder();
  const program = await findRedisProgram((step) => process.stderr.write(`${step}\n`));
  const folder = mkdtempSync(join(tmpdir(), "portcullis-redis-"));
  parts.defer(() => rmSync(folder, { recursive: true }));
  return async (given) => {
    const port = await freePort();
    const own = join(folder, String(port));
    const launch = {
      ...given,
      folder: own,
      log: join(own, "log"),
      record: join(own, "running"),
      durable: false,
    };
    return parts.use(new RedisServer(program, launch, port, await startRedis(program, launch, port)));
  };
}

async function clusterSlot(servers: readonly RedisServer[], key: string): Promise<unknown> {
  const reachable = servers.find(({ client }) => client.status === "ready");
  return reachable?.client.cluster("KEYSLOT", key);
}

/** Servers tell each other by and by. */
async function until(isSo: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + settleMs;
  while (!(await isSo())) {
    if (Date.now() > deadline) throw new Error("the Redis servers do not agree");
    await delay(50);
  }
}
