import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { openLog } from "@portcullis/chassis/log";
import type { RedisClient } from "@portcullis/chassis/redis";
import { Queue } from "bullmq";
import { Redis } from "ioredis";
import { afterAll, beforeAll, inject, test } from "vitest";
import { type Doorbell, queuePrefix } from "../src/doorbell.ts";
import { workOn } from "../src/queue-worker.ts";

const parts = new AsyncDisposableStack();
let redis: Redis;
beforeAll(() => {
  redis = parts.adopt(new Redis(inject("redisUrl"), { maxRetriesPerRequest: null }), (it) => it.disconnect());
});
afterAll(() => parts.disposeAsync());

const bell = (position: number): Doorbell => ({ owner: "grants", org: randomUUID(), position });

/** A queue, and a worker on it that is connected by `redisUrl`. */
function workedOn(redisUrl: string, work: (job: Doorbell, redis: RedisClient) => Promise<void>) {
  const name = `worked-on-${randomUUID()}`;
  const own = new AsyncDisposableStack();
  const queue = own.adopt(new Queue(name, { connection: redis, prefix: queuePrefix }), async (it) => {
    await it.obliterate({ force: true });
    await it.close();
  });
  const log = openLog("queue-worker-test", "silent");
  own.use(workOn({ queue: name, redisUrl, jobsAtOnce: 1, work, onFailed: () => undefined, log }));
  return {
    add: (position: number) => queue.add("bell", bell(position)),
    waiting: () => queue.getWaitingCount(),
    [Symbol.asyncDispose]: () => own.disposeAsync(),
  };
}

test.concurrent("a worker whose answers got lost is replaced, and its jobs are done", async ({ expect }) => {
  await using way = await wayTo(inject("redisUrl"));
  const done: number[] = [];
  const clients = new Set<RedisClient>();
  await using worked = workedOn(way.url, async ({ position }, client) => {
    done.push(position);
    clients.add(client);
  });
  await worked.add(1);
  await expect.poll(() => done).toEqual([1]);
  way.loseAnswers();
  await worked.add(2);
  await expect.poll(() => done, { timeout: 40_000 }).toEqual([1, 2]);
  expect(clients.size).toBe(2);
});

test.concurrent("one that is at work for long keeps its place, whoever waits", async ({ expect }) => {
  const { promise: isLong, resolve: end } = Promise.withResolvers<void>();
  const clients: RedisClient[] = [];
  await using worked = workedOn(inject("redisUrl"), async ({ position }, client) => {
    clients.push(client);
    if (position === 1) await isLong;
  });
  await worked.add(1);
  await expect.poll(() => clients.length).toBe(1);
  await worked.add(2);
  setTimeout(end, 12_000); // more than twice its patience
  await isLong;
  expect(await worked.waiting()).toBe(1);
  await expect.poll(() => clients.length).toBe(2);
  expect(new Set(clients).size).toBe(1);
});

/** A way to a server, which can lose what the server says on the connections that there are. */
async function wayTo(serverUrl: string) {
  const url = new URL(serverUrl);
  const sockets = new Set<Socket>();
  const listener = createServer((near) => {
    const far = connect(Number(url.port), url.hostname);
    near.pipe(far);
    far.pipe(near);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on("error", () => undefined);
    }
  });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const way = new URL(serverUrl);
  way.host = `127.0.0.1:${(listener.address() as AddressInfo).port}`;
  return {
    url: way.href,
    loseAnswers() {
      for (const socket of sockets) socket.unpipe().resume();
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      listener.close();
      await once(listener, "close");
    },
  };
}
