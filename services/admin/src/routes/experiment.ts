import { z } from "zod";
import type { Access } from "../access.ts";
import { anyText, description, id, jsonObject, maybe, name, tags } from "../input.ts";
import type { Owners } from "../owners.ts";
import type { Route } from "../route.ts";
import { idOrNull, orNull, timeText } from "../wire.ts";
import { type ObjectKind, objectRoutes } from "./registered-object.ts";

/** What is kept of an experiment beside its name, as a request says it. */
export const experimentFields = {
  description: maybe(description),
  repo_info: maybe(jsonObject),
  base_exp_id: maybe(id),
  dataset_id: maybe(id),
  dataset_version: maybe(description),
  internal_metadata: maybe(jsonObject),
  parameters_id: maybe(id),
  parameters_version: maybe(description),
  public: maybe(z.boolean()),
  metadata: maybe(jsonObject),
  tags: maybe(tags),
} as const;

const content = z
  .strictObject({
    project_id: id,
    name: maybe(name),
    ensure_new: maybe(z.boolean()),
    ...experimentFields,
    /** Clients in use send it. */
    org_name: maybe(anyText),
  })
  .transform(({ project_id, name, ensure_new, org_name: _organization, ...payload }) => ({
    project_id,
    // An experiment without a name of its own always is a new one.
    name: name ?? "experiment",
    ensureNew: ensure_new === true || name === undefined,
    payload,
  }));

const changes = z
  .strictObject({ name: maybe(name), ...experimentFields })
  .transform(({ name, ...payload }) => ({ name, payload }));

const stored = z.object({
  description: orNull(z.string()),
  repo_info: orNull(jsonObject),
  base_exp_id: orNull(z.string()),
  dataset_id: orNull(z.string()),
  dataset_version: orNull(z.string()),
  internal_metadata: orNull(jsonObject),
  parameters_id: orNull(z.string()),
  parameters_version: orNull(z.string()),
  public: z.boolean().default(false),
  metadata: orNull(jsonObject),
  tags: orNull(z.array(z.string())),
});

const shown = stored.extend({
  id: z.uuid(),
  project_id: z.uuid(),
  name: z.string(),
  created: z.iso.datetime().nullable(),
  commit: z.string().nullable(),
  deleted_at: z.iso.datetime().nullable(),
  user_id: z.uuid().nullable(),
});

export const experimentKind: ObjectKind<z.output<typeof shown>> = {
  type: "experiment",
  path: "/v1/experiment",
  noun: "experiment",
  content,
  changes,
  shown,
  show(object, payload) {
    const own = stored.parse(payload);
    const commit = own.repo_info?.["commit"];
    return {
      ...own,
      id: object.id,
      project_id: object.parent?.id ?? "",
      name: object.name,
      created: timeText(object.created),
      commit: typeof commit === "string" ? commit : null,
      deleted_at: timeText(object.deletedAt),
      user_id: idOrNull(object.creatorId),
    };
  },
  // The public API gives this many when none are asked for.
  limitDefault: 1000,
};

export function experimentRoutes(owners: Owners, access: Access): readonly Route[] {
  return objectRoutes(owners, access, experimentKind);
}
