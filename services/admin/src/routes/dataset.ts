import { z } from "zod";
import type { Access } from "../access.ts";
import { anyText, description, id, jsonObject, maybe, name, tags } from "../input.ts";
import type { Owners } from "../owners.ts";
import type { Route } from "../route.ts";
import { idOrNull, orNull, timeText } from "../wire.ts";
import { type ObjectKind, objectRoutes } from "./registered-object.ts";

/** What is kept of a dataset beside its name, as a request says it. */
export const datasetFields = {
  description: maybe(description),
  tags: maybe(tags),
  metadata: maybe(jsonObject),
} as const;

const content = z
  .strictObject({
    project_id: id,
    name,
    ...datasetFields,
    /** Clients in use send it. */
    org_name: maybe(anyText),
  })
  .transform(({ project_id, name, org_name: _organization, ...payload }) => ({ project_id, name, payload }));

const changes = z
  .strictObject({ name: maybe(name), ...datasetFields })
  .transform(({ name, ...payload }) => ({ name, payload }));

const stored = z.object({
  description: orNull(z.string()),
  tags: orNull(z.array(z.string())),
  metadata: orNull(jsonObject),
});

const shown = stored.extend({
  id: z.uuid(),
  project_id: z.uuid(),
  name: z.string(),
  created: z.iso.datetime().nullable(),
  deleted_at: z.iso.datetime().nullable(),
  user_id: z.uuid().nullable(),
  url_slug: z.string(),
});

export const datasetKind: ObjectKind<z.output<typeof shown>> = {
  type: "dataset",
  path: "/v1/dataset",
  noun: "dataset",
  content,
  changes,
  shown,
  show: (object, payload) => ({
    ...stored.parse(payload),
    id: object.id,
    project_id: object.parent?.id ?? "",
    name: object.name,
    created: timeText(object.created),
    deleted_at: timeText(object.deletedAt),
    user_id: idOrNull(object.creatorId),
    url_slug: encodeURIComponent(object.name),
  }),
};

export function datasetRoutes(owners: Owners, access: Access): readonly Route[] {
  return objectRoutes(owners, access, datasetKind);
}
