import { invalid } from "@portcullis/chassis/fault";
import { optionalText, present, text, uuid } from "@portcullis/chassis/fields";
import type { Handlers } from "@portcullis/chassis/rpc/server";
import type { OrgId, PrincipalId } from "@portcullis/policy";
import type { AuditService, ListEventsRequest } from "@portcullis/proto/audit/v1/audit";
import { type AuditFilter, readAuditPage } from "./audit-log.ts";
import type { Database } from "./database.ts";
import { databaseFault } from "./faults.ts";

const limitMax = 1000;
const limitDefault = 100;
const wordMax = 128;
/** Nobody waits any longer for an answer. */
const statementTimeoutMs = 8000;

/** The Audit contract over an owner's database. */
export function auditHandlers(database: Database): Handlers<typeof AuditService> {
  return {
    async listEvents(request) {
      const org = uuid<OrgId>(request.orgId, "org_id");
      const filter = filterFromWire(request);
      if (request.limit > limitMax) throw invalid("limit", `at most ${limitMax} events are allowed`);
      const limit = request.limit === 0 ? limitDefault : request.limit;
      try {
        const client = await database.pool.connect();
        let failed = true;
        try {
          await client.query(`begin read only; set local statement_timeout = ${statementTimeoutMs}`);
          const page = await readAuditPage(client, database.owner, org, filter, limit);
          await client.query("commit");
          failed = false;
          return page;
        } finally {
          client.release(failed);
        }
      } catch (error) {
        throw databaseFault(error);
      }
    },
  };
}

function filterFromWire(request: ListEventsRequest): AuditFilter {
  const { object, behind } = request;
  return {
    actor: request.actorId === "" ? null : uuid<PrincipalId>(request.actorId, "actor_id"),
    action: optionalText(request.action, "action", wordMax) || null,
    object: object
      ? { type: text(object.type, "object.type", wordMax), id: uuid(object.id, "object.id") }
      : null,
    principal: request.principalId === "" ? null : uuid<PrincipalId>(request.principalId, "principal_id"),
    from: time(request.from, "from"),
    to: time(request.to, "to"),
    behind: behind
      ? { at: present(time(behind.at, "behind.at") ?? undefined, "behind.at"), position: behind.position }
      : null,
  };
}

const latest = Date.UTC(9999, 11, 31);

function time(value: Date | undefined, field: string): Date | null {
  if (value === undefined) return null;
  if (value.getTime() >= 0 && value.getTime() <= latest) return value;
  throw invalid(field, "must be a time from 1970 to 9999");
}
