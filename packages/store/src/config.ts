import { z } from "zod";
import type { DatabaseOptions } from "./database.ts";

/** What every owner reads about its database. */
export const databaseConfig = {
  /** The owner's own Postgres database. */
  DATABASE_URL: z.url(),
  /** When its tables are made and migrated: by us, at start, as usual; or before, by the command `migrate` with a role of its own. */
  PORTCULLIS_DATABASE_MIGRATIONS: z.enum(["at-start", "before"]).optional(),
  /** A streaming replica of it, which answers lists when it has all that was committed. Without it the database does. */
  DATABASE_REPLICA_URL: z.url().optional(),
  /** How many connections this process may have to it for writes, as many for reads, and as many to the replica; 10. */
  PORTCULLIS_DATABASE_POOL_MAX: z.coerce.number().int().min(2).max(1000).optional(),
} as const;

/** As {@link Database.open} takes it. */
export function databaseOf(
  config: Readonly<z.infer<z.ZodObject<typeof databaseConfig>>>,
): Pick<DatabaseOptions, "url" | "replicaUrl" | "poolMax" | "migratesAtStart"> {
  const {
    DATABASE_URL: url,
    DATABASE_REPLICA_URL: replicaUrl,
    PORTCULLIS_DATABASE_MIGRATIONS: migrations,
    PORTCULLIS_DATABASE_POOL_MAX: poolMax,
  } = config;
  const migratesAtStart = migrations !== "before";
  return {
    url,
    migratesAtStart,
    ...(replicaUrl !== undefined && { replicaUrl }),
    ...(poolMax !== undefined && { poolMax }),
  };
}
