import { z } from "zod";
import type { Access } from "../access.ts";
import { description, id, jsonObject, maybe, name, tags } from "../input.ts";
import type { Owners } from "../owners.ts";
import type { Route } from "../route.ts";
import { orNull, timeText } from "../wire.ts";
import { functionType, isFunction } from "./prompt.ts";
import { objectRoutes } from "./registered-object.ts";

const fields = {
  description: maybe(description),
  prompt_data: maybe(jsonObject),
  tags: maybe(tags),
  metadata: maybe(jsonObject),
} as const;

const content = z
  .strictObject({
    project_id: id,
    name,
    slug: name,
    function_type: maybe(functionType),
    function_data: jsonObject,
    function_schema: maybe(jsonObject),
    origin: maybe(jsonObject),
    ...fields,
  })
  .transform(({ project_id, name, slug, ...payload }) => ({ project_id, name, slug, payload }));

const changes = z
  .strictObject({ name: maybe(name), function_data: maybe(jsonObject), ...fields })
  .transform(({ name, ...payload }) => ({ name, payload }));

const stored = z.object({
  description: orNull(z.string()),
  prompt_data: orNull(jsonObject),
  tags: orNull(z.array(z.string())),
  metadata: orNull(jsonObject),
  function_type: orNull(functionType),
  function_data: jsonObject,
  function_schema: orNull(jsonObject),
  origin: orNull(jsonObject),
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
});

export function functionRoutes(owners: Owners, access: Access): readonly Route[] {
  return objectRoutes(owners, access, {
    type: "prompt",
    path: "/v1/function",
    noun: "function",
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
    }),
    unsupported: ["version", "environment"],
    holds: isFunction,
  });
}
