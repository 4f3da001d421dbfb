// Whether an owner's logs are still what was appended to them. Each event holds the hash of itself and of the event
// before; here that is computed once more, apart from the database's own functions.

import { createHash } from "node:crypto";
import type { OrgId, Owner } from "@portcullis/policy";
import pg from "pg";

/** A place of a log and the hash that its event had there, in lower-case hex. */
export interface NotedHead {
  readonly owner: Owner;
  readonly org: OrgId;
  readonly position: number;
  readonly hash: string;
}

/** Where a log is first not what was appended. */
export interface Flaw {
  readonly position: number;
  readonly what:
    | "changed row"
    | "missing row"
    | "wrong link"
    | "row without hash"
    | "row beyond the head"
    | "row before the start"
    | "head differs"
    | "noted head differs";
  readonly reason: string;
}

/** What became of one organisation's log. */
export interface Verdict {
  readonly owner: Owner;
  readonly org: OrgId;
  /** Events before this position were made before there were hashes: of these only the presence is known. */
  readonly chainedFrom: number;
  /** Null when the log holds no event with a hash. */
  readonly head: NotedHead | null;
  readonly flaw: Flaw | null;
}

export interface VerificationOptions {
  readonly owner: Owner;
  readonly databaseUrl: string;
  /** Only this organisation; all of them when not given. */
  readonly org?: OrgId;
  /** Heads that were noted earlier, kept where whoever writes to the database can't reach them. */
  readonly noted?: readonly NotedHead[];
  /** Told how many events have been looked at. */
  readonly onProgress?: (events: number) => void;
}

const rowsAtOnce = 500;
const bytesAtOnce = 8 * 1024 * 1024;
const noHash = Buffer.alloc(32);

/** Judges each log, one organisation after the other. Holds a few rows at a time, however long a log is. */
export async function* verifyLogs(options: VerificationOptions): AsyncGenerator<Verdict> {
  const client = new pg.Client({ connectionString: options.databaseUrl });
  await client.connect();
  try {
    const count = counter(options.onProgress);
    if (options.org !== undefined) {
      yield await verifyLog(client, options, options.org, count);
      return;
    }
    const unseen = new Set((options.noted ?? []).map((head) => head.org));
    for (let org = await nextOrg(client, null); org !== null; org = await nextOrg(client, org)) {
      unseen.delete(org);
      yield await verifyLog(client, options, org, count);
    }
    for (const org of unseen) yield await verifyLog(client, options, org, count);
  } finally {
    await client.end();
  }
}

function counter(onProgress: VerificationOptions["onProgress"]): (more: number) => void {
  let events = 0;
  return (more) => {
    events += more;
    onProgress?.(events);
  };
}

/** Also one whose head is gone, and one whose events are. */
async function nextOrg(client: pg.Client, after: OrgId | null): Promise<OrgId | null> {
  const { rows } = await client.query<{ org_id: OrgId }>(
    `select org_id from (
       (select org_id from org_log where $1::uuid is null or org_id > $1 order by org_id limit 1)
       union all
       (select org_id from event_log where $1::uuid is null or org_id > $1 order by org_id limit 1)
     ) as next order by org_id limit 1`,
    [after],
  );
  return rows[0]?.org_id ?? null;
}

interface Standing {
  readonly position: number;
  readonly chainedFrom: number;
  readonly hash: Buffer | null;
}

async function verifyLog(
  client: pg.Client,
  { owner, noted = [] }: VerificationOptions,
  org: OrgId,
  count: (more: number) => void,
): Promise<Verdict> {
  const expected = noted
    .filter((head) => head.owner === owner && head.org === org)
    .sort((one, other) => one.position - other.position);
  // One moment, while writers go on.
  await client.query("begin isolation level repeatable read read only");
  try {
    const standing = await readStanding(client, org);
    const walk = new Walk(standing, expected);
    let flaw: Flaw | null = null;
    for (let after = 0; flaw === null; ) {
      const rows = await readRows(client, org, after);
      if (rows.length === 0) break;
      for (const row of rows) flaw ??= walk.step(row);
      after = Number(rows.at(-1)?.position);
      count(rows.length);
    }
    flaw ??= walk.end();
    const head = standing.hash && {
      owner,
      org,
      position: standing.position,
      hash: standing.hash.toString("hex"),
    };
    return { owner, org, chainedFrom: standing.chainedFrom, head, flaw };
  } finally {
    await client.query("rollback");
  }
}

async function readStanding(client: pg.Client, org: OrgId): Promise<Standing> {
  const { rows } = await client.query<{ position: string; chained_from: string; head_hash: Buffer | null }>(
    "select position, chained_from, head_hash from org_log where org_id = $1",
    [org],
  );
  const [row] = rows;
  if (row === undefined) return { position: 0, chainedFrom: 1, hash: null };
  return { position: Number(row.position), chainedFrom: Number(row.chained_from), hash: row.head_hash };
}

/** An event as the hash is made of it: every column as text, in this order. */
const columns = [
  "org_id::text",
  "position::text",
  "(extract(epoch from at) * 1000)::bigint::text",
  "actor_id",
  "credential_id",
  "impersonated_id",
  "request_id",
  "source_address",
  "action",
  "subject_type",
  "subject_id",
  "before::text",
  "after::text",
  "touches::text",
  "array_to_json(touched_kinds)::text",
] as const;

interface Row {
  readonly position: string;
  readonly previous_hash: Buffer | null;
  readonly hash: Buffer | null;
  readonly parts: readonly (string | null)[];
}

async function readRows(client: pg.Client, org: OrgId, after: number): Promise<Row[]> {
  const { rows } = await client.query<Row>({
    name: "verify-log",
    text: `select position, previous_hash, hash, array[${columns.join(", ")}] as parts from (
             select *, row_number() over stretch as place,
               sum(octet_length(concat(before::text, after::text, touches::text))) over stretch as bytes
             from (select * from event_log where org_id = $1 and position > $2 order by position limit $3) as page
             window stretch as (order by position)
           ) as stretch
           where bytes <= $4 or place = 1 order by position`,
    values: [org, after, rowsAtOnce, bytesAtOnce],
  });
  return rows;
}

/** Goes along a log, and stops at the first flaw. */
class Walk {
  readonly #standing: Standing;
  readonly #expected: NotedHead[];
  #position = 0;
  #hash: Buffer = noHash;

  constructor(standing: Standing, expected: readonly NotedHead[]) {
    this.#standing = standing;
    this.#expected = [...expected];
  }

  step(row: Row): Flaw | null {
    const { position: head, chainedFrom } = this.#standing;
    const position = Number(row.position);
    const wanted = this.#position + 1;
    if (position !== wanted && wanted <= head) return missing(wanted, position - 1);
    if (position > head) return flaw(position, "row beyond the head", `the log ends at ${head}`);
    this.#position = position;
    if (position < chainedFrom) {
      if (row.hash === null) return this.#compare(position, noHash);
      return flaw(position, "row before the start", `has a hash, but the chain begins at ${chainedFrom}`);
    }
    const { previous_hash: previous, hash } = row;
    if (previous === null || hash === null) return flaw(position, "row without hash", "has no hash");
    if (!hash.equals(hashOf(previous, row.parts))) {
      return flaw(position, "changed row", "what it holds does not give its hash");
    }
    if (!previous.equals(this.#hash)) {
      const what =
        position === chainedFrom ? "begins with another hash" : "holds another hash of the row before";
      return flaw(position, "wrong link", `${what}: one of the two was put there later`);
    }
    this.#hash = hash;
    return this.#compare(position, hash);
  }

  end(): Flaw | null {
    const { position: head, hash, chainedFrom } = this.#standing;
    if (this.#position < head) return missing(this.#position + 1, head);
    const [beyond] = this.#expected;
    if (beyond !== undefined) {
      return missing(head + 1, beyond.position);
    }
    const last = head < chainedFrom ? null : this.#hash;
    if ((hash === null) === (last === null) && (hash === null || last === null || hash.equals(last)))
      return null;
    return flaw(head, "head differs", "the last row has another hash than the log's head");
  }

  #compare(position: number, hash: Buffer): Flaw | null {
    while (this.#expected[0]?.position === position) {
      const noted = this.#expected.shift();
      if (noted?.hash === hash.toString("hex")) continue;
      return flaw(position, "noted head differs", `was noted with the hash ${noted?.hash}`);
    }
    return null;
  }
}

function missing(from: number, to: number): Flaw {
  return flaw(from, "missing row", from === to ? "is not there" : `rows ${from} to ${to} are not there`);
}

function flaw(position: number, what: Flaw["what"], reason: string): Flaw {
  return { position, what, reason };
}

function hashOf(previous: Buffer, parts: readonly (string | null)[]): Buffer {
  const hash = createHash("sha256").update(previous);
  for (const part of parts) {
    const length = Buffer.alloc(4);
    length.writeInt32BE(part === null ? -1 : Buffer.byteLength(part));
    hash.update(length).update(part ?? "");
  }
  return hash.digest();
}
