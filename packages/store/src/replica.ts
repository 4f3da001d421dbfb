// A streaming replica of an owner's database. It answers what may as well be answered there, and only when it has applied
// all that had been committed when it was asked: so nobody can tell it from the database itself, but by the load.

import { type EntitySchema, IsolationLevel } from "@mikro-orm/core";
import { type EntityManager, MikroORM } from "@mikro-orm/postgresql";
import { Fault } from "@portcullis/chassis/fault";
import type { Log } from "@portcullis/chassis/log";
import type { OrgId } from "@portcullis/policy";
import type pg from "pg";
import { watchPool } from "./metrics.ts";
import { keepBrokenHarmless } from "./pools.ts";

export interface ReplicaOptions {
  readonly url: string;
  readonly entities: readonly EntitySchema[];
  readonly poolMax: number;
  readonly log: Log;
}

/** The last event of an organisation's log, as the database itself knows it. */
export interface LogHead {
  readonly position: string;
  readonly hash: Buffer;
}

/** The database itself is asked instead of waiting longer than this. */
const connectMs = 500;
const queryMs = 2000;
/** One that failed is left alone for so long. */
const restMs = 5000;

export class Replica implements AsyncDisposable {
  readonly #orm: MikroORM;
  readonly #log: Log;
  readonly #watched = new DisposableStack();
  #restsUntil = 0;

  constructor({ url, entities, poolMax, log }: ReplicaOptions) {
    this.#log = log;
    this.#orm = new MikroORM({
      clientUrl: url,
      entities: [...entities],
      colors: false,
      logger: (message) => log.debug({}, message),
      pool: { min: 0, max: poolMax },
      driverOptions: {
        connectionTimeoutMillis: connectMs,
        query_timeout: queryMs,
        onPoolCreated: (pool: pg.Pool) => {
          keepBrokenHarmless(pool);
          this.#watched.use(watchPool(pool, "replica"));
        },
      },
    });
  }

  get isResting(): boolean {
    return performance.now() < this.#restsUntil;
  }

  /** What the body reads, all at one moment at which the log had come to the head. Null: the replica can't tell it now. */
  async read<Result>(
    org: OrgId,
    head: LogHead,
    body: (em: EntityManager) => Promise<Result>,
  ): Promise<{ readonly result: Result } | null> {
    try {
      return await this.#orm.em
        .fork()
        .transactional(async (em) => ((await hasCome(em, org, head)) ? { result: await body(em) } : null), {
          isolationLevel: IsolationLevel.REPEATABLE_READ,
          readOnly: true,
        });
    } catch (error) {
      if (error instanceof Fault) throw error;
      this.#restsUntil = performance.now() + restMs;
      this.#log.warn({ reason: String(error) }, "the replica fails; the database itself answers lists");
      return null;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#watched.dispose();
    await this.#orm.close(true);
  }
}

/** By the hash, as positions alone may be those of another history. */
async function hasCome(em: EntityManager, org: OrgId, { position, hash }: LogHead): Promise<boolean> {
  const rows = await em.execute<unknown[]>(
    "select from event_log where org_id = ? and position = ? and hash = ?",
    [org, position, hash],
  );
  return rows.length > 0;
}
