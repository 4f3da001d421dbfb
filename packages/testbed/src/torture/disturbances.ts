// What goes wrong on purpose, one thing after another, each mended before the next.

import { setTimeout as delay } from "node:timers/promises";
import type { ThrowawayPostgres } from "@portcullis/one-machine/postgres";
import { type Owner, owners } from "@portcullis/policy";
import { type Doorbell, doorbellQueues, invalidationQueue, queuePrefix } from "@portcullis/store/doorbell";
import { Queue } from "bullmq";
import pg from "pg";
import type { Gate } from "../gate.ts";
import type { ServiceName, System } from "../system.ts";
import type { Chance } from "./chance.ts";
import type { RedisBehindGate } from "./redis-behind-gate.ts";

/** The way by which one service reaches another. */
export interface Link {
  readonly from: ServiceName;
  readonly to: ServiceName;
  readonly gate: Gate;
}

interface Surroundings {
  readonly system: System;
  readonly postgres: ThrowawayPostgres;
  readonly redis: RedisBehindGate;
  readonly links: readonly Link[];
}

type Disturbance = (surroundings: Surroundings, chance: Chance) => Promise<void>;

const directions = ["there", "back", "both"] as const;
const victims: readonly ServiceName[] = ["decision", "decision", ...owners];

export const disturbances = {
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

  async "crash Postgres"({ postgres }, chance) {
    await postgres.crash();
    await delay(chance.below(1000));
    await postgres.recover();
  },
  async "freeze Postgres"({ postgres }, chance) {
    const goOn = await postgres.freeze();
    await delay(300 + chance.below(2500));
    goOn();
  },
  async "break an owner's database connections"({ system }, chance) {
    await breakConnections(system, chance.oneOf(owners));
  },

  async "cut Redis off"({ redis }, chance) {
    redis.gate.shut();
    await delay(300 + chance.below(2500));
    redis.gate.open();
  },
  async "hold Redis up"({ redis }, chance) {
    redis.gate.holdUp(chance.oneOf(directions));
    await delay(300 + chance.below(2500));
    redis.gate.open();
  },
  async "empty Redis"({ redis }) {
    await redis.use((client) => client.flushall());
  },
  async "restart Redis empty"({ redis }) {
    await redis.restartEmpty();
  },
  async "fail over to a Redis that lags"({ redis }, chance) {
    await redis.failOver(500 + chance.below(2000));
  },
  async "lose watermarks, or all but them"({ redis }, chance) {
    const losesMarks = chance.below(2) === 0;
    await redis.use(async (client) => {
      const lost = (await client.keys("pc2:*")).filter((key) => key.endsWith(":w") === losesMarks);
      if (lost.length > 0) await client.del(...lost);
    });
  },

  async "empty a queue"({ redis }, chance) {
    await withQueue(redis, anyQueue(chance), (queue) => queue.obliterate({ force: true }));
  },
  async "stop a queue's workers"({ redis }, chance) {
    await withQueue(redis, anyQueue(chance), async (queue) => {
      await queue.pause();
      await delay(300 + chance.below(2500));
      await queue.resume();
    });
  },
  async "repeat, delay and reorder doorbells"({ redis, system }, chance) {
    const heads = new Map<Owner, readonly Doorbell[]>();
    for (const owner of owners) heads.set(owner, await lastDoorbells(system, owner));
    await withQueue(redis, anyQueue(chance), async (queue) => {
      for (let times = 0; times < 50; times++) {
        const doorbells = heads.get(chance.oneOf(owners)) ?? [];
        if (doorbells.length === 0) continue;
        await queue.add("log", chance.oneOf(doorbells), {
          delay: chance.below(3) === 0 ? chance.below(3000) : 0,
          removeOnComplete: true,
          removeOnFail: true,
        });
      }
    });
  },

  async "cut a service off from another"({ links }, chance) {
    await disturb([chance.oneOf(links)], (gate) => gate.shut(), 300 + chance.below(2500));
  },
  async "hold up what goes between two services"({ links }, chance) {
    const direction = chance.oneOf(directions);
    await disturb([chance.oneOf(links)], (gate) => gate.holdUp(direction), 300 + chance.below(2500));
  },
  async "slow down what goes between two services"({ links }, chance) {
    const byMs = 20 + chance.below(400);
    await disturb([chance.oneOf(links)], (gate) => gate.slowDown(byMs), 1000 + chance.below(2000));
  },
  async "cut a service off from all others"({ links }, chance) {
    const victim = chance.oneOf(victims);
    const its = links.filter(({ from, to }) => from === victim || to === victim);
    const isSilent = chance.below(2) === 0;
    await disturb(its, (gate) => (isSilent ? gate.holdUp() : gate.shut()), 300 + chance.below(2500));
  },
} satisfies Record<string, Disturbance>;

export type DisturbanceName = keyof typeof disturbances;

/** What can be done to these surroundings. */
export function possible({ redis }: Surroundings): DisturbanceName[] {
  const names = Object.keys(disturbances) as DisturbanceName[];
  return names.filter((name) => redis.canReplicate || name !== "fail over to a Redis that lags");
}

/** As often as not the one that decisions listen to. */
function anyQueue(chance: Chance): string {
  return chance.below(2) === 0 ? invalidationQueue : chance.oneOf(doorbellQueues);
}

async function withQueue(
  redis: RedisBehindGate,
  name: string,
  body: (queue: Queue<Doorbell>) => Promise<unknown>,
): Promise<void> {
  await redis.use(async (connection) => {
    const queue = new Queue<Doorbell>(name, { connection, prefix: queuePrefix });
    await body(queue);
    await queue.close();
  });
}

/** Those of its last changes, in every organisation. */
async function lastDoorbells(system: System, owner: Owner): Promise<readonly Doorbell[]> {
  return withDatabase(system, owner, async (client) => {
    const { rows } = await client.query<{ org: string; position: string }>(
      "select org_id as org, position from org_log where position > 0",
    );
    return rows.flatMap(({ org, position }) =>
      Array.from({ length: 20 }, (_, back) => ({ owner, org, position: Number(position) - back })).filter(
        (doorbell) => doorbell.position > 0,
      ),
    );
  });
}

async function breakConnections(system: System, owner: Owner): Promise<void> {
  await withDatabase(system, owner, (client) =>
    client.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()",
    ),
  );
}

async function withDatabase<T>(
  system: System,
  owner: Owner,
  body: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({ connectionString: system.databaseUrl(owner) });
  await client.connect();
  try {
    return await body(client);
  } finally {
    await client.end();
  }
}

async function disturb(links: readonly Link[], begin: (gate: Gate) => void, forMs: number): Promise<void> {
  for (const { gate } of links) begin(gate);
  await delay(forMs);
  for (const { gate } of links) gate.open();
}
