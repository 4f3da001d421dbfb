import type pg from "pg";

/**
 * A lent connection that breaks between two statements says so by an event, and one that nobody hears ends the process.
 * Whoever has it learns of it by its next statement.
 */
export function surviveBroken(pool: pg.Pool): void {
  pool.on("connect", (client) => {
    client.on("error", () => undefined);
  });
}

/**
 * A connection that dies inside a transaction is never given back by the query builder under the ORM, because its
 * rollback fails. Without this the pool runs dry, one broken connection at a time.
 */
function reclaimBroken(pool: pg.Pool): void {
  const lent = new Set<pg.PoolClient>();
  pool.on("acquire", (client) => lent.add(client));
  pool.on("release", (_, client) => lent.delete(client));
  pool.on("connect", (client) => {
    client.once("end", () => {
      setImmediate(() => {
        if (lent.has(client)) client.release(true);
      });
    });
  });
}

/** What both of the above are for, in a pool that the ORM makes. */
export function keepBrokenHarmless(pool: pg.Pool): void {
  surviveBroken(pool);
  reclaimBroken(pool);
}
