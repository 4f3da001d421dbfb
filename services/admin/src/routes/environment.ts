import { z } from "zod";
import type { Access } from "../access.ts";
import { anyText, description, maybe, name } from "../input.ts";
import type { Owners } from "../owners.ts";
import type { Route } from "../route.ts";
import { orNull, timeText } from "../wire.ts";
import { attachmentRoutes } from "./attachment.ts";

// Its slug tells an environment from the others, so that is the name under which it is kept.
const content = z
  .strictObject({ name, slug: name, description: maybe(description), org_name: maybe(anyText) })
  .transform(({ name, slug, description }) => ({
    object: { type: "organization" } as const,
    name: slug,
    payload: { name, description },
  }));

const changes = z
  .strictObject({ name: maybe(name), slug: maybe(name), description: maybe(description) })
  .transform(({ name, slug, description }) => ({ name: slug, payload: { name, description } }));

const filter = z.object({ name: anyText.optional() }).transform((given) => ({
  ...(given.name !== undefined && {
    matches: (_: unknown, payload: Readonly<Record<string, unknown>>) => payload["name"] === given.name,
  }),
}));

const stored = z.object({ name: z.string(), description: orNull(z.string()) });

const shown = stored.extend({
  id: z.uuid(),
  org_id: z.uuid(),
  slug: z.string(),
  created: z.iso.datetime().nullable(),
  deleted_at: z.iso.datetime().nullable(),
});

export function environmentRoutes(owners: Owners, access: Access): readonly Route[] {
  return attachmentRoutes(owners, access, {
    kind: "environment",
    path: "/environment",
    noun: "environment",
    objectField: "org_name",
    nameField: "slug",
    withoutPut: true,
    content,
    changes,
    filter,
    shown,
    show: (attachment, payload) => ({
      ...stored.parse(payload),
      id: attachment.id,
      org_id: attachment.orgId,
      slug: attachment.name,
      created: timeText(attachment.created),
      deleted_at: timeText(attachment.deletedAt),
    }),
  });
}
