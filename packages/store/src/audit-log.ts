import type { ObjectRef, OrgId, Owner, PrincipalId } from "@portcullis/policy";
import { objectTypeNames } from "@portcullis/policy";
import type { AuditEvent } from "@portcullis/proto/audit/v1/audit";
import type { ClientBase } from "pg";
import { touchText } from "./event-log.ts";

/** Which events are wanted; null: whatever. */
export interface AuditFilter {
  readonly actor: PrincipalId | null;
  readonly action: string | null;
  readonly object: { readonly type: string; readonly id: string } | null;
  readonly principal: PrincipalId | null;
  readonly from: Date | null;
  readonly to: Date | null;
  /** Only what comes behind this place, newest first. */
  readonly behind: { readonly at: Date; readonly position: number } | null;
}

/** A page holds no more than this, unless its first event alone does. */
const pageBytesMax = 1024 * 1024;

/** One page of what an owner's log tells administrators, newest first, and whether there is more. */
export async function readAuditPage(
  client: ClientBase,
  owner: Owner,
  org: OrgId,
  filter: AuditFilter,
  limit: number,
): Promise<{ readonly events: AuditEvent[]; readonly more: boolean }> {
  const { text, values } = auditQuery(org, filter, limit);
  const { rows } = await client.query<Row>({ text, values });
  const shown = rows.slice(0, limit);
  const found = Number(rows[0]?.found ?? 0);
  return { events: shown.map((row) => eventOf(owner, row)), more: shown.length < found };
}

/** Looks for one row more than the limit: it says that there is more. */
export function auditQuery(
  org: OrgId,
  filter: AuditFilter,
  limit: number,
): { text: string; values: unknown[] } {
  const values: unknown[] = [org];
  const conditions = ["org_id = $1"];
  const value = (parameter: unknown): string => `$${values.push(parameter)}`;
  if (filter.actor !== null) conditions.push(`actor_id = ${value(filter.actor)}`);
  if (filter.action !== null) conditions.push(`action = ${value(filter.action)}`);
  if (filter.principal !== null) conditions.push(`mentions @> array[${value(filter.principal)}::uuid]`);
  if (filter.object !== null) conditions.push(aboutObject(org, filter.object, value));
  if (filter.from !== null) conditions.push(`at >= ${value(filter.from.toISOString())}`);
  if (filter.to !== null) conditions.push(`at < ${value(filter.to.toISOString())}`);
  if (filter.behind !== null) {
    const { at, position } = filter.behind;
    conditions.push(`(at, position) < (${value(at.toISOString())}::timestamptz, ${value(position)}::bigint)`);
  }
  const newestFirst = "order by at desc, position desc";
  return {
    text: `
      select position, at, actor_id, credential_id, impersonated_id, request_id, source_address, action, subject_type,
        subject_id, before::text, after::text, encode(hash, 'hex') as hash, found
      from (
        select *, count(*) over () as found, row_number() over (${newestFirst}) as place,
          sum(octet_length(concat(before::text, after::text))) over (${newestFirst}) as bytes
        from (
          select * from event_log where ${conditions.join(" and ")} ${newestFirst} limit ${value(limit + 1)}::int
        ) as page
      ) as page
      where place = 1 or bytes <= ${value(pageBytesMax)}::int ${newestFirst}`,
    values,
  };
}

/** Made to it, or touching it. Which ones a very large change touched is not known any more, only of what kinds. */
function aboutObject(
  org: OrgId,
  { type, id }: { readonly type: string; readonly id: string },
  value: (parameter: unknown) => string,
): string {
  const isSubject = `(subject_id = ${value(id)} and subject_type = ${value(type)})`;
  const known = objectTypeNames.find((name) => name === type);
  if (known === undefined) return isSubject;
  const object = { type: known, id } as ObjectRef;
  const touch = JSON.stringify([touchText({ kind: "access", org, object })]);
  return `(${isSubject} or touches @> ${value(touch)}::jsonb
    or (touched_kinds <> '{}' and touched_kinds @> '{access}'))`;
}

interface Row {
  readonly position: string;
  readonly at: Date;
  readonly actor_id: string;
  readonly credential_id: string;
  readonly impersonated_id: string;
  readonly request_id: string;
  readonly source_address: string;
  readonly action: string;
  readonly subject_type: string;
  readonly subject_id: string;
  readonly before: string | null;
  readonly after: string | null;
  readonly hash: string | null;
  /** How many were found, shown or not. */
  readonly found: string;
}

function eventOf(owner: Owner, row: Row): AuditEvent {
  return {
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
    hash: row.hash ?? "",
  };
}
