import { openRedisForAdding, type RedisClient } from "@portcullis/chassis/redis";
import { type JobsOptions, Queue } from "bullmq";
import { type Doorbell, queuePrefix } from "./doorbell.ts";

export interface Job {
  readonly name: string;
  readonly data: Doorbell;
  readonly opts: JobsOptions;
}

/** Adds jobs to some queues; each call fails while Redis is away. */
export class JobAdder implements AsyncDisposable {
  readonly #names: readonly string[];
  readonly #redis: RedisClient & Disposable;
  #queues: ReadonlyMap<string, Queue<Doorbell>> = new Map();

  constructor(names: readonly string[], redisUrl: string) {
    this.#names = names;
    this.#redis = openRedisForAdding(redisUrl);
  }

  /** Adds jobs to queues, by their names. */
  async add(jobs: ReadonlyMap<string, readonly Job[]>): Promise<void> {
    if (this.#redis.status !== "ready") throw new Error("redis is away");
    if (this.#queues.size === 0) {
      this.#queues = new Map(this.#names.map((name) => [name, open(name, this.#redis)]));
    }
    try {
      await Promise.all(Array.from(jobs, ([name, some]) => this.#addTo(name, some)));
    } catch (error) {
      // A queue that met no Redis when it was made never works.
      await this.#close();
      throw error;
    }
  }

  async #addTo(name: string, jobs: readonly Job[]): Promise<void> {
    const queue = this.#queues.get(name);
    if (queue === undefined) throw new Error(`no queue ${name} was named`);
    await queue.addBulk([...jobs]);
  }

  async #close(): Promise<void> {
    const queues = this.#queues;
    this.#queues = new Map();
    await Promise.all(Array.from(queues.values(), (queue) => queue.close().catch(() => undefined)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close();
    this.#redis[Symbol.dispose]();
  }
}

function open(name: string, connection: RedisClient): Queue<Doorbell> {
  const queue = new Queue<Doorbell>(name, { connection, prefix: queuePrefix });
  queue.on("error", () => undefined); // what is asked of it fails by itself
  return queue;
}
