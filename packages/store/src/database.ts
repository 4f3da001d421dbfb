import type { EntitySchema, MigrationObject } from "@mikro-orm/core";
import { type EntityManager, MikroORM } from "@mikro-orm/postgresql";
import type { Log } from "@portcullis/chassis/log";
import { traced, traceparent } from "@portcullis/chassis/trace";
import type { Dependency } from "@portcullis/facts/wire";
import type { OrgId, Owner } from "@portcullis/policy";
import type { Revision, WriteContext } from "@portcullis/proto/events/v1/events";
import pg from "pg";
import { databaseWork } from "./database-work.ts";
import { appending, beginLogs, type Change, lockLogs, refuseIfChanged } from "./event-log.ts";
import { databaseFault } from "./faults.ts";
import { limitTransaction, statementTimeoutMs } from "./limits.ts";
import { watchPool } from "./metrics.ts";
import { migrate, requireMigrated } from "./migrate.ts";
import type { OtherLogs } from "./other-logs.ts";
import { keepBrokenHarmless, surviveBroken } from "./pools.ts";
import { queryThrough, type Statement } from "./query.ts";
import { type LogHead, Replica } from "./replica.ts";
import { sharing } from "./shares.ts";

export interface DatabaseOptions {
  readonly owner: Owner;
  readonly url: string;
  /** A streaming replica of it. */
  readonly replicaUrl?: string;
  /** How many connections writers, readers, and the readers of the replica may have. */
  readonly poolMax?: number;
  readonly entities: readonly EntitySchema[];
  /** In order; they run behind the log's own tables. */
  readonly migrations: readonly MigrationObject[];
  /** False: they have run before, by a role that may change tables. */
  readonly migratesAtStart?: boolean;
  /** What each change notes that it comes after. */
  readonly otherLogs: OtherLogs;
  readonly log: Log;
}

/** One writing transaction of one organisation. Nobody else writes to that organisation meanwhile. */
export interface Write {
  readonly em: EntityManager;
  /** Notes the change that this transaction makes, at most once. A transaction that notes none is rolled back. */
  readonly record: (change: Change) => void;
  /** Says that what is written is no change that anybody need hear of: it commits without an event. */
  readonly keepBooks: () => void;
}

/** What a write answered, and the revision at which it stands. */
export interface Written<Result> {
  readonly result: Result;
  readonly revision: Revision;
}

interface Asked {
  readonly org: OrgId;
  readonly context: WriteContext;
  readonly dependsOn: readonly Dependency[];
}

/** Of writers; and as many of readers, whom waiting writers must not starve. */
const poolMaxDefault = 10;
/** One organisation's writers take no more than one of so many parts of the connections. */
const shareOfOne = 3;
/** Nobody waits longer than this for a connection, be they all taken or the server silent. */
const connectionMs = 2000;

/** Ends a transaction that recorded nothing, with its result. */
class NothingChanged extends Error {
  readonly written: Written<unknown>;

  constructor(written: Written<unknown>) {
    super("nothing was changed");
    this.written = written;
  }
}

/** An owner's database: entities through MikroORM, hot reads through `pg`. */
export class Database implements AsyncDisposable {
  readonly owner: Owner;
  /** For the hot reads. */
  readonly pool: pg.Pool;
  /** For the hot writes: the connections of the ORM. Statements of one that don't wait for each other go out together. */
  readonly writers: pg.Pool;
  readonly url: string;
  readonly #orm: MikroORM;
  readonly #inShare: ReturnType<typeof sharing>;
  readonly #replica: Replica | null;
  /** What a write is to note that it comes after. */
  readonly otherLogs: OtherLogs;
  readonly #watched: Disposable;

  private constructor(
    options: DatabaseOptions,
    orm: MikroORM,
    { pool, writers }: Pick<Database, "pool" | "writers">,
    replica: Replica | null,
    watched: Disposable,
  ) {
    const { owner, url, otherLogs, poolMax = poolMaxDefault } = options;
    this.#watched = watched;
    this.#inShare = sharing(Math.max(1, Math.floor(poolMax / shareOfOne)), connectionMs);
    this.#replica = replica;
    this.owner = owner;
    this.url = url;
    this.otherLogs = otherLogs;
    this.#orm = orm;
    this.pool = pool;
    this.writers = writers;
  }

  /** Connects, and brings the tables up to date, or refuses those that are not. */
  static async open(options: DatabaseOptions): Promise<Database> {
    const { poolMax = poolMaxDefault, replicaUrl } = options;
    const watched = new DisposableStack();
    const orm = await MikroORM.init({
      clientUrl: options.url,
      // One that is not there would be made, and a misspelt name be an empty world.
      ensureDatabase: false,
      entities: [...options.entities],
      colors: false,
      logger: (message) => options.log.debug({}, message),
      pool: { min: 0, max: poolMax },
      driverOptions: {
        connectionTimeoutMillis: connectionMs,
        pipeline: true,
        onPoolCreated: (writing: pg.Pool) => {
          keepBrokenHarmless(writing);
          watched.use(watchPool(writing, "writes"));
        },
      },
    });
    const pool = new pg.Pool({
      connectionString: options.url,
      max: poolMax,
      connectionTimeoutMillis: connectionMs,
      statement_timeout: statementTimeoutMs,
    });
    surviveBroken(pool);
    watched.use(watchPool(pool, "reads"));
    pool.on("error", (error) =>
      options.log.warn({ reason: error.message }, "an idle database connection broke"),
    );
    const replica = replicaUrl === undefined ? null : new Replica({ ...options, url: replicaUrl, poolMax });
    const writers = await orm.em.getConnection().getNativeClient();
    const database = new Database(options, orm, { pool, writers }, replica, watched);
    try {
      if (options.migratesAtStart ?? true) await migrate(options.url, options.migrations);
      else await requireMigrated(pool, options.migrations);
    } catch (error) {
      await database[Symbol.asyncDispose]();
      throw error;
    }
    return database;
  }

  /** Reads of any kind, outside the log. */
  async read<Result>(body: (em: EntityManager) => Promise<Result>): Promise<Result> {
    return traced(databaseWork(this.owner, "read"), async () => {
      try {
        return await body(this.#orm.em.fork());
      } catch (error) {
        throw databaseFault(error);
      }
    });
  }

  /**
   * A list of what an organisation has, with all that was committed before it was asked for. A replica answers it, where
   * there is one that can.
   */
  async list<Result>(org: OrgId, body: (em: EntityManager) => Promise<Result>): Promise<Result> {
    const replica = this.#replica;
    if (replica !== null && !replica.isResting) {
      const head = await this.#logHead(org);
      const answer = head === null ? null : await replica.read(org, head, body);
      if (answer !== null) return answer.result;
    }
    return this.read(body);
  }

  /** Null: there is no event that could tell one history from another. */
  async #logHead(org: OrgId): Promise<LogHead | null> {
    const [head] = await this.ask<LogHead>({
      name: "log head",
      text: "select position, head_hash as hash from org_log where org_id = $1 and head_hash is not null",
      values: [org],
    });
    return head ?? null;
  }

  /** A hot read of one statement, which sees one moment. */
  async ask<Row extends object>({ name, text, values = [] }: Statement): Promise<Row[]> {
    return traced(databaseWork(this.owner, "read"), async () => {
      try {
        const { rows } = await this.pool.query<Row>({ name, text, values: [...values] });
        return rows;
      } catch (error) {
        throw databaseFault(error);
      }
    });
  }

  /**
   * A write: rows and event commit together, or neither does. The organisation's log is locked first, so that checks
   * such as 'no cycle' and 'unique name' that the body makes are safe from other writers.
   */
  async write<Result>(
    org: OrgId,
    context: WriteContext,
    body: (write: Write) => Promise<Result>,
  ): Promise<Written<Result>> {
    // All that was done before this was asked for stands in the others' logs by now. Nobody waits for them under the lock.
    const dependsOn = await this.otherLogs(org);
    return traced(databaseWork(this.owner, "write"), async () => {
      try {
        return await this.#inShare(org, () =>
          this.#orm.em.fork().transactional((em) => this.#writeIn(em, { org, context, dependsOn }, body)),
        );
      } catch (error) {
        if (error instanceof NothingChanged) return error.written as Written<Result>;
        throw databaseFault(error);
      }
    });
  }

  async #writeIn<Result>(
    em: EntityManager,
    { org, context, dependsOn }: Asked,
    body: (write: Write) => Promise<Result>,
  ): Promise<Written<Result>> {
    await em.execute(limitTransaction);
    const query = queryThrough(em);
    const log = (await lockLogs(query, [org])).get(org) ?? (await beginLogs(query, [org])).get(org);
    if (log === undefined) throw new Error("a log that was begun is not there");
    const { position, incarnation } = log;
    const changes: Change[] = [];
    let keepsBooks = false;
    const result = await body({
      em,
      record: (change) => changes.push(change),
      keepBooks: () => {
        keepsBooks = true;
      },
    });
    const revisionAt = (place: number) => ({ orgId: org, owner: this.owner, position: place, incarnation });
    const [change, ...more] = changes;
    if (more.length > 0) throw new Error("a transaction records one change");
    const seen = context.unchangedSince.find((place) => place.owner === this.owner);
    if (seen !== undefined) await refuseIfChanged(query, change?.subject ?? null, seen, revisionAt(position));
    if (change !== undefined) {
      await em.flush();
      const recorded = [{ context, change, dependsOn, traceparent: traceparent() }];
      await query(appending([{ org, after: position, recorded }]));
      return { result, revision: revisionAt(position + 1) };
    }
    const written = { result, revision: revisionAt(position) };
    // What nobody would hear of must not stand: a write without a word of it is taken back.
    if (!keepsBooks) throw new NothingChanged(written);
    return written;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#watched[Symbol.dispose]();
    await Promise.all([this.#orm.close(true), this.pool.end(), this.#replica?.[Symbol.asyncDispose]()]);
  }
}
