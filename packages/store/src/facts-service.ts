import { Fault, invalid } from "@portcullis/chassis/fault";
import { uuid, uuids } from "@portcullis/chassis/fields";
import type { Stub } from "@portcullis/chassis/rpc/client";
import type { Handlers } from "@portcullis/chassis/rpc/server";
import { loadStreamOver } from "@portcullis/facts/load-stream";
import { factKeyFromWire, factToWire } from "@portcullis/facts/wire";
import { type FactKey, type FactKind, type FactValues, factOwners, type OrgId } from "@portcullis/policy";
import type { FactsService, LoadRequest, LoadResponse } from "@portcullis/proto/facts/v1/facts";
import type { Database } from "./database.ts";
import {
  headsOf,
  headsQuery,
  incarnationOf,
  incarnationQuery,
  lastChangesOf,
  lastChangesQuery,
  readStretch,
  stretchBytesMax,
} from "./event-log.ts";
import type { RowsOf, Subqueries } from "./read-at-once.ts";
import { readNow } from "./snapshot.ts";

/** Requests larger than this are refused. */
const entriesMax = 1000;

/** How an owner reads the values of facts. */
export interface FactReading<Asked extends Subqueries = Subqueries> {
  readonly queries: Asked;
  /** What the rows say, in the order of the keys. Unknown ids read as absent. */
  values(rows: RowsOf<Asked>): FactValues[FactKind][];
}

type OwnLog = Pick<Stub<typeof FactsService>, "heads" | "readLog">;

/** The Facts contract over an owner's database. What is the owner's own is how a fact's value is read. */
export function factsHandlers(
  database: Database,
  readFacts: (keys: readonly FactKey[]) => FactReading,
): Handlers<typeof FactsService> {
  async function load({ keys: wireKeys }: LoadRequest): Promise<LoadResponse> {
    if (wireKeys.length > entriesMax) throw invalid("keys", `at most ${entriesMax} are allowed`);
    const keys = wireKeys.map((key, index) => {
      const parsed = factKeyFromWire(key, `keys[${index}]`);
      if (factOwners[parsed.kind] !== database.owner) {
        throw invalid(`keys[${index}]`, `\`${parsed.kind}\` is not a fact of ${database.owner}`);
      }
      return parsed;
    });
    const reading = readFacts(keys);
    const rows = await readNow(database, {
      ...reading.queries,
      heads: headsQuery([...new Set(keys.map((key) => key.org))]),
      changes: lastChangesQuery(keys),
      incarnation: incarnationQuery,
    });
    const heads = headsOf(rows.heads);
    const changes = lastChangesOf(keys, rows.changes);
    const values = reading.values(rows);
    const facts = keys.map((key, index) =>
      factToWire(key, changes[index] ?? 0, heads.get(key.org) ?? 0, valueAt(values, index)),
    );
    return { facts, incarnation: incarnationOf(rows.incarnation) };
  }

  return {
    load,

    loadStream: loadStreamOver(load),

    ...ownLog(database),
  };
}

/** The log of an owner's database: for others through the contract, for its own follower as it is. */
export function ownLog(database: Database): OwnLog {
  return {
    async heads({ orgIds }) {
      const orgs = uuids<OrgId>(orgIds, "org_ids", entriesMax);
      const rows = await readNow(database, { heads: headsQuery(orgs), incarnation: incarnationQuery });
      const heads = headsOf(rows.heads);
      return {
        positions: orgs.map((org) => heads.get(org) ?? 0),
        incarnation: incarnationOf(rows.incarnation),
      };
    },

    async readLog({ orgId, after, limit, bytesLimit, bare }) {
      const org = uuid<OrgId>(orgId, "org_id");
      if (limit > entriesMax) throw invalid("limit", `at most ${entriesMax} events are allowed`);
      if (bytesLimit !== undefined && bytesLimit > stretchBytesMax) {
        throw invalid("bytes_limit", `at most ${stretchBytesMax} bytes are allowed`);
      }
      return readStretch(database, org, { after, limit: limit === 0 ? entriesMax : limit, bytesLimit, bare });
    },
  };
}

function valueAt(values: readonly FactValues[FactKind][], index: number): FactValues[FactKind] {
  const value = values[index];
  if (value === undefined)
    throw new Fault("internal", "internal", { cause: new Error("a fact was not read") });
  return value;
}
