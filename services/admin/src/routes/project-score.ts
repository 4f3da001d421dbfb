import { z } from "zod";
import type { Access } from "../access.ts";
import { anyText, description, id, maybe, name, several } from "../input.ts";
import type { Owners } from "../owners.ts";
import type { Route } from "../route.ts";
import { orNull, timeText } from "../wire.ts";
import { attachmentRoutes } from "./attachment.ts";

const scoreType = z.enum(["slider", "categorical", "weighted", "minimum", "maximum", "online", "free-form"]);

const fields = {
  description: maybe(description),
  categories: maybe(z.unknown()),
  config: maybe(z.unknown()),
} as const;

const content = z
  .strictObject({ project_id: id, name, score_type: scoreType, ...fields })
  .transform(({ project_id, name, ...payload }) => ({
    object: { type: "project" as const, id: project_id },
    name,
    payload,
  }));

const changes = z
  .strictObject({ name: maybe(name), score_type: maybe(scoreType), ...fields })
  .transform(({ name, ...payload }) => ({ name, payload }));

const filter = z
  .object({
    project_id: id.optional(),
    project_score_name: anyText.optional(),
    score_type: several(scoreType),
  })
  .transform(({ project_id, project_score_name, score_type: types }) => ({
    ...(project_id !== undefined && { object: { type: "project" as const, id: project_id } }),
    ...(project_score_name !== undefined && { named: [project_score_name] }),
    ...(types.length > 0 && {
      matches: (_: unknown, { score_type: type }: Readonly<Record<string, unknown>>) =>
        types.some((one) => one === type),
    }),
  }));

const stored = z.object({
  description: orNull(z.string()),
  score_type: scoreType,
  categories: orNull(z.unknown()),
  config: orNull(z.unknown()),
});

const shown = stored.extend({
  id: z.uuid(),
  project_id: z.uuid(),
  user_id: z.string(),
  created: z.iso.datetime().nullable(),
  name: z.string(),
  position: z.null(),
});

export function projectScoreRoutes(owners: Owners, access: Access): readonly Route[] {
  return attachmentRoutes(owners, access, {
    kind: "project_score",
    path: "/v1/project_score",
    noun: "project_score",
    objectField: "project_id",
    content,
    changes,
    filter,
    shown,
    show: ({ id: scoreId, object, creatorId, created, name }, payload) => ({
      ...stored.parse(payload),
      id: scoreId,
      project_id: object?.id ?? "",
      user_id: creatorId,
      created: timeText(created),
      name,
      position: null,
    }),
  });
}
