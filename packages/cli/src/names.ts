// From ids to what people call things. What can't be seen is called by its id.

import type { ObjectType } from "@portcullis/policy";
import { z } from "zod";
import type { ObjectRef } from "./lookup.ts";
import { isFace, objectKinds } from "./object-kinds.ts";
import { objectsById } from "./pages.ts";
import type { Rest } from "./rest.ts";
import { group, role, user } from "./shapes.ts";

/** Where things are, in names: of an experiment its project and itself. */
export type Paths = ReadonlyMap<string, readonly string[]>;

export function pathKey({ type, id }: ObjectRef): string {
  return `${type}:${id}`;
}

const anyObject = z.looseObject({
  id: z.string(),
  name: z.string(),
  slug: z.string().nullish(),
  project_id: z.string().nullish(),
});

/** Paths of objects; groups and roles among them. */
export async function pathsOfObjects(rest: Rest, objects: readonly ObjectRef[]): Promise<Paths> {
  const idsOfType = Map.groupBy(objects, ({ type }) => type);
  const paths = new Map<string, readonly string[]>();
  const pending: { readonly type: ObjectType; readonly id: string; name: string; project: string }[] = [];
  for (const [type, refs] of idsOfType) {
    const ids = refs.map(({ id }) => id);
    if (isFace(type)) for (const id of ids) paths.set(pathKey({ type, id }), []);
    else if (type === "group" || type === "role") {
      const found =
        type === "group"
          ? await objectsById(rest, group, "/v1/group", ids)
          : await objectsById(rest, role, "/v1/role", ids);
      for (const { id, name } of found) paths.set(pathKey({ type, id }), [name]);
    } else {
      const kind = objectKinds[type];
      if (kind === undefined) continue;
      for (const found of await objectsById(rest, anyObject, kind.path, ids)) {
        const name = found[kind.nameField] ?? found.name;
        if (kind.inProject === null) paths.set(pathKey({ type, id: found.id }), [name]);
        else pending.push({ type, id: found.id, name, project: found.project_id ?? "" });
      }
    }
  }
  const projects = await objectsById(
    rest,
    anyObject,
    "/v1/project",
    pending.map(({ project }) => project),
  );
  const projectNames = new Map(projects.map(({ id, name }) => [id, name]));
  for (const { type, id, name, project } of pending) {
    const projectName = projectNames.get(project);
    if (projectName !== undefined) paths.set(pathKey({ type, id }), [projectName, name]);
  }
  return paths;
}

export function objectText(object: ObjectRef, paths: Paths): string {
  const path = paths.get(pathKey(object));
  if (path === undefined) return `${object.type}:${object.id}`;
  return path.length === 0 ? object.type : `${object.type}:${path.join("/")}`;
}

export function personText(person: {
  readonly id: string;
  readonly email: string | null;
  readonly name?: string | null;
  readonly given_name?: string | null;
}): string {
  return person.email ?? person.name ?? person.given_name ?? person.id;
}

/** Names of principals by id. */
export async function namesOfPrincipals(
  rest: Rest,
  ids: Iterable<string>,
): Promise<ReadonlyMap<string, string>> {
  const found = await objectsById(rest, user, "/v1/user", ids);
  return new Map(found.map((one) => [one.id, personText(one)]));
}
