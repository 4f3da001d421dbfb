import type { EntitySchema, MigrationObject } from "@mikro-orm/core";
import { Migrator } from "@mikro-orm/migrations";
import { type EntityManager, MikroORM } from "@mikro-orm/postgresql";
import type { Log } from "@portcullis/chassis/log";
import type { Dependency } from "@portcullis/facts/wire";
import type { OrgId, Owner } from "@portcullis/policy";
import type { Revision, WriteContext } from "@portcullis/proto/events/v1/events";
import pg from "pg";
import { appendEvent, type Change, incarnationOf, lockLog, refuseIfChanged } from "./event-log.ts";
import { databaseFault } from "./faults.ts";
import { FollowFailures } from "./follow-failures.ts";
import { AuditIndexes, LogChain, LogChainPlan } from "./log-chain.ts";
import { FollowedLogs, LogDependencies, LogTables } from "./log-tables.ts";
import type { OtherLogs } from "./other-logs.ts";

export interface DatabaseOptions {
  readonly owner: Owner;
  readonly url: string;
  readonly entities: readonly EntitySchema[];
  /** In order; they run behind the log's own tables. */
  readonly migrations: readonly MigrationObject[];
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
const connectionsMax = 10;
/** One organisation's writer waits no longer than this for another. */
const lockTimeoutMs = 4000;
const statementTimeoutMs = 5000;
/** A writer that was stopped in the middle holds its organisation's lock no longer than this. */
const idleTimeoutMs = 8000;

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
  readonly url: string;
  readonly #orm: MikroORM;
  readonly #otherLogs: OtherLogs;

  private constructor({ owner, url, otherLogs }: DatabaseOptions, orm: MikroORM, pool: pg.Pool) {
    this.owner = owner;
    this.url = url;
    this.#otherLogs = otherLogs;
    this.#orm = orm;
    this.pool = pool;
  }

  /** Connects, and brings the tables up to date; two processes may do so at once. */
  static async open(options: DatabaseOptions): Promise<Database> {
    const orm = await MikroORM.init({
      clientUrl: options.url,
      entities: [...options.entities],
      extensions: [Migrator],
      colors: false,
      logger: (message) => options.log.debug({}, message),
      pool: { min: 0, max: connectionsMax },
      driverOptions: {
        onPoolCreated: (pool: pg.Pool) => {
          surviveBroken(pool);
          reclaimBroken(pool);
        },
      },
      migrations: {
        migrationsList: [
          { name: "0001-log-tables", class: LogTables },
          { name: "0001-followed-logs", class: FollowedLogs },
          { name: "0001-log-chain", class: LogChain },
          { name: "0001-audit-indexes", class: AuditIndexes },
          { name: "0001-log-dependencies", class: LogDependencies },
          { name: "0001-follow-failures", class: FollowFailures },
          { name: "0001-log-chain-plan", class: LogChainPlan },
          ...options.migrations,
        ],
        snapshot: false,
        tableName: "migrations",
      },
    });
    const pool = new pg.Pool({ connectionString: options.url, max: connectionsMax });
    surviveBroken(pool);
    pool.on("error", (error) =>
      options.log.warn({ reason: error.message }, "an idle database connection broke"),
    );
    const database = new Database(options, orm, pool);
    try {
      await database.#migrate();
    } catch (error) {
      await database[Symbol.asyncDispose]();
      throw error;
    }
    return database;
  }

  /** Reads of any kind, outside the log. */
  async read<Result>(body: (em: EntityManager) => Promise<Result>): Promise<Result> {
    try {
      return await body(this.#orm.em.fork());
    } catch (error) {
      throw databaseFault(error);
    }
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
    const dependsOn = await this.#otherLogs(org);
    try {
      return await this.#orm.em
        .fork()
        .transactional((em) => this.#writeIn(em, { org, context, dependsOn }, body));
    } catch (error) {
      if (error instanceof NothingChanged) return error.written as Written<Result>;
      throw databaseFault(error);
    }
  }

  async #writeIn<Result>(
    em: EntityManager,
    { org, context, dependsOn }: Asked,
    body: (write: Write) => Promise<Result>,
  ): Promise<Written<Result>> {
    await em.execute(`set local lock_timeout = ${lockTimeoutMs}`);
    await em.execute(`set local statement_timeout = ${statementTimeoutMs}`);
    await em.execute(`set local idle_in_transaction_session_timeout = ${idleTimeoutMs}`);
    const position = await lockLog(em, org);
    const incarnation = await incarnationOf(em);
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
    if (seen !== undefined) await refuseIfChanged(em, change?.subject ?? null, seen, revisionAt(position));
    if (change !== undefined) {
      await em.flush();
      await appendEvent(em, org, position + 1, context, change, dependsOn);
      return { result, revision: revisionAt(position + 1) };
    }
    const written = { result, revision: revisionAt(position) };
    // What nobody would hear of must not stand: a write without a word of it is taken back.
    if (!keepsBooks) throw new NothingChanged(written);
    return written;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#orm.close(true), this.pool.end()]);
  }

  /** The lock is the session's, not a transaction's: each migration runs in a transaction of its own. */
  async #migrate(): Promise<void> {
    const client = new pg.Client({ connectionString: this.url });
    await client.connect();
    try {
      await client.query("select pg_advisory_lock(hashtext('portcullis migrations'))");
      await this.#orm.migrator.up();
    } finally {
      await client.end();
    }
  }
}

/**
 * A lent connection that breaks between two statements says so by an event, and one that nobody hears ends the process.
 * Whoever has it learns of it by its next statement.
 */
function surviveBroken(pool: pg.Pool): void {
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
