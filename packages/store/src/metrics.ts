// What an owner's database and its queues tell of themselves. All of it is asked for when somebody scrapes: the database
// and Redis are shared by all processes of an owner, and each tells the same of them.

import { gauge } from "@portcullis/chassis/metrics";
import type { Need } from "@portcullis/chassis/need";
import type { Owner } from "@portcullis/policy";
import type pg from "pg";
import type { Database } from "./database.ts";

const connections = gauge("portcullis_database_connections", "Connections of this process to its database", [
  "use",
  "state",
]);
const connectionsMax = gauge("portcullis_database_connections_max", "How many connections there may be", [
  "use",
]);
const connectionsAwaited = gauge("portcullis_database_waiting", "Work that waits for a connection", ["use"]);
const lagEvents = gauge("portcullis_relay_lag_events", "Events in the log that no doorbell was rung for yet");
const lagSeconds = gauge(
  "portcullis_relay_lag_seconds",
  "Age of the oldest event that no doorbell was rung for",
);
const seats = gauge("portcullis_relay_seat", "1 in the process that rings the doorbells of this owner");
const stuck = gauge(
  "portcullis_follow_failures",
  "Organizations in which another owner's log can't be followed",
  ["source"],
);
const stuckSeconds = gauge("portcullis_follow_failure_seconds", "For how long the first of them can't be", [
  "source",
]);

/** The database answers. */
export function needOf(database: Database): Need {
  return {
    name: "database",
    async isThere() {
      await database.pool.query("select");
    },
  };
}

/** Tells how a pool's connections are used. */
export function watchPool(pool: pg.Pool, use: "writes" | "reads" | "replica"): Disposable {
  const parts = new DisposableStack();
  parts.use(
    connections.readBy(() => [
      [{ use, state: "busy" }, pool.totalCount - pool.idleCount],
      [{ use, state: "idle" }, pool.idleCount],
    ]),
  );
  parts.use(connectionsMax.readBy(() => [[{ use }, pool.options.max]]));
  parts.use(connectionsAwaited.readBy(() => [[{ use }, pool.waitingCount]]));
  return parts;
}

/** An organisation that is so far behind others waits for its turn, and is not looked for. */
const organisationsMax = 1000;

/** Tells how far the log was announced, and whether this process announces it. */
export function watchRelay({ pool }: Database, seat: { readonly isHeld: boolean }): Disposable {
  const behind = askedOnce(async () => {
    const { rows } = await pool.query<{ events: string; seconds: string }>(
      `select coalesce(sum(behind.position - relayed), 0) as events,
         coalesce(greatest(extract(epoch from now() - min(at)), 0), 0) as seconds
       from (select org_id, position, relayed from org_log where relayed < position limit $1) as behind
       left join event_log on event_log.org_id = behind.org_id and event_log.position = relayed + 1`,
      [organisationsMax],
    );
    return { events: Number(rows[0]?.events), seconds: Number(rows[0]?.seconds) };
  });
  const parts = new DisposableStack();
  parts.use(lagEvents.readBy(async () => [[{}, (await behind()).events]]));
  parts.use(lagSeconds.readBy(async () => [[{}, (await behind()).seconds]]));
  parts.use(seats.readBy(() => [[{}, seat.isHeld ? 1 : 0]]));
  return parts;
}

/** Tells where another owner's log can't be followed. */
export function watchFollower({ pool }: Database, source: Owner): Disposable {
  const failures = askedOnce(async () => {
    const { rows } = await pool.query<{ organizations: string; seconds: string }>(
      `select count(*) as organizations, coalesce(extract(epoch from now() - min(since)), 0) as seconds
       from follow_failure where owner = $1`,
      [source],
    );
    return { organizations: Number(rows[0]?.organizations), seconds: Number(rows[0]?.seconds) };
  });
  const of = { source };
  const parts = new DisposableStack();
  parts.use(stuck.readBy(async () => [[of, (await failures()).organizations]]));
  parts.use(stuckSeconds.readBy(async () => [[of, (await failures()).seconds]]));
  return parts;
}

/** One answer for all that is read in the same scrape. */
function askedOnce<T>(ask: () => Promise<T>): () => Promise<T> {
  let asked: Promise<T> | null = null;
  return () => {
    asked ??= ask().finally(() => {
      asked = null;
    });
    return asked;
  };
}
