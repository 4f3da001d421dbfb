import { setTimeout as delay } from "node:timers/promises";
import { Redis as Client } from "ioredis";
import pg from "pg";
import { expect, inject, test } from "vitest";
import { createDatabases, dropDatabases, givenPostgres, throwawayPostgres } from "../src/postgres.ts";
import { givenRedis, throwawayRedis } from "../src/redis.ts";

test("databases are made once, and dropped whoever is connected", async () => {
  await using server = await givenPostgres(inject("databaseUrl"), "TEST_DATABASE_URL");
  const name = `one_machine_${process.pid}`;
  await createDatabases(server, [name]);
  await createDatabases(server, [name]);
  const client = new pg.Client({ connectionString: server.databaseUrl(name) });
  client.on("error", () => {});
  await client.connect();
  const found = await client.query<{ name: string }>("select current_database() as name");
  expect(found.rows).toEqual([{ name }]);
  await dropDatabases(server, [name]);
  await expect(client.query("select 1")).rejects.toThrow();
  const again = new pg.Client({ connectionString: server.databaseUrl(name) });
  await expect(again.connect()).rejects.toThrow(`database "${name}" does not exist`);
});

test("a server of our own wants a password", async () => {
  await using postgres = await throwawayPostgres();
  const url = new URL(postgres.url);
  url.password = "";
  const client = new pg.Client({ connectionString: url.href });
  await expect(client.connect()).rejects.toThrow(/password/);

  await using redis = await throwawayRedis();
  const without = new URL(redis.url);
  without.password = "";
  const stranger = new Client(without.href, { retryStrategy: () => null });
  stranger.on("error", () => {});
  await expect(stranger.ping()).rejects.toThrow(/NOAUTH/);
  stranger.disconnect();
});

test("a server of our own keeps what was committed when it crashes, and goes on where it was frozen", async () => {
  await using server = await throwawayPostgres();
  const query = async (text: string): Promise<unknown[]> => {
    const client = new pg.Client({ connectionString: server.url });
    client.on("error", () => {});
    await client.connect();
    const { rows } = await client.query<Record<string, unknown>>(text);
    await client.end();
    return rows;
  };
  await query("create table kept (number integer)");
  await query("insert into kept values (1)");
  await server.crash();
  await expect(query("select 1")).rejects.toThrow(/ECONNREFUSED/);
  await server.recover();
  expect(await query("select number from kept")).toEqual([{ number: 1 }]);

  const goOn = await server.freeze();
  let isAnswered = false;
  const answer = query("select number from kept").finally(() => {
    isAnswered = true;
  });
  await delay(200);
  expect(isAnswered).toBe(false);
  goOn();
  expect(await answer).toEqual([{ number: 1 }]);
});

test("a server that does not answer is one line that names the variable and not the password", async () => {
  await expect(givenPostgres("postgres://u:hunter2@127.0.0.1:1/postgres", "DATABASE_URL")).rejects.toThrow(
    /^DATABASE_URL: Postgres at 127\.0\.0\.1:1 does not answer \(.*ECONNREFUSED.*\): start it .*$/,
  );
  await expect(givenRedis("redis://:hunter2@127.0.0.1:1", "REDIS_URL")).rejects.toThrow(
    /^REDIS_URL: Redis at 127\.0\.0\.1:1 does not answer \(.*ECONNREFUSED.*\): start it .*$/,
  );
  await expect(givenPostgres("mysql://x", "DATABASE_URL")).rejects.toThrow(/must look like postgres:/);
  await expect(givenRedis("127.0.0.1:6379", "REDIS_URL")).rejects.toThrow(/must look like redis:/);
});

test("Redis evicts nothing", async () => {
  await using server = await throwawayRedis();
  const client = new Client(server.url);
  expect(await client.config("GET", "maxmemory-policy")).toMatchObject(["maxmemory-policy", "noeviction"]);
  client.disconnect();
});
