import { z } from "zod";
import type { Access } from "../access.ts";
import { anyText, id, jsonObject, maybe, name } from "../input.ts";
import type { Owners } from "../owners.ts";
import type { Route } from "../route.ts";
import { orNull, timeText } from "../wire.ts";
import { attachmentRoutes } from "./attachment.ts";

const secretMax = 64 * 1024;

/** Functions are prompts to ACLs, and to the registry. */
const objectTypes = { organization: "organization", project: "project", function: "prompt" } as const;
const objectType = z.enum(["organization", "project", "function"]);

const secretCategory = z.enum(["env_var", "ai_provider", "sandbox_provider"]);

const fields = {
  /** Taken and forgotten: nothing here could use it, so nothing here keeps it. */
  value: maybe(z.string().max(secretMax)),
  metadata: maybe(jsonObject),
  secret_type: maybe(name),
  secret_category: maybe(secretCategory),
} as const;

const content = z
  .strictObject({ object_type: objectType, object_id: id, name, ...fields })
  .transform(({ object_type, object_id, name, ...payload }) => ({
    object: { type: objectTypes[object_type], id: object_id },
    name,
    payload,
  }));

const changes = z
  .strictObject({ name: maybe(name), ...fields })
  .transform(({ name, ...payload }) => ({ name, payload }));

const filter = z
  .object({ object_type: objectType.optional(), object_id: id.optional(), env_var_name: anyText.optional() })
  .transform(({ object_type, object_id, env_var_name }) => ({
    ...(env_var_name !== undefined && { named: [env_var_name] }),
    matches: ({ object }: { readonly object?: { readonly type: string; readonly id: string } | undefined }) =>
      (object_type === undefined || object?.type === objectTypes[object_type]) &&
      (object_id === undefined || object?.id === object_id),
  }));

const stored = z.object({
  metadata: orNull(jsonObject),
  secret_type: orNull(z.string()),
  secret_category: secretCategory.catch("env_var"),
  secret_updated_at: orNull(z.string()),
  secret_updated_by_user_id: orNull(z.string()),
});

const shown = stored.extend({
  id: z.uuid(),
  object_type: objectType,
  object_id: z.uuid(),
  name: z.string(),
  created: z.iso.datetime().nullable(),
  used: z.null(),
  preview_secret: z.null(),
});

/** Environment variables: that there are any, and what is said about them. Their values are not kept. */
export function envVarRoutes(owners: Owners, access: Access): readonly Route[] {
  return attachmentRoutes(owners, access, {
    kind: "env_var",
    path: "/v1/env_var",
    noun: "env_var",
    objectField: "object_id",
    content,
    changes,
    filter,
    shown,
    complete: ({ value, ...payload }, caller) =>
      value === undefined
        ? payload
        : {
            ...payload,
            secret_updated_at: new Date().toISOString(),
            secret_updated_by_user_id: caller.principal,
          },
    show: ({ id: envVarId, object, name, created }, payload) => ({
      ...stored.parse(payload),
      id: envVarId,
      object_type:
        object?.type === "prompt" ? "function" : object?.type === "project" ? "project" : "organization",
      object_id: object?.id ?? "",
      name,
      created: timeText(created),
      used: null,
      preview_secret: null,
    }),
  });
}
