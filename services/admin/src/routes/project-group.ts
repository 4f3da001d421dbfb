import { z } from "zod";
import type { Access } from "../access.ts";
import type { GrantCap } from "../grant-cap.ts";
import { anyText, description, id, listOf, maybe, name } from "../input.ts";
import type { Owners } from "../owners.ts";
import type { Route } from "../route.ts";
import { idOrNull, orNull, timeText } from "../wire.ts";
import { objectRoutes } from "./registered-object.ts";

const content = z
  .strictObject({
    name,
    description: maybe(description),
    member_projects: maybe(listOf(id)),
    org_name: maybe(anyText),
  })
  .transform(({ name, description, member_projects }) => ({
    name,
    member_projects,
    payload: { description },
  }));

const changes = z
  .strictObject({
    name: maybe(name),
    description: maybe(description),
    add_member_projects: maybe(listOf(id)),
    remove_member_projects: maybe(listOf(id)),
  })
  .transform(({ description, ...given }) => ({ ...given, payload: { description } }));

const stored = z.object({ description: orNull(z.string()) });

const shown = stored.extend({
  id: z.uuid(),
  org_id: z.uuid(),
  user_id: z.uuid().nullable(),
  created: z.iso.datetime().nullable(),
  name: z.string(),
  deleted_at: z.iso.datetime().nullable(),
  member_projects: z.array(z.uuid()),
});

/** Lists of projects, which inherit from them. */
export function projectGroupRoutes(owners: Owners, access: Access, cap: GrantCap): readonly Route[] {
  return objectRoutes(owners, access, {
    type: "project_group",
    path: "/v1/project_group",
    noun: "project_group",
    content,
    changes,
    shown,
    checkListing: (caller, listed) => cap.checkListing(caller, listed),
    show: (object, payload) => ({
      ...stored.parse(payload),
      id: object.id,
      org_id: object.orgId,
      user_id: idOrNull(object.creatorId),
      created: timeText(object.created),
      name: object.name,
      deleted_at: timeText(object.deletedAt),
      member_projects: object.memberProjectIds,
    }),
  });
}
