import { permissions } from "@portcullis/policy";
import { z } from "zod";
import { type Access, may, objectRef } from "../../access.ts";
import { anyText, id, maybe } from "../../input.ts";
import type { Owners } from "../../owners.ts";
import { type Route, route } from "../../route.ts";
import { present } from "../../wire.ts";
import { Registry } from "./registry.ts";

const objectsMax = 1000;

const body = z.object({
  object_type: z.enum(["project", "experiment", "dataset", "prompt", "prompt_session"]),
  object_ids: z.array(id).max(objectsMax),
  org_id: maybe(id),
  org_name: maybe(anyText),
});

const named = z.object({ id: z.uuid(), name: z.string() });

const info = z.object({
  object_type: z.string(),
  object_id: z.uuid(),
  object_name: z.string(),
  parent_cols: z.object({ organization: named, project: named.optional() }),
  permissions: z.array(z.enum(permissions)),
});

/** What objects are called, where they are and what the caller may do to them. Those that it may not read are left out. */
export function objectInfoRoutes(owners: Owners, access: Access): readonly Route[] {
  const registry = new Registry(owners, access);
  return [
    route({
      method: "POST",
      path: "/api/self/get_object_info",
      summary: "Tell of objects by their ids",
      body,
      response: z.array(info),
      requires: () => may("organization.read"),
      async handle({ body: { object_type: type, object_ids: ids } }, caller) {
        const objects = ids.length === 0 ? [] : await registry.find({ type, ids }, caller);
        const refs = objects.map((object) => objectRef(type, object.id));
        const [{ organization }, projects, ...allowed] = await Promise.all([
          owners.identity.getOrganization({ id: caller.org }, caller.hop),
          projectsOf(objects.map(({ parent }) => parent)),
          ...permissions.map((permission) => access.allowed(caller, permission, refs)),
        ]);
        const { id: orgId, name: orgName } = present(organization);
        return {
          body: objects.map((object, index) => ({
            object_type: type,
            object_id: object.id,
            object_name: object.name,
            parent_cols: {
              organization: { id: orgId, name: orgName },
              ...(object.parent?.type === "project" && {
                project: { id: object.parent.id, name: projects.get(object.parent.id) ?? object.parent.id },
              }),
            },
            permissions: permissions.filter((_permission, which) => allowed[which]?.[index] === true),
          })),
        };

        /** What they are called; a project that the caller may not read is called by its id. */
        async function projectsOf(
          parents: readonly ({ readonly type: string; readonly id: string } | undefined)[],
        ): Promise<ReadonlyMap<string, string>> {
          const wanted = new Set(
            parents.flatMap((parent) => (parent?.type === "project" ? [parent.id] : [])),
          );
          if (wanted.size === 0) return new Map();
          const found = await registry.find({ type: "project", ids: [...wanted] }, caller);
          return new Map(found.map((project) => [project.id, project.name]));
        }
      },
    }),
  ];
}
