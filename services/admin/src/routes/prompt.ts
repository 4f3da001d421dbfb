import { z } from "zod";
import type { Access } from "../access.ts";
import { description, id, jsonObject, maybe, name, tags } from "../input.ts";
import type { Owners } from "../owners.ts";
import type { Route } from "../route.ts";
import { orNull, timeText } from "../wire.ts";
import { objectRoutes } from "./registered-object.ts";

export const functionType = z.enum([
  "llm",
  "scorer",
  "task",
  "tool",
  "custom_view",
  "preprocessor",
  "facet",
  "classifier",
  "tag",
  "parameters",
  "sandbox",
]);

const fields = {
  description: maybe(description),
  prompt_data: maybe(jsonObject),
  tags: maybe(tags),
} as const;

const content = z
  .strictObject({ project_id: id, name, slug: name, function_type: maybe(functionType), ...fields })
  .transform(({ project_id, name, slug, ...payload }) => ({ project_id, name, slug, payload }));

const changes = z
  .strictObject({ name: maybe(name), slug: maybe(name), ...fields })
  .transform(({ name, slug, ...payload }) => ({ name, slug, payload }));

const stored = z.object({
  description: orNull(z.string()),
  prompt_data: orNull(jsonObject),
  tags: orNull(z.array(z.string())),
  function_type: orNull(functionType),
});

const shown = stored.extend({
  id: z.uuid(),
  _xact_id: z.string(),
  project_id: z.uuid(),
  log_id: z.literal("p"),
  org_id: z.uuid(),
  name: z.string(),
  slug: z.string(),
  created: z.iso.datetime().nullable(),
  metadata: z.null(),
});

export function promptRoutes(owners: Owners, access: Access): readonly Route[] {
  return objectRoutes(owners, access, {
    type: "prompt",
    path: "/v1/prompt",
    noun: "prompt",
    content,
    changes,
    shown,
    show: (object, payload) => ({
      ...stored.parse(payload),
      id: object.id,
      // Only the present version is kept, so the transaction that made it stands for all.
      _xact_id: String(object.created?.getTime() ?? 0),
      project_id: object.parent?.id ?? "",
      log_id: "p",
      org_id: object.orgId,
      name: object.name,
      slug: object.slug,
      created: timeText(object.created),
      metadata: null,
    }),
    unsupported: ["version", "environment"],
    holds: (payload) => !isFunction(payload),
  });
}

/** Functions are kept as prompts that have code: ACLs call both `prompt`, and they share their slugs. */
export function isFunction({ function_data: data }: Readonly<Record<string, unknown>>): boolean {
  return data !== undefined && data !== null;
}
