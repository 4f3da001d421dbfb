// One Postgres and one Redis for all system tests; vitest runs this before them and undoes it after them.
// A test reads their addresses with `inject("databaseUrl")` and `inject("redisUrl")`.

import type { TestProject } from "vitest/node";
import { databasesForTests } from "./databases-for-tests.ts";
import { givenPostgres, throwawayPostgres } from "./postgres.ts";
import { givenRedis, throwawayRedis } from "./redis.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** A database of this run on a Postgres server on which a test may make databases of its own. */
    databaseUrl: string;
    /** A Redis server that other tests use at the same time. */
    redisUrl: string;
  }
}

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { TEST_DATABASE_URL, TEST_REDIS_URL } = process.env;
  const servers = new AsyncDisposableStack();
  try {
    const postgres = servers.use(
      await (TEST_DATABASE_URL ? givenPostgres(TEST_DATABASE_URL, "TEST_DATABASE_URL") : throwawayPostgres()),
    );
    const redis = servers.use(
      await (TEST_REDIS_URL ? givenRedis(TEST_REDIS_URL, "TEST_REDIS_URL") : throwawayRedis()),
    );
    const databases = servers.use(await databasesForTests(postgres));
    project.provide("databaseUrl", databases.url);
    project.provide("redisUrl", redis.url);
    return () => servers.disposeAsync();
  } catch (error) {
    await servers.disposeAsync();
    throw error;
  }
}
