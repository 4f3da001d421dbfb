import { z } from "zod";
import type { Access } from "../access.ts";
import { anyText, description, id, maybe, name } from "../input.ts";
import type { Owners } from "../owners.ts";
import type { Route } from "../route.ts";
import { orNull, timeText } from "../wire.ts";
import { attachmentRoutes } from "./attachment.ts";

const fields = { description: maybe(description), color: maybe(name) } as const;

const content = z
  .strictObject({ project_id: id, name, ...fields })
  .transform(({ project_id, name, ...payload }) => ({
    object: { type: "project" as const, id: project_id },
    name,
    payload,
  }));

const changes = z
  .strictObject({ name: maybe(name), ...fields })
  .transform(({ name, ...payload }) => ({ name, payload }));

const filter = z
  .object({ project_id: id.optional(), project_tag_name: anyText.optional() })
  .transform(({ project_id, project_tag_name }) => ({
    ...(project_id !== undefined && { object: { type: "project" as const, id: project_id } }),
    ...(project_tag_name !== undefined && { named: [project_tag_name] }),
  }));

const stored = z.object({ description: orNull(z.string()), color: orNull(z.string()) });

const shown = stored.extend({
  id: z.uuid(),
  project_id: z.uuid(),
  user_id: z.string(),
  created: z.iso.datetime().nullable(),
  name: z.string(),
  position: z.null(),
});

export function projectTagRoutes(owners: Owners, access: Access): readonly Route[] {
  return attachmentRoutes(owners, access, {
    kind: "project_tag",
    path: "/v1/project_tag",
    noun: "project_tag",
    objectField: "project_id",
    content,
    changes,
    filter,
    shown,
    show: ({ id: tagId, object, creatorId, created, name }, payload) => ({
      ...stored.parse(payload),
      id: tagId,
      project_id: object?.id ?? "",
      user_id: creatorId,
      created: timeText(created),
      name,
      position: null,
    }),
  });
}
