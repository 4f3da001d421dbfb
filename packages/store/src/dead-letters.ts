// Work across services that does not get done, for operators: jobs that failed for good, and logs that are not followed.
// Jobs only say where to look, so one that is dead is a sign and no loss; what counts is how far a log was followed.

import { randomUUID } from "node:crypto";
import { Fault } from "@portcullis/chassis/fault";
import { connected, openRedisForWorking } from "@portcullis/chassis/redis";
import { type OrgId, type Owner, owners } from "@portcullis/policy";
import { Queue } from "bullmq";
import pg from "pg";
import { type Doorbell, doorbellQueues, followerQueue, queuePrefix } from "./doorbell.ts";

/** A job that failed as often as it may. */
export interface DeadJob {
  readonly kind: "dead job";
  /** Names it for {@link DeadLetters.requeue}. */
  readonly id: string;
  readonly queue: string;
  readonly owner: string;
  readonly org: string;
  readonly position: number;
  readonly reason: string;
  readonly attempts: number;
  readonly at: Date;
}

/** A log that its follower has not followed for long. */
export interface StuckFollower {
  readonly kind: "stuck follower";
  readonly id: string;
  readonly follower: Owner;
  readonly source: Owner;
  readonly org: OrgId;
  /** The first event that is not done, */
  readonly position: number;
  /** and the last there is. */
  readonly head: number;
  /** Why; null when the follower never said so: it may not be running. */
  readonly reason: string | null;
  readonly attempts: number;
  /** Since when: the first failure, or the time of the event. */
  readonly since: Date;
  /** Not before this time it is tried again by itself; null when it never failed. */
  readonly retryAt: Date | null;
}

export interface DeadLetterOptions {
  readonly redisUrl: string;
  readonly databaseUrls: Readonly<Record<Owner, string>>;
  /** A follower that is behind for a shorter time, without having failed, is not called stuck. */
  readonly patienceMs?: number;
}

export interface DeadLetters extends AsyncDisposable {
  list(): AsyncGenerator<DeadJob | StuckFollower>;
  /** Lets it be tried at once, with all its attempts before it. Throws a Fault when nothing of that name is dead or stuck. */
  requeue(id: string): Promise<void>;
}

const defaultPatienceMs = 60_000;
const jobsAtOnce = 100;
const organisationsAtOnce = 1000;

/** Connects to the queues' Redis and to every owner's database. */
export async function openDeadLetters(options: DeadLetterOptions): Promise<DeadLetters> {
  await using parts = new AsyncDisposableStack();
  const redis = parts.use(openRedisForWorking(options.redisUrl));
  await connected(redis);
  const queues = new Map<string, Queue<Doorbell>>();
  for (const name of doorbellQueues) {
    const queue = new Queue<Doorbell>(name, {
      connection: redis,
      prefix: queuePrefix,
      skipMetasUpdate: true,
    });
    queue.on("error", () => undefined);
    parts.defer(() => queue.close());
    queues.set(name, queue);
  }
  const clients = {} as Record<Owner, pg.Client>;
  for (const owner of owners) {
    const client = new pg.Client({ connectionString: options.databaseUrls[owner] });
    client.on("error", () => undefined);
    await client.connect().catch((error: unknown) => {
      throw new Fault("unavailable", `can't reach the database of ${owner}`, { cause: error });
    });
    parts.defer(() => client.end());
    clients[owner] = client;
  }
  const patienceMs = options.patienceMs ?? defaultPatienceMs;
  const open = parts.move();
  return {
    async *list() {
      for (const queue of queues.values()) yield* deadJobs(queue);
      for (const follower of owners) {
        for (const source of await sourcesOf(clients[follower])) {
          yield* stuckIn({ clients, follower, source, patienceMs });
        }
      }
    },
    async requeue(id) {
      const slash = id.indexOf("/");
      const queue = queues.get(id.slice(0, slash));
      const rest = id.slice(slash + 1);
      const pair = pairOf(id.slice(0, slash));
      const job = await queue?.getJob(rest);
      let done = false;
      if (job !== undefined && (await job.isFailed())) {
        // A follower that waits after its failures would pass over it.
        const org = (job.data as Partial<Doorbell> | null)?.org;
        if (pair !== null && org !== undefined) await endWait(clients[pair.follower], pair.source, org);
        await job.retry("failed", { resetAttemptsMade: true, resetAttemptsStarted: true });
        done = true;
      } else if (queue !== undefined && pair !== null) {
        done = await retryFollower(clients[pair.follower], pair.source, rest, queue);
      }
      if (!done) throw new Fault("absent", `nothing dead or stuck is called ${id}`);
    },
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
}

function pairOf(queue: string): { readonly source: Owner; readonly follower: Owner } | null {
  const pairs = owners.flatMap((source) => owners.map((follower) => ({ source, follower })));
  return pairs.find(({ source, follower }) => followerQueue(source, follower) === queue) ?? null;
}

async function* deadJobs(queue: Queue<Doorbell>): AsyncGenerator<DeadJob> {
  for (let from = 0; ; from += jobsAtOnce) {
    const jobs = await queue.getFailed(from, from + jobsAtOnce - 1);
    for (const job of jobs) {
      // Whoever can write to Redis may have put anything there.
      const data = job.data as Partial<Doorbell> | null;
      yield {
        kind: "dead job",
        id: `${queue.name}/${job.id}`,
        queue: queue.name,
        owner: String(data?.owner),
        org: String(data?.org),
        position: Number(data?.position),
        reason: job.failedReason,
        attempts: job.attemptsMade,
        at: new Date(job.finishedOn ?? job.timestamp),
      };
    }
    if (jobs.length < jobsAtOnce) return;
  }
}

/** The owners whose logs are followed here. */
async function sourcesOf(client: pg.Client): Promise<Owner[]> {
  const sources: Owner[] = [];
  for (const source of owners) {
    const { rows } = await client.query(
      `select from followed_log where owner = $1 union all select from follow_failure where owner = $1 limit 1`,
      [source],
    );
    if (rows.length > 0) sources.push(source);
  }
  return sources;
}

interface Following {
  readonly clients: Readonly<Record<Owner, pg.Client>>;
  readonly follower: Owner;
  readonly source: Owner;
  readonly patienceMs: number;
}

interface FollowedRow {
  readonly org_id: OrgId;
  readonly incarnation: string | null;
  readonly position: string | null;
  readonly reason: string | null;
  readonly attempts: number | null;
  readonly since: Date | null;
  readonly retry_at: Date | null;
}

async function* stuckIn({ clients, follower, source, patienceMs }: Following): AsyncGenerator<StuckFollower> {
  let after: string | null = null;
  for (;;) {
    const { rows }: { rows: FollowedRow[] } = await clients[follower].query<FollowedRow>(
      `select org_id, followed.incarnation, followed.position, reason, attempts, since, retry_at
       from org_log
       left join (select * from followed_log where owner = $1) as followed using (org_id)
       left join (select * from follow_failure where owner = $1) as failure using (org_id)
       where $2::uuid is null or org_id > $2 order by org_id limit $3`,
      [source, after, organisationsAtOnce],
    );
    const last = rows.at(-1);
    if (last === undefined) return;
    after = last.org_id;
    const heads = await headsOf(clients[source], rows);
    for (const row of rows) {
      const next = heads.get(row.org_id);
      if (next === undefined) continue;
      const failed = row.reason !== null;
      if (!failed && !(Date.now() - next.at.getTime() > patienceMs)) continue;
      yield {
        kind: "stuck follower",
        id: `${followerQueue(source, follower)}/${row.org_id}`,
        follower,
        source,
        org: row.org_id,
        position: next.position,
        head: next.head,
        reason: row.reason,
        attempts: row.attempts ?? 0,
        since: row.since ?? next.at,
        retryAt: row.retry_at,
      };
    }
  }
}

interface NextEvent {
  readonly position: number;
  readonly head: number;
  readonly at: Date;
}

/** Of the organisations whose log goes on behind the cursor: the first event there, and the last. */
async function headsOf(client: pg.Client, rows: readonly FollowedRow[]): Promise<Map<OrgId, NextEvent>> {
  const { rows: behind } = await client.query<{ org_id: OrgId; position: string; head: string; at: Date }>(
    `select org_log.org_id, event_log.position, org_log.position as head, at
     from unnest($1::uuid[], $2::text[], $3::bigint[]) as followed (org_id, incarnation, position)
     join org_log using (org_id)
     join event_log on event_log.org_id = org_log.org_id and event_log.position = 1 +
       case when followed.incarnation = (select incarnation()) then followed.position else 0 end`,
    [
      rows.map((row) => row.org_id),
      rows.map((row) => row.incarnation),
      rows.map((row) => row.position ?? "0"),
    ],
  );
  return new Map(
    behind.map((row) => [row.org_id, { position: Number(row.position), head: Number(row.head), at: row.at }]),
  );
}

/** Lets a follower try at once, as if it had not failed before. */
async function endWait(client: pg.Client, source: Owner, org: string): Promise<void> {
  await client.query(
    "update follow_failure set retry_at = now(), attempts = 0 where org_id::text = $1 and owner = $2",
    [org, source],
  );
}

/** Ends its wait, and rings. */
async function retryFollower(
  client: pg.Client,
  source: Owner,
  org: string,
  queue: Queue<Doorbell>,
): Promise<boolean> {
  const { rows } = await client.query<{ next: string }>(
    `select coalesce(followed.position, 0) + 1 as next from org_log
     left join (select * from followed_log where owner = $2) as followed using (org_id) where org_id::text = $1`,
    [org, source],
  );
  const [row] = rows;
  if (row === undefined) return false;
  await endWait(client, source, org);
  const doorbell = { owner: source, org, position: Number(row.next) };
  await queue.add(source, doorbell, {
    jobId: `retry-${randomUUID()}`,
    removeOnComplete: true,
    removeOnFail: true, // whether it helped is seen where the follower stands
  });
  return true;
}
