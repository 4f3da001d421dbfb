// Of all processes of an owner one rings at a time. Two that ring do no harm, but each doubles the work; so this needs no
// more than a lock that is free again soon, whatever becomes of its holder.

import { setTimeout as after } from "node:timers/promises";
import type { Log } from "@portcullis/chassis/log";
import pg from "pg";
import type { Database } from "./database.ts";
import { logChannel } from "./event-log.ts";

/** How often the holder says that it lives, and the others look whether the seat is free. */
const everyMs = 500;
/** The database takes the seat from a holder that is silent for so long: it may be frozen, or cut off. */
const silenceMs = 3000;

export interface RelaySeat extends AsyncDisposable {
  readonly isHeld: boolean;
  /** Lets another have it who may be able to ring. */
  leave(): void;
}

/** Waits for the seat, and for it again when it is lost. Calls `wake` when it is taken, and then at every commit. */
export function waitForSeat(database: Database, wake: () => void, log: Log): RelaySeat {
  const stop = new AbortController();
  let isHeld = false;
  let sittingOnce = new AbortController();
  const sitting = (async () => {
    while (!stop.signal.aborted) {
      await sitOnce().catch((error: unknown) =>
        log.debug({ reason: String(error) }, "the relay's connection broke; making a new one"),
      );
      isHeld = false;
      await pause(everyMs);
    }
  })();

  /** For as long as one connection lives: the seat is its session's. */
  async function sitOnce(): Promise<void> {
    const client = new pg.Client({
      connectionString: database.url,
      keepAlive: true,
      connectionTimeoutMillis: silenceMs,
      query_timeout: silenceMs,
    });
    const broken = new AbortController();
    sittingOnce = broken;
    client.on("error", () => broken.abort()); // a connection that breaks may say so more than once
    client.once("end", () => broken.abort());
    client.on("notification", wake);
    try {
      await client.connect();
      await client.query(`set idle_session_timeout = ${silenceMs}`);
      while (!broken.signal.aborted && !stop.signal.aborted) {
        if (isHeld) await client.query("select");
        else if (await isTaken(client)) {
          await client.query(`listen ${logChannel}`);
          isHeld = true;
          wake();
        }
        await pause(everyMs, broken.signal);
      }
    } finally {
      await client.end().catch(() => undefined);
    }
  }

  async function pause(ms: number, sooner?: AbortSignal): Promise<void> {
    const signal = sooner === undefined ? stop.signal : AbortSignal.any([stop.signal, sooner]);
    await after(ms, undefined, { signal }).catch(() => undefined);
  }

  return {
    get isHeld() {
      return isHeld;
    },
    leave() {
      if (isHeld) sittingOnce.abort();
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await sitting;
    },
  };
}

/** Asked again and again, and not waited for: a statement that waits for hours keeps old rows from being cleared away. */
async function isTaken(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query<{ taken: boolean }>(
    "select pg_try_advisory_lock(hashtext('portcullis relay')) as taken",
  );
  return rows[0]?.taken === true;
}
