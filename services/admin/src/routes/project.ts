import { z } from "zod";
import type { Access } from "../access.ts";
import { anyText, description, jsonObject, maybe, name } from "../input.ts";
import type { Owners } from "../owners.ts";
import type { Route } from "../route.ts";
import { idOrNull, orNull, timeText } from "../wire.ts";
import { type ObjectKind, objectRoutes } from "./registered-object.ts";

const content = z
  .strictObject({ name, description: maybe(description), org_name: maybe(anyText) })
  .transform(({ name, description }) => ({ name, payload: { description } }));

const changes = z
  .strictObject({
    name: maybe(name),
    description: maybe(description),
    user_id: maybe(anyText),
    settings: maybe(jsonObject),
  })
  .refine((given) => given.user_id === undefined, {
    path: ["user_id"],
    message: "can't be changed: it says who created the project",
  })
  .transform(({ name, description, settings }) => ({ name, payload: { description, settings } }));

const stored = z.object({ description: orNull(z.string()), settings: orNull(jsonObject) });

const shown = stored.extend({
  id: z.uuid(),
  org_id: z.uuid(),
  name: z.string(),
  created: z.iso.datetime().nullable(),
  deleted_at: z.iso.datetime().nullable(),
  user_id: z.uuid().nullable(),
});

export const projectKind: ObjectKind<z.output<typeof shown>> = {
  type: "project",
  path: "/v1/project",
  noun: "project",
  content,
  changes,
  shown,
  show: (object, payload) => ({
    ...stored.parse(payload),
    id: object.id,
    org_id: object.orgId,
    name: object.name,
    created: timeText(object.created),
    deleted_at: timeText(object.deletedAt),
    user_id: idOrNull(object.creatorId),
  }),
};

export function projectRoutes(owners: Owners, access: Access): readonly Route[] {
  return objectRoutes(owners, access, projectKind);
}
