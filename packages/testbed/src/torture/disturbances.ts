// What goes wrong on purpose, one thing after another, each mended before the next.

import { setTimeout as delay } from "node:timers/promises";
import { owners } from "@portcullis/policy";
import { invalidationQueue, queuePrefix } from "@portcullis/store/doorbell";
import { Queue } from "bullmq";
import { Redis } from "ioredis";
import pg from "pg";
import type { Gate } from "../gate.ts";
import type { ServiceName, System } from "../system.ts";
import type { Chance } from "./chance.ts";

interface Surroundings {
  readonly system: System;
  readonly redisGate: Gate;
  /** Past the gate. */
  readonly redisUrl: string;
}

type Disturbance = (surroundings: Surroundings, chance: Chance) => Promise<void>;

const victims: readonly ServiceName[] = ["decision", "decision", ...owners];

export const disturbances: Readonly<Record<string, Disturbance>> = {
  async "kill a service"({ system }, chance) {
    const victim = chance.oneOf(victims);
    await system.stop(victim);
    await delay(chance.below(1000));
    await system.start(victim);
  },
  async "freeze a service"({ system }, chance) {
    const victim = chance.oneOf(victims);
    system.signal(victim, "SIGSTOP");
    await delay(300 + chance.below(3200));
    system.signal(victim, "SIGCONT");
  },
  async "cut Redis off"({ redisGate }, chance) {
    redisGate.shut();
    await delay(300 + chance.below(2500));
    redisGate.open();
  },
  async "hold Redis up"({ redisGate }, chance) {
    redisGate.holdUp();
    await delay(300 + chance.below(2500));
    redisGate.open();
  },
  async "empty Redis"({ redisUrl }) {
    await withRedis(redisUrl, (redis) => redis.flushall());
  },
  async "lose watermarks, or all but them"({ redisUrl }, chance) {
    const losesMarks = chance.below(2) === 0;
    await withRedis(redisUrl, async (redis) => {
      const lost = (await redis.keys("pc:*")).filter((key) => key.endsWith(":w") === losesMarks);
      if (lost.length > 0) await redis.del(...lost);
    });
  },
  async "empty the queue"({ redisUrl }) {
    await withRedis(redisUrl, async (connection) => {
      const queue = new Queue(invalidationQueue, { connection, prefix: queuePrefix });
      await queue.obliterate({ force: true });
      await queue.close();
    });
  },
  async "break an owner's database connections"({ system }, chance) {
    const client = new pg.Client({ connectionString: system.databaseUrl(chance.oneOf(owners)) });
    await client.connect();
    await client.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()",
    );
    await client.end();
  },
};

async function withRedis(url: string, body: (redis: Redis) => Promise<unknown>): Promise<void> {
  const redis = new Redis(url, { maxRetriesPerRequest: null });
  await body(redis);
  redis.disconnect();
}
