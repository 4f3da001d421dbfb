import { Fault } from "@portcullis/chassis/fault";
import type { Log } from "@portcullis/chassis/log";
import type { Stub } from "@portcullis/chassis/rpc/client";
import type { OrgId, Owner } from "@portcullis/policy";
import type { Event, WriteContext } from "@portcullis/proto/events/v1/events";
import type { FactsService } from "@portcullis/proto/facts/v1/facts";
import type { Database, Write } from "./database.ts";
import { followerQueue } from "./doorbell.ts";
import { forgetFailure, noteFailure } from "./follow-failures.ts";
import { cursorAt, cursorMoved, type Place, readPlace } from "./followed-place.ts";
import { watchFollower } from "./metrics.ts";
import { queryThrough } from "./query.ts";
import { workOn } from "./queue-worker.ts";

export interface FollowerOptions {
  /** The follower's own. */
  readonly database: Database;
  /** Whose log is followed; an owner's own, where a change is too much for the transaction that began it; */
  readonly source: Owner;
  /** and how it is read. */
  readonly facts: Pick<Stub<typeof FactsService>, "readLog" | "heads">;
  /** The actions that matter here; events of other actions are passed over. */
  readonly actions: readonly string[];
  /**
   * Does what an event asks for, in a transaction of its organisation. Every event is handled in order; one may be
   * handled again after its owner's database was restored, so what it does must bear repetition. What is too much for
   * one transaction is done in several: whoever answers "unfinished" has recorded a part, and is handed the same event
   * again in the next one.
   */
  readonly handle: (write: Write, event: Event) => Promise<"unfinished" | void>;
  readonly redisUrl: string;
  readonly log: Log;
}

export interface Follower extends AsyncDisposable {
  /** Handles what has happened so far in an organisation. */
  catchUp(org: OrgId): Promise<void>;
}

/** Doorbells that were lost cost no more than this. */
const sweepMs = 30_000;
/** Events can be large: one may name thousands of members. */
const eventsAtOnce = 20;
const organisationsAtOnce = 1000;
const jobsAtOnce = 4;

/**
 * Follows another owner's log, organisation by organisation. How far it came is kept in the follower's database, and
 * changes in the transaction of what the event did: killed anywhere, it goes on where it was. Jobs only say where to look,
 * and a sweep looks where none said so.
 */
export async function startFollower(options: FollowerOptions): Promise<Follower> {
  const { database, source, log } = options;
  const stop = new AbortController();
  const catchUp = (org: OrgId) => followNoting(options, org, stop.signal);

  const busy = new Set<OrgId>();
  const rungMeanwhile = new Set<OrgId>();
  const worker = workOn({
    queue: followerQueue(source, database.owner),
    redisUrl: options.redisUrl,
    jobsAtOnce,
    async work(bell) {
      const org = bell.org as OrgId;
      const { cursor, waits } = await readPlace(database, source, org);
      if (waits || (cursor !== null && cursor.position >= bell.position)) return;
      // One organisation's long work does not take the places of all others.
      rungMeanwhile.add(org);
      if (busy.has(org)) return;
      busy.add(org);
      try {
        while (rungMeanwhile.delete(org) && !stop.signal.aborted) await catchUp(org);
      } finally {
        busy.delete(org);
      }
    },
    onFailed: (bell, reason) =>
      log.warn({ source, org: bell?.org, reason }, "can't follow a log; trying again"),
    log,
  });
  const watched = watchFollower(database, source);

  let sweeping = Promise.resolve();
  const sweepSoon = (): void => {
    sweeping = sweep(options, catchUp, stop.signal).catch((error: unknown) =>
      log.warn({ source, reason: reasonOf(error) }, "can't look for logs to follow; trying again"),
    );
  };
  sweepSoon();
  const timer = setInterval(() => void sweeping.then(sweepSoon), sweepMs);

  return {
    catchUp,
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      stop.abort();
      await sweeping;
      watched[Symbol.dispose]();
      await worker[Symbol.asyncDispose]();
    },
  };
}

/** Follows a log, and notes for operators where and why that can't be done. */
async function followNoting(options: FollowerOptions, org: OrgId, stop: AbortSignal): Promise<void> {
  const { database, source } = options;
  const place = { position: 0 };
  let hadFailed: boolean;
  try {
    ({ hadFailed } = await followLog(options, org, stop, place));
  } catch (error) {
    const failure = { position: place.position, reason: reasonOf(error) };
    await noteFailure(database, source, org, failure).catch(() => undefined); // then the log alone tells
    throw error;
  }
  if (hadFailed && !stop.aborted) await forgetFailure(database, source, org).catch(() => undefined);
}

/** `place` always holds the position that is being worked on. Answers whether that could not be done before. */
async function followLog(
  options: FollowerOptions,
  org: OrgId,
  stop: AbortSignal,
  place: { position: number },
): Promise<{ readonly hadFailed: boolean }> {
  const { database, source, facts } = options;
  let hadFailed = false;
  for (;;) {
    const { cursor, hasFailed } = await readPlace(database, source, org);
    hadFailed ||= hasFailed;
    place.position = (cursor?.position ?? 0) + 1;
    let log = await facts.readLog({ orgId: org, after: cursor?.position ?? 0, limit: eventsAtOnce });
    if (cursor !== null && cursor.incarnation !== log.incarnation) {
      // Another history: its positions mean other events.
      log = await facts.readLog({ orgId: org, after: 0, limit: eventsAtOnce });
    }
    const { events, incarnation } = log;
    for (const event of events) {
      if (stop.aborted) return { hadFailed };
      if (!options.actions.includes(event.action)) continue;
      place.position = event.position;
      while (!(await handleOnce(options, incarnation, event))) if (stop.aborted) return { hadFailed };
    }
    const last = events.at(-1);
    if (last === undefined) return { hadFailed };
    await database.ask(cursorMoved([org, source, incarnation, last.position]));
    if (last.position >= log.head) return { hadFailed };
  }
}

/** Handles an event, or a part of it, in one transaction; answers whether it is done. */
async function handleOnce(
  { database, source, handle }: FollowerOptions,
  incarnation: string,
  event: Event,
): Promise<boolean> {
  const there: Place = [event.orgId as OrgId, source, incarnation, event.position];
  const { result } = await database.write(event.orgId as OrgId, contextOf(event), async (write) => {
    write.keepBooks(); // how far it came is noted also where nothing was to be done
    const query = queryThrough(write.em);
    const beyond = await query(cursorAt(there));
    if (beyond.length > 0) return true;
    let hasRecorded = false;
    const record: Write["record"] = (change) => {
      hasRecorded = true;
      write.record(change);
    };
    if ((await handle({ ...write, record }, event)) !== "unfinished") {
      await query(cursorMoved(there));
      return true;
    }
    if (!hasRecorded) throw new Error("a part of what an event asks for records what it did");
    return false;
  });
  return result;
}

/** Catches up with every organisation that stands behind. */
async function sweep(
  { database, source, facts, log }: FollowerOptions,
  catchUp: (org: OrgId) => Promise<void>,
  stop: AbortSignal,
): Promise<void> {
  let after = "00000000-0000-0000-0000-000000000000";
  while (!stop.aborted) {
    const rows = await database.read((em) =>
      em.execute<Followed[]>(
        `select org_log.org_id, incarnation, followed_log.position, coalesce(retry_at > now(), false) as waits
         from org_log left join followed_log on followed_log.org_id = org_log.org_id and followed_log.owner = ?
         left join follow_failure on follow_failure.org_id = org_log.org_id and follow_failure.owner = ?
         where org_log.org_id > ? order by org_log.org_id limit ?`,
        [source, source, after, organisationsAtOnce],
      ),
    );
    const last = rows.at(-1);
    if (last === undefined) return;
    after = last.org_id;
    const heads = await facts.heads({ orgIds: rows.map((row) => row.org_id) });
    for (const [index, row] of rows.entries()) {
      const head = heads.positions[index] ?? 0;
      const there = row.incarnation === heads.incarnation ? Number(row.position) : 0;
      if (there >= head || row.waits || stop.aborted) continue;
      await catchUp(row.org_id).catch((error: unknown) =>
        log.warn({ source, org: row.org_id, reason: reasonOf(error) }, "can't follow a log; trying again"),
      );
    }
  }
}

interface Followed {
  readonly org_id: OrgId;
  readonly incarnation: string | null;
  readonly position: string | null;
  /** It failed too lately for another attempt. */
  readonly waits: boolean;
}

/** The system itself acts, on the ground of that event: both stand under the same request id. */
function contextOf(event: Event): WriteContext {
  return {
    actor: undefined,
    requestId: event.context?.requestId ?? "",
    sourceAddress: "",
    unchangedSince: [],
  };
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Fault) || !(error.cause instanceof Error)) return String(error);
  return `${error.message}: ${error.cause.message}`;
}
