import type { Object as ObjectMessage } from "@portcullis/proto/grants/v1/grants";
import { z } from "zod";
import { type Access, may, noSuchObject, objectRef } from "../access.ts";
import { anyText, jsonObject, maybe, name, several } from "../input.ts";
import type { Owners } from "../owners.ts";
import { type Route, route } from "../route.ts";
import { orNull, present, renames, timeText } from "../wire.ts";
import { type ObjectKind, objectRoutes } from "./registered-object.ts";

const secretMax = 64 * 1024;

const fields = {
  type: maybe(name),
  metadata: maybe(jsonObject),
  /** Taken and forgotten: nothing here could use it, so nothing here keeps it. */
  secret: maybe(z.string().max(secretMax)),
} as const;

const content = z
  .strictObject({ name, ...fields, org_name: maybe(anyText) })
  .transform(({ name, type, metadata, secret }) => ({
    name,
    payload: { type, metadata, ...updated(secret) },
  }));

const changes = z
  .strictObject({ name: maybe(name), ...fields })
  .transform(({ name, type, metadata, secret }) => ({
    name,
    payload: { type, metadata, ...updated(secret) },
  }));

const filter = z.object({ ai_secret_type: several(anyText) }).transform(({ ai_secret_type: types }) => {
  const wanted = new Set<unknown>(types);
  return ({ type }: Readonly<Record<string, unknown>>) => wanted.size === 0 || wanted.has(type);
});

const named = z.strictObject({ name, org_name: maybe(anyText) });

const stored = z.object({
  type: orNull(z.string()),
  metadata: orNull(jsonObject),
  secret_updated_at: orNull(z.string()),
});

const shown = stored.extend({
  id: z.uuid(),
  created: z.iso.datetime().nullable(),
  updated_at: z.null(),
  org_id: z.uuid(),
  name: z.string(),
  secret_updated_by_user_id: z.null(),
  preview_secret: z.null(),
});

function updated(secret: string | undefined) {
  return secret === undefined ? {} : { secret_updated_at: new Date().toISOString() };
}

/** Secrets as things that access can be granted on: what is said about them. Their values are kept elsewhere. */
export function aiSecretRoutes(owners: Owners, access: Access): readonly Route[] {
  const { grants } = owners;
  const show: ObjectKind<z.output<typeof shown>>["show"] = (object, payload) => ({
    ...stored.parse(payload),
    id: object.id,
    created: timeText(object.created),
    updated_at: null,
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
      filter,
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
      standing: ({ found }) => (found === null ? null : show(found, payloadOf(found))),
      async handle({ found }, caller) {
        if (found === null) throw noSuchObject();
        const { object, revision } = await grants.deleteObject(
          { context: caller.context, orgId: caller.org, id: found.id, type: "ai_secret" },
          caller.hop,
        );
        const deleted = present(object);
        return { body: show(deleted, payloadOf(deleted)), revisions: [revision] };
      },
      fieldOf: renames(),
    }),
  ];
}

function payloadOf(object: ObjectMessage): Record<string, unknown> {
  return JSON.parse(object.payloadJson || "{}") as Record<string, unknown>;
}
