import { z } from "zod";
import { type Access, may, noSuchObject, objectRef } from "../access.ts";
import { anyText, jsonObject, maybe, name } from "../input.ts";
import type { Owners } from "../owners.ts";
import { type Route, route } from "../route.ts";
import { orNull, present, renames, timeText } from "../wire.ts";
import { objectRoutes } from "./registered-object.ts";

const notKept = { path: ["secret"], message: "is not kept here; register it without its value" };

const fields = {
  type: maybe(name),
  metadata: maybe(jsonObject),
  /** Known, so that it is refused by name and not as a mistake. */
  secret: z.unknown().optional(),
} as const;

const hasNoSecret = ({ secret }: { secret?: unknown }) => secret === undefined || secret === null;

const content = z
  .strictObject({ name, ...fields, org_name: maybe(anyText) })
  .refine(hasNoSecret, notKept)
  .transform(({ name, type, metadata }) => ({ name, payload: { type, metadata } }));

const changes = z
  .strictObject({ name: maybe(name), ...fields })
  .refine(hasNoSecret, notKept)
  .transform(({ name, type, metadata }) => ({ name, payload: { type, metadata } }));

const named = z.strictObject({ name, org_name: maybe(anyText) });

const stored = z.object({ type: orNull(z.string()), metadata: orNull(jsonObject) });

const shown = stored.extend({
  id: z.uuid(),
  created: z.iso.datetime().nullable(),
  updated_at: z.null(),
  secret_updated_at: z.null(),
  org_id: z.uuid(),
  name: z.string(),
  secret_updated_by_user_id: z.null(),
  preview_secret: z.null(),
});

/** Secrets as things that access can be granted on: what is said about them. Their values are kept elsewhere. */
export function aiSecretRoutes(owners: Owners, access: Access): readonly Route[] {
  const { grants } = owners;
  type Kind = Parameters<typeof objectRoutes<z.output<typeof shown>>>[2];
  const show: Kind["show"] = (object, payload) => ({
    ...stored.parse(payload),
    id: object.id,
    created: timeText(object.created),
    updated_at: null,
    secret_updated_at: null,
    org_id: object.orgId,
    name: object.name,
    secret_updated_by_user_id: null,
    preview_secret: null,
  });
  return [
    ...objectRoutes(owners, access, {
      type: "ai_secret",
      path: "/v1/ai_secret",
      noun: "ai_secret",
      content,
      changes,
      shown,
      show,
      unsupported: ["ai_secret_type"],
    }),
    route({
      method: "DELETE",
      path: "/v1/ai_secret",
      summary: "Delete the ai_secret of a name",
      body: named,
      response: shown,
      async find({ body }, caller) {
        const { objects } = await grants.listObjects(
          {
            orgId: caller.org,
            type: "ai_secret",
            page: undefined,
            parent: undefined,
            ids: [],
            names: [body.name],
            slugs: [],
            projectNames: [],
          },
          caller.hop,
        );
        return objects[0] ?? null;
      },
      requires: ({ found }) =>
        found === null ? may("organization.read") : may("object.delete", objectRef("ai_secret", found.id)),
      async handle({ found }, caller) {
        if (found === null) throw noSuchObject();
        const { object, revision } = await grants.deleteObject(
          { context: caller.context, orgId: caller.org, id: found.id, type: "ai_secret" },
          caller.hop,
        );
        const deleted = present(object);
        const payload = JSON.parse(deleted.payloadJson || "{}") as Record<string, unknown>;
        return { body: show(deleted, payload), revisions: [revision] };
      },
      fieldOf: renames(),
    }),
  ];
}
