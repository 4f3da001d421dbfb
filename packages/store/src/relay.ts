import type { Log } from "@portcullis/chassis/log";
import type { Owner } from "@portcullis/policy";
import type { Database } from "./database.ts";
import { type Doorbell, followerQueue, invalidationQueue } from "./doorbell.ts";
import { type Job, JobAdder } from "./job-adder.ts";
import { watchRelay } from "./metrics.ts";
import { waitForSeat } from "./relay-seat.ts";

/** Beneath LISTEN: a lost notification costs no more than this. */
const pollMs = 200;
const reconnectMs = 1000;
const organisationsAtOnce = 100;
const eventsAtOnce = 1000;

export interface RelayOptions {
  readonly database: Database;
  readonly redisUrl: string;
  /** The owners that follow this log; decision always does. */
  readonly followers?: readonly Owner[];
  /** What the owner follows its own log for: it is rung for nothing else, as it would hear of each of its writes. */
  readonly ownActions?: readonly string[];
  readonly log: Log;
}

/** A queue, and which events are rung for in it; null: all. */
interface Bell {
  readonly queue: string;
  readonly actions: readonly string[] | null;
}

/**
 * Follows an owner's log and rings the doorbells of every event, one for each consumer; of several processes one does. It
 * remembers how far it came in the database, and only after the jobs are in the queue: killed in between, it or another
 * rings again, and job ids make that harmless.
 */
export async function startRelay(options: RelayOptions): Promise<AsyncDisposable> {
  const { database, log } = options;
  await using parts = new AsyncDisposableStack();
  const { followers = [], ownActions } = options;
  const bells: Bell[] = [
    { queue: invalidationQueue, actions: null },
    ...followers.map((owner) => ({ queue: followerQueue(database.owner, owner), actions: null })),
    ...(ownActions === undefined
      ? []
      : [{ queue: followerQueue(database.owner, database.owner), actions: ownActions }]),
  ];
  const queues = bells.map(({ queue }) => queue);
  const adder = parts.use(new JobAdder(queues, options.redisUrl));
  const bell = new Wake();
  const stop = new AbortController();
  const seat = parts.use(waitForSeat(database, () => bell.ring(), log));
  parts.use(watchRelay(database, seat));
  const ringing = (async () => {
    let healthy = true;
    while (!stop.signal.aborted) {
      try {
        while (seat.isHeld && !stop.signal.aborted && (await ringOnce(database, adder, bells)));
        if (!healthy) log.info({}, "the relay works again");
        healthy = true;
      } catch (error) {
        if (healthy) log.warn({ reason: String(error) }, "the relay can't ring; events wait in the log");
        healthy = false;
        seat.leave();
      }
      await bell.wait(healthy ? pollMs : reconnectMs);
    }
  })();
  parts.defer(() => {
    stop.abort();
    bell.ring();
    return ringing;
  });
  const running = parts.move();
  return { [Symbol.asyncDispose]: () => running.disposeAsync() };
}

/** Rings for what is new, and answers whether that may not be all: what is committed later wakes us again. */
async function ringOnce(database: Database, adder: JobAdder, bells: readonly Bell[]): Promise<boolean> {
  const behind = await readBehind(database, bells);
  if (behind.length === 0) return false;
  const events = behind.flatMap((stretch) => eventsOf(database.owner, stretch));
  const rung = bells.map(({ queue, actions }) => {
    const heard = events.filter(({ action }) => actions === null || actions.includes(action ?? ""));
    return [queue, heard.map(doorbell)] as const;
  });
  await adder.add(new Map(rung.filter(([, jobs]) => jobs.length > 0)));
  await noteRelayed(database, behind);
  return (
    behind.length === organisationsAtOnce || behind.some(({ from, to }) => to - from + 1 === eventsAtOnce)
  );
}

/** Of logs that nobody has locked at once, as there may be many; behind that of the others, which takes until they are free. */
async function noteRelayed(database: Database, behind: readonly Behind[]): Promise<void> {
  const noted = await database.ask<{ org_id: string }>({
    name: "relayed",
    text: `update org_log set relayed = greatest(relayed, rung.last)
       from unnest($1::uuid[], $2::bigint[]) as rung (org_id, last)
       where org_log.org_id = rung.org_id and org_log.org_id = any(array(
         select org_id from org_log where org_id = any($1::uuid[]) for update skip locked
       ))
       returning org_log.org_id`,
    values: [`{${behind.map(({ org }) => org).join(",")}}`, `{${behind.map(({ to }) => to).join(",")}}`],
  });
  const done = new Set(noted.map(({ org_id }) => org_id));
  for (const { org, to } of behind.filter(({ org }) => !done.has(org))) {
    await database.ask({
      name: "relayed-late",
      text: "update org_log set relayed = greatest(relayed, $2) where org_id = $1",
      values: [org, to],
    });
  }
}

/** The events of an organisation that were not rung for yet, or as many of them as are at a time. */
interface Behind {
  readonly org: string;
  readonly from: number;
  readonly to: number;
  /** By position, of the actions that some bell asks for, and where a trace is made of it. */
  readonly actions: ReadonlyMap<number, string>;
  readonly traces: ReadonlyMap<number, string>;
}

async function readBehind(database: Database, bells: readonly Bell[]): Promise<Behind[]> {
  const actions = bells.flatMap((bell) => bell.actions ?? []);
  const rows = await database.ask<BehindRow>({
    name: "unrelayed",
    text: `select org_id, relayed, least(position, relayed + $2::bigint) as last, actions, traces
           from org_log cross join lateral (
             select jsonb_object_agg(event.position, action) filter (where action = any($3::text[])) as actions,
               jsonb_object_agg(event.position, traceparent) filter (where traceparent is not null) as traces
             from event_log event where event.org_id = org_log.org_id
               and event.position > relayed and event.position <= relayed + $2::bigint
           ) as events
           where relayed < position limit $1`,
    values: [organisationsAtOnce, eventsAtOnce, `{${actions.join(",")}}`],
  });
  return rows.map((row) => ({
    org: row.org_id,
    from: Number(row.relayed) + 1,
    to: Number(row.last),
    actions: byPosition(row.actions),
    traces: byPosition(row.traces),
  }));
}

interface BehindRow {
  readonly org_id: string;
  readonly relayed: string;
  readonly last: string;
  readonly actions: Readonly<Record<string, string>> | null;
  readonly traces: Readonly<Record<string, string>> | null;
}

function byPosition(texts: Readonly<Record<string, string>> | null): ReadonlyMap<number, string> {
  return new Map(Object.entries(texts ?? {}).map(([position, text]) => [Number(position), text]));
}

interface RungEvent {
  readonly place: Doorbell;
  readonly action: string | undefined;
}

function eventsOf(owner: Owner, { org, from, to, actions, traces }: Behind): RungEvent[] {
  return Array.from({ length: to - from + 1 }, (_, index) => {
    const position = from + index;
    const traceparent = traces.get(position);
    const place = { owner, org, position, ...(traceparent !== undefined && { traceparent }) };
    return { place, action: actions.get(position) };
  });
}

function doorbell({ place }: RungEvent): Job {
  return {
    name: place.owner,
    data: place,
    opts: {
      jobId: `inv-${place.owner}-${place.org}-${place.position}`,
      attempts: 5,
      backoff: { type: "exponential", delay: 200 },
      removeOnComplete: true,
      removeOnFail: 1000,
    },
  };
}

/** Sleep that can be cut short, also by a ring that came before it. */
class Wake {
  #rung = false;
  #wake: (() => void) | null = null;

  ring(): void {
    this.#rung = true;
    this.#wake?.();
  }

  async wait(ms: number): Promise<void> {
    if (!this.#rung) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.#wake = null;
    this.#rung = false;
  }
}
