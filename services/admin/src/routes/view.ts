import { z } from "zod";
import type { Access } from "../access.ts";
import { anyText, id, maybe, name, objectType, time } from "../input.ts";
import type { Owners } from "../owners.ts";
import type { Route } from "../route.ts";
import { orNull, timeText } from "../wire.ts";
import { attachmentRoutes } from "./attachment.ts";

const viewType = z.enum([
  "projects",
  "experiments",
  "experiment",
  "playgrounds",
  "playground",
  "datasets",
  "dataset",
  "prompts",
  "parameters",
  "tools",
  "scorers",
  "classifiers",
  "logs",
  "monitor",
  "for_review_project_log",
  "for_review_experiments",
  "for_review_datasets",
]);

const fields = {
  view_data: maybe(z.unknown()),
  options: maybe(z.unknown()),
  user_id: maybe(id),
} as const;

const content = z
  .strictObject({
    object_type: objectType,
    object_id: id,
    view_type: viewType.nullable(),
    name,
    ...fields,
    /** When a new one is to be gone again: known, and of no effect. */
    deleted_at: maybe(time),
  })
  .transform(({ object_type, object_id, name, view_type, view_data, options, user_id }) => ({
    object: { type: object_type, id: object_id },
    name,
    payload: { view_type, view_data, options, user_id },
  }));

const changes = z
  .strictObject({
    object_type: objectType,
    object_id: id,
    view_type: maybe(viewType),
    name: maybe(name),
    ...fields,
  })
  .transform(({ object_type, object_id, name, ...payload }) => ({
    object: { type: object_type, id: object_id },
    name,
    payload,
  }));

const filter = z
  .object({
    object_type: objectType.optional(),
    object_id: id.optional(),
    view_name: anyText.optional(),
    view_type: viewType.optional(),
  })
  .transform(({ object_type, object_id, view_name, view_type }) => ({
    ...(object_type !== undefined &&
      object_id !== undefined && { object: { type: object_type, id: object_id } }),
    ...(view_name !== undefined && { named: [view_name] }),
    ...(view_type !== undefined && {
      matches: (_: unknown, payload: Readonly<Record<string, unknown>>) => payload["view_type"] === view_type,
    }),
  }));

const stored = z.object({
  view_type: orNull(viewType),
  view_data: orNull(z.unknown()),
  options: orNull(z.unknown()),
  user_id: orNull(z.string()),
});

const shown = stored.extend({
  id: z.uuid(),
  object_type: objectType,
  object_id: z.uuid(),
  name: z.string(),
  created: z.iso.datetime().nullable(),
  deleted_at: z.iso.datetime().nullable(),
});

export function viewRoutes(owners: Owners, access: Access): readonly Route[] {
  return attachmentRoutes(owners, access, {
    kind: "view",
    path: "/v1/view",
    noun: "view",
    objectField: "object_id",
    content,
    changes,
    filter,
    shown,
    show: ({ id: viewId, object, name, created, deletedAt }, payload) => ({
      ...stored.parse(payload),
      id: viewId,
      object_type: objectType.parse(object?.type),
      object_id: object?.id ?? "",
      name,
      created: timeText(created),
      deleted_at: timeText(deletedAt),
    }),
  });
}
