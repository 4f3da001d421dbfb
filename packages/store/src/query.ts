import type { EntityManager } from "@mikro-orm/postgresql";
import pg from "pg";

/** A statement with `$1` and so on for its values. */
export interface Statement {
  /** Under which a connection keeps it prepared. */
  readonly name: string;
  readonly text: string;
  readonly values?: readonly (string | number | null)[];
}

/** Has a statement done; its rows have text for what JSON has no type for, but dates. */
export type Query = <Row extends object>(statement: Statement) => Promise<Row[]>;

/** Statements of one connection, done in their order. Those that don't wait for each other go out in one piece. */
export function queryOn(client: pg.PoolClient): Query {
  const { stream } = client.connection;
  let isGathering = false;
  return async <Row extends object>({ name, text, values = [] }: Statement) => {
    if (!isGathering) {
      isGathering = true;
      stream.cork();
      process.nextTick(() => {
        isGathering = false;
        stream.uncork();
      });
    }
    const { rows } = await client.query<Row>({ name, text, values: [...values], types: pg.types });
    return rows;
  };
}

/** Statements in the transaction of the ORM, which has them prepared nowhere. */
export function queryThrough(em: EntityManager): Query {
  return async <Row extends object>({ text, values = [] }: Statement) => {
    const inOrder = Array.from(text.matchAll(placeholders), ([, number]) => values[Number(number) - 1]);
    return em.execute<Row[]>(text.replaceAll(placeholders, "?"), inOrder);
  };
}

const placeholders = /\$(\d+)/g;
