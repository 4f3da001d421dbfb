import { type OrgId, owners } from "@portcullis/policy";
import type { AuditEvent } from "@portcullis/proto/audit/v1/audit";
import { z } from "zod";
import { may } from "../access.ts";
import { behindIn, decodeCursor, encodeCursor, mergePages } from "../audit-log.ts";
import { change, showChange } from "../change.ts";
import { anyText, countTextUpTo, id, name } from "../input.ts";
import type { AuditLogs } from "../owners.ts";
import { type Route, route } from "../route.ts";
import { idOrNull, renames } from "../wire.ts";

const limitMax = 1000;
const limitDefault = 100;

const time = z.iso
  .datetime({ offset: true, error: "must be a time such as 2026-01-31T12:00:00Z" })
  .transform((text) => new Date(text));

// Strict: a filter whose name is misspelled must not be taken for none.
const query = z
  .strictObject({
    org_id: anyText.optional(),
    org_name: anyText.optional(),
    actor_id: id.optional(),
    action: name.optional(),
    object_type: name.optional(),
    object_id: id.optional(),
    principal_id: id.optional(),
    from: time.optional(),
    to: time.optional(),
    limit: countTextUpTo(limitMax).optional(),
    cursor: anyText.transform(decodeCursor).optional(),
  })
  .refine((given) => given.object_id === undefined || given.object_type !== undefined, {
    path: ["object_type"],
    message: "is required beside object_id",
  })
  .refine((given) => given.object_type === undefined || given.object_id !== undefined, {
    path: ["object_id"],
    message: "is required beside object_type",
  });

const event = change.extend({ hash: z.string().nullable() });

/** Who changed what, when and from where. */
export function auditLogRoutes(logs: AuditLogs): readonly Route[] {
  return [
    route({
      method: "GET",
      path: "/v1/access/audit-log",
      summary: "List the changes of an organization, newest first",
      query,
      response: z.object({ events: z.array(event), next_cursor: z.string().nullable() }),
      requires: () => may("audit_log.read"),
      async handle({ query }, caller) {
        const count = query.limit ?? limitDefault;
        const pageOf = async (owner: keyof AuditLogs) => {
          const page = await logs[owner].listEvents(
            {
              orgId: caller.org satisfies OrgId,
              actorId: query.actor_id ?? "",
              action: query.action ?? "",
              object:
                query.object_type === undefined || query.object_id === undefined
                  ? undefined
                  : { type: query.object_type, id: query.object_id },
              principalId: query.principal_id ?? "",
              from: query.from,
              to: query.to,
              behind: query.cursor && behindIn(owner, query.cursor),
              limit: count,
            },
            caller.hop,
          );
          return { owner, ...page };
        };
        const { events, next } = mergePages(await Promise.all(owners.map(pageOf)), count);
        return {
          body: { events: events.map(show), next_cursor: next === null ? null : encodeCursor(next) },
        };
      },
      fieldOf: renames([/^behind.*/, "cursor"], [/^object\./, "object_"]),
    }),
  ];
}

function show(message: AuditEvent): z.infer<typeof event> {
  return { ...showChange(message), hash: idOrNull(message.hash) };
}
