import { z } from "zod";
import type { Access } from "../access.ts";
import { description, id, jsonObject, maybe, name } from "../input.ts";
import type { Owners } from "../owners.ts";
import type { Route } from "../route.ts";
import { idOrNull, orNull, timeText } from "../wire.ts";
import { objectRoutes } from "./registered-object.ts";

const fields = { description: maybe(description), metadata: maybe(jsonObject) } as const;

const content = z
  .strictObject({ project_id: id, name, ...fields })
  .transform(({ project_id, name, ...payload }) => ({ project_id, name, payload }));

const changes = z
  .strictObject({ name: maybe(name), ...fields })
  .transform(({ name, ...payload }) => ({ name, payload }));

const stored = z.object({ description: orNull(z.string()), metadata: orNull(jsonObject) });

const shown = stored.extend({
  id: z.uuid(),
  project_id: z.uuid(),
  name: z.string(),
  created: z.iso.datetime().nullable(),
  deleted_at: z.iso.datetime().nullable(),
  user_id: z.uuid().nullable(),
});

/** Playgrounds, which ACLs call `prompt_session`. The public API has no way to register them, so the path is our own. */
export function playgroundRoutes(owners: Owners, access: Access): readonly Route[] {
  return objectRoutes(owners, access, {
    type: "prompt_session",
    path: "/v1/access/playground",
    noun: "playground",
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
    }),
  });
}
