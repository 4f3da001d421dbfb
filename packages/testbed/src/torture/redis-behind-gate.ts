import { setTimeout as delay } from "node:timers/promises";
import { type Redis as RedisServer, throwawayRedis } from "@portcullis/one-machine/redis";
import { Redis } from "ioredis";
import { type Gate, openGate } from "../gate.ts";

/** A Redis whose server can be exchanged behind the backs of those who use it. */
export class RedisBehindGate implements AsyncDisposable {
  readonly gate: Gate;
  #server: RedisServer;
  #url: string;

  private constructor(server: RedisServer, gate: Gate) {
    this.gate = gate;
    this.#server = server;
    this.#url = server.url;
  }

  static async start(): Promise<RedisBehindGate> {
    const server = await throwawayRedis();
    return new RedisBehindGate(server, await openGate(server.url));
  }

  /** The Valkey that takes the place of a missing Redis can't follow another one. */
  get canReplicate(): boolean {
    return !this.#server.description.includes("WebAssembly");
  }

  /** Speaks to the server itself, past the gate. */
  async use<T>(body: (redis: Redis) => Promise<T>): Promise<T> {
    return withRedis(this.#url, body);
  }

  /** Ends the server, and starts an empty one in its place. */
  async restartEmpty(): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
    this.#server = await throwawayRedis({ at: this.#url });
  }

  /** Lets a replica fall so far behind, and puts it in the place of the server. */
  async failOver(lagMs: number): Promise<void> {
    const replica = await throwawayRedis();
    await using cable = await openGate(this.#url);
    const { password } = new URL(this.#url);
    const { hostname, port } = new URL(cable.url);
    // Else it waits some seconds for more replicas to come, and when it ends for those that lag.
    await this.use((redis) => redis.config("SET", "repl-diskless-sync-delay", "0", "shutdown-timeout", "0"));
    await withRedis(replica.url, async (redis) => {
      await redis.config("SET", "masterauth", password);
      await redis.replicaof(hostname, port);
      while (!(await redis.info("replication")).includes("master_link_status:up")) await delay(20);
      cable.holdUp();
      await delay(lagMs);
      await redis.replicaof("NO", "ONE");
      await redis.config("SET", "requirepass", password);
    });
    const url = new URL(replica.url);
    url.password = password;
    this.#url = url.href;
    this.gate.leadTo(this.#url);
    const former = this.#server;
    this.#server = replica;
    await former[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.gate[Symbol.asyncDispose]();
    await this.#server[Symbol.asyncDispose]();
  }
}

async function withRedis<T>(url: string, body: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url, { maxRetriesPerRequest: null });
  redis.on("error", () => undefined);
  try {
    return await body(redis);
  } finally {
    redis.disconnect();
  }
}
