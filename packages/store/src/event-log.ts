import { Fault } from "@portcullis/chassis/fault";
import { type Dependency, dependencyToWire, factKeyText, factKeyToWire } from "@portcullis/facts/wire";
import type { FactKey, FactKind, OrgId, Owner } from "@portcullis/policy";
import {
  type Dependency as DependencyMessage,
  type Event,
  FactKey as FactKeyMessage,
  type Revision,
  type WriteContext,
} from "@portcullis/proto/events/v1/events";
import type { Database } from "./database.ts";
import type { Query, Statement } from "./query.ts";
import type { Subquery } from "./read-at-once.ts";

/** What a transaction changed, for the log. `before` and `after` hold no secrets: administrators read them. */
export interface Change {
  /** A past fact: member_added, group_updated. */
  readonly action: string;
  readonly subject: { readonly type: string; readonly id: string };
  readonly before: object | null;
  readonly after: object | null;
  /** The facts that may have changed. */
  readonly touches: readonly FactKey[];
}

/** More touched facts than this are said by their kinds. Of a thousand ACLs, each on an object of its own, all are named. */
const touchesMax = 3000;

/** The channel on which a commit wakes the relay. */
export const logChannel = "event_log";

/** Where a log stands, and in which history. */
export interface LockedLog {
  readonly position: number;
  readonly incarnation: string;
}

export type LockedLogs = ReadonlyMap<OrgId, LockedLog>;

/** Locks logs, each when nobody else has it any more. Those that have not begun are not among them. */
export function lockLogs(query: Query, orgs: readonly OrgId[]): Promise<LockedLogs> {
  return lock(query, orgs, "lock-logs", "order by org_id for update");
}

/** Locks those of the logs that nobody else has, and waits for none. */
export function lockFreeLogs(query: Query, orgs: readonly OrgId[]): Promise<LockedLogs> {
  return lock(query, orgs, "lock-free-logs", "for update skip locked");
}

/** Begins logs with their first writes, and locks them. */
export async function beginLogs(query: Query, orgs: readonly OrgId[]): Promise<LockedLogs> {
  await query({
    name: "begin-logs",
    text: `insert into org_log (org_id) select unnest($1::uuid[]) order by 1 on conflict do nothing`,
    values: [`{${orgs.join(",")}}`],
  });
  return lockLogs(query, orgs);
}

async function lock(query: Query, orgs: readonly OrgId[], name: string, how: string): Promise<LockedLogs> {
  const rows = await query<{ org_id: OrgId; position: string; incarnation: string }>({
    name,
    text: `select org_id, position, (select incarnation()) as incarnation from org_log
       where org_id = any($1::uuid[]) ${how}`,
    values: [`{${orgs.join(",")}}`],
  });
  return new Map(
    rows.map(({ org_id, position, incarnation }) => [org_id, { position: Number(position), incarnation }]),
  );
}

/**
 * Refuses to change what somebody else changed since the caller saw it, or what is of another history than that. A write
 * that changes nothing may be so because somebody else did the same: without a subject any change since then counts. A
 * change of several things at once has the organisation as its subject, and may be one of this.
 */
export async function refuseIfChanged(
  query: Query,
  subject: Change["subject"] | null,
  seen: Revision,
  now: Revision,
): Promise<void> {
  const rows = await query<object>({
    name: "changed-since",
    text: `select from event_log where org_id = $1 and position > $2
       and ($3::text is null or (subject_type = $3 and subject_id = $4) or subject_type = 'organization') limit 1`,
    values: [now.orgId, seen.position, subject?.type ?? null, subject?.id ?? null],
  });
  if (rows.length > 0 || seen.orgId !== now.orgId || seen.incarnation !== now.incarnation) {
    throw new Fault("conflict", "somebody else changed it meanwhile");
  }
}

/** A change on its way into the log. */
export interface Recorded {
  readonly context: WriteContext;
  readonly change: Change;
  readonly dependsOn: readonly Dependency[];
  /** In whose course it is made, where that is traced. */
  readonly traceparent: string | null;
}

/** What comes behind a place in an organisation's log. */
export interface Appended {
  readonly org: OrgId;
  readonly after: number;
  readonly recorded: readonly Recorded[];
}

/**
 * Appends events to logs in their order, notes which facts they changed, and wakes the relay at commit: in one statement,
 * as each takes as long to come and go as to be done, and others wait for the locks meanwhile.
 */
export function appending(logs: readonly Appended[]): Statement {
  const events = logs.flatMap(({ org, after, recorded }) =>
    recorded.map((each, index) => rowOf(each, org, after + 1 + index)),
  );
  const changes = events.flatMap(({ row: { org_id, position }, facts }) =>
    facts.map((fact) => ({ org_id, fact, position })),
  );
  const lastChanges = new Map(changes.map((change) => [`${change.org_id} ${change.fact}`, change]));
  return {
    name: "append",
    text: `with appended as (
       insert into event_log (org_id, position, at, actor_id, credential_id, impersonated_id, request_id, source_address,
         action, subject_type, subject_id, before, after, touches, touched_kinds, depends_on, traceparent)
       select org_id, position, clock_timestamp(), actor_id, credential_id, impersonated_id, request_id, source_address,
         action, subject_type, subject_id, before, after, touches, touched_kinds, depends_on, traceparent
       from jsonb_to_recordset($1::jsonb) as event (org_id uuid, position bigint, actor_id text, credential_id text,
         impersonated_id text, request_id text, source_address text, action text, subject_type text, subject_id text,
         before jsonb, after jsonb, touches jsonb, touched_kinds text[], depends_on jsonb, traceparent text)
       order by org_id, position
       returning org_id, position, hash
     ), changed as (
       insert into fact_change (org_id, fact, position)
       select org_id, fact, position
       from jsonb_to_recordset($2::jsonb) as change (org_id uuid, fact text, position bigint)
       on conflict (org_id, fact) do update set position = excluded.position
     ), moved as (
       update org_log set position = head.position, head_hash = head.hash
       from (
         select distinct on (org_id) org_id, position, hash from appended order by org_id, position desc
       ) as head
       where head.org_id = org_log.org_id and org_log.org_id = any($3::uuid[])
     )
     select pg_notify('${logChannel}', '')`,
    values: [
      JSON.stringify(events.map(({ row }) => row)),
      JSON.stringify([...lastChanges.values()]),
      `{${logs.map(({ org }) => org).join(",")}}`,
    ],
  };
}

/** An event as a row, but for what Postgres adds, and its facts by their names. */
function rowOf({ context, change, dependsOn, traceparent }: Recorded, org: OrgId, position: number) {
  const many = change.touches.length > touchesMax;
  const kinds = many ? [...new Set(change.touches.map((key) => key.kind))] : [];
  const touches = many ? [] : change.touches;
  return {
    row: {
      org_id: org,
      position,
      actor_id: context.actor?.principalId ?? "",
      credential_id: context.actor?.credentialId ?? "",
      impersonated_id: context.actor?.impersonatedId ?? "",
      request_id: context.requestId,
      source_address: context.sourceAddress,
      action: change.action,
      subject_type: change.subject.type,
      subject_id: change.subject.id,
      before: change.before,
      after: change.after,
      touches: touches.map(touchText),
      touched_kinds: kinds,
      depends_on: dependsOn.map(dependencyToWire),
      traceparent,
    },
    facts: [...touches.map(factKeyText), ...kinds.map(kindText)],
  };
}

/** The history that positions count in. */
export const incarnationQuery: Subquery<IncarnationRow> = {
  text: "select incarnation() as incarnation",
  values: [],
};

export function incarnationOf(rows: readonly IncarnationRow[]): string {
  return rows[0]?.incarnation ?? "";
}

interface IncarnationRow {
  readonly incarnation: string;
}

interface HeadRow {
  readonly org_id: OrgId;
  readonly position: number;
}

export function headsQuery(orgs: readonly OrgId[]): Subquery<HeadRow> {
  return { text: "select org_id, position from org_log where org_id = any($1::uuid[])", values: [orgs] };
}

/** Where the log of each organisation stands; none for one without events. */
export function headsOf(rows: readonly HeadRow[]): ReadonlyMap<OrgId, number> {
  return new Map(rows.map((row) => [row.org_id, row.position]));
}

interface ChangeRow {
  readonly org_id: OrgId;
  readonly fact: string;
  readonly position: number;
}

export function lastChangesQuery(keys: readonly FactKey[]): Subquery<ChangeRow> {
  const facts = keys.flatMap((key) =>
    [factKeyText(key), kindText(key.kind)].map((fact) => ({ org: key.org, fact })),
  );
  const wanted = [...new Map(facts.map((each) => [`${each.org} ${each.fact}`, each])).values()];
  return {
    text: `select change.* from unnest($1::uuid[], $2::text[]) as wanted (org, fact)
           cross join lateral (
             select org_id, fact, position from fact_change
             where org_id = wanted.org and fact = wanted.fact limit 1
           ) as change`,
    values: [wanted.map(({ org }) => org), wanted.map(({ fact }) => fact)],
  };
}

/** When each fact last changed; 0 if it never did. */
export function lastChangesOf(keys: readonly FactKey[], rows: readonly ChangeRow[]): number[] {
  const positions = new Map(rows.map((row) => [`${row.org_id} ${row.fact}`, row.position]));
  return keys.map((key) =>
    Math.max(
      positions.get(`${key.org} ${factKeyText(key)}`) ?? 0,
      positions.get(`${key.org} ${kindText(key.kind)}`) ?? 0,
    ),
  );
}

/** Events that are read at once hold no more than this, unless the first alone does: whoever reads them has to take them in. */
export const stretchBytesMax = 4 * 1024 * 1024;

/** A part of an organisation's log, and where the log stood when that was read. */
export interface Stretch {
  /** Those behind a position, oldest first. */
  readonly events: Event[];
  readonly head: number;
  readonly incarnation: string;
}

/** What is wanted of a log. */
interface Wanted {
  readonly after: number;
  readonly limit: number;
  readonly bytesLimit?: number | undefined;
  /** Without what they say of before and after. */
  readonly bare?: boolean | undefined;
}

/** Reads fewer events than the limit if they are large, but never none where there is one. */
export async function readStretch(
  database: Pick<Database, "owner" | "ask">,
  org: OrgId,
  { after, limit, bytesLimit = stretchBytesMax, bare = false }: Wanted,
): Promise<Stretch> {
  const rows = await database.ask<Partial<EventRow> & { head: string; incarnation: string }>({
    name: "read-log",
    text: `select stretch.*, log.* from (
             select coalesce((select org_log.position from org_log where org_id = $1), 0) as head,
               (select incarnation()) as incarnation
           ) as log left join (
             select *, sum(octet_length(concat(before, after, touches))) over (order by position) as bytes
             from (
               select org_id, position, at, actor_id, credential_id, impersonated_id, request_id, source_address,
                 action, subject_type, subject_id, touches::text, touched_kinds, depends_on,
                 case when $5::boolean then null else before::text end as before,
                 case when $5::boolean then null else after::text end as after
               from event_log where org_id = $1 and position > $2 order by position limit $3
             ) as event
           ) as stretch on bytes <= $4 or position = $2::bigint + 1
           order by position`,
    values: [org, after, limit, bytesLimit, String(bare)],
  });
  const [first] = rows;
  if (first === undefined) throw new Error("a log said nothing of itself");
  const events = rows.flatMap((row) => (row.position ? [eventOf(database.owner, row as EventRow)] : []));
  return { events, head: Number(first.head), incarnation: first.incarnation };
}

interface EventRow {
  org_id: string;
  position: string;
  at: Date;
  actor_id: string;
  credential_id: string;
  impersonated_id: string;
  request_id: string;
  source_address: string;
  action: string;
  subject_type: string;
  subject_id: string;
  before: string | null;
  after: string | null;
  touches: string;
  touched_kinds: string[];
  depends_on: DependencyMessage[];
}

function eventOf(owner: Owner, row: EventRow): Event {
  return {
    orgId: row.org_id,
    owner,
    position: Number(row.position),
    at: row.at,
    context: {
      actor: {
        principalId: row.actor_id,
        credentialId: row.credential_id,
        impersonatedId: row.impersonated_id,
      },
      requestId: row.request_id,
      sourceAddress: row.source_address,
      unchangedSince: [],
    },
    action: row.action,
    subject: { type: row.subject_type, id: row.subject_id },
    beforeJson: row.before ?? "",
    afterJson: row.after ?? "",
    touches: (JSON.parse(row.touches) as string[]).map((bytes) =>
      FactKeyMessage.decode(Buffer.from(bytes, "base64")),
    ),
    touchedKinds: row.touched_kinds,
    dependsOn: row.depends_on,
  };
}

/** A touched fact as its row holds it. */
export function touchText(key: FactKey): string {
  return Buffer.from(FactKeyMessage.encode(factKeyToWire(key)).finish()).toString("base64");
}

function kindText(kind: FactKind): string {
  return `every ${kind}`;
}
