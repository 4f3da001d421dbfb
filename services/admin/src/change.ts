// A committed change, as the audit log and the change feed show it.

import { owners } from "@portcullis/policy";
import type { AuditEvent } from "@portcullis/proto/audit/v1/audit";
import { z } from "zod";
import { idOrNull, present, timeText } from "./wire.ts";

export const change = z.object({
  owner: z.enum(owners),
  position: z.number().int(),
  at: z.iso.datetime().nullable(),
  actor: z
    .object({
      principal_id: z.string(),
      credential_id: z.string().nullable(),
      impersonated_id: z.string().nullable(),
    })
    .nullable(),
  action: z.string(),
  subject: z.object({ type: z.string(), id: z.string() }),
  before: z.unknown(),
  after: z.unknown(),
  request_id: z.string(),
  source_address: z.string().nullable(),
});

export function showChange(message: Omit<AuditEvent, "hash">): z.infer<typeof change> {
  const { actor, requestId, sourceAddress } = present(message.context);
  const owner = present(owners.find((name) => name === message.owner));
  return {
    owner,
    position: message.position,
    at: timeText(message.at),
    actor:
      actor === undefined || actor.principalId === ""
        ? null
        : {
            principal_id: actor.principalId,
            credential_id: idOrNull(actor.credentialId),
            impersonated_id: idOrNull(actor.impersonatedId),
          },
    action: message.action,
    subject: present(message.subject),
    before: jsonOrNull(message.beforeJson),
    after: jsonOrNull(message.afterJson),
    request_id: requestId,
    source_address: idOrNull(sourceAddress),
  };
}

function jsonOrNull(text: string): unknown {
  return text === "" ? null : (JSON.parse(text) as unknown);
}
