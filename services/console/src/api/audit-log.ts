import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { get } from "./http.ts";

/** A committed change. */
export interface AuditEvent {
  readonly owner: string;
  readonly position: number;
  readonly at: string | null;
  readonly actor: {
    readonly principal_id: string;
    readonly credential_id: string | null;
    readonly impersonated_id: string | null;
  } | null;
  readonly action: string;
  readonly subject: { readonly type: string; readonly id: string };
  readonly before: unknown;
  readonly after: unknown;
  readonly request_id: string;
  readonly source_address: string | null;
}

export interface AuditFilter {
  readonly actor_id?: string | undefined;
  readonly principal_id?: string | undefined;
  readonly action?: string | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly cursor?: string | undefined;
}

const pageSize = 50;

export function auditLogQuery(filter: AuditFilter) {
  return queryOptions({
    queryKey: ["audit log", filter],
    queryFn: ({ signal }) =>
      get<{ events: readonly AuditEvent[]; next_cursor: string | null }>("/v1/access/audit-log", {
        query: { ...filter, limit: pageSize },
        signal,
      }),
    placeholderData: keepPreviousData,
  });
}

/** One event, by its place in its owner's log and when it was. */
export function auditEventQuery(key: string, at: string) {
  return queryOptions({
    queryKey: ["audit event", key, at],
    staleTime: Number.POSITIVE_INFINITY,
    async queryFn({ signal }) {
      const to = new Date(new Date(at).getTime() + 1).toISOString();
      const { events } = await get<{ events: readonly AuditEvent[] }>("/v1/access/audit-log", {
        query: { from: at, to, limit: 100 },
        signal,
      });
      return events.find((event) => eventKey(event) === key) ?? null;
    },
  });
}

export function eventKey({ owner, position }: AuditEvent): string {
  return `${owner}:${position}`;
}
