// What the names in a file stand for, as of now.

import { invalid } from "@portcullis/chassis/fault";
import { idsByPath } from "../lookup.ts";
import { type Paths, pathKey, pathsOfObjects } from "../names.ts";
import { isFace } from "../object-kinds.ts";
import type { Rest } from "../rest.ts";
import type { AccessFile, AclEntry } from "./file.ts";
import type { Organization } from "./organization.ts";
import type { Resolver } from "./target.ts";

type Place = AclEntry["object"];

/** Looks up every object of the file. Those that have ACLs already are known by `paths`. */
export async function resolverFor(
  rest: Rest,
  file: AccessFile,
  organization: Organization,
  paths: Paths,
): Promise<Resolver> {
  const people = peopleOf(organization);
  const objects = await objectsOf(rest, file, paths);
  return {
    principal(name, field) {
      const key = typeof name === "string" ? name.toLowerCase() : JSON.stringify(name);
      const found = people.get(key);
      if (found !== undefined) return found;
      const told = typeof name === "string" ? name : Object.values(name).join("");
      throw invalid(field, `no member \`${told}\`: invite first, or take it out of the file`);
    },
    object({ type, path, id }, field) {
      if (isFace(type)) {
        if (path !== undefined) throw invalid(field, `a ${type} has no path: there is one`);
        return organization.id;
      }
      if (type === "group" || type === "role") return nameOfThing(type, { path, id }, organization, field);
      const key = id === undefined ? placeKey({ type, path }) : pathKey({ type, id });
      const found = objects.get(key);
      if (found !== undefined) return found;
      throw invalid(
        field,
        path === undefined && id === undefined ? "must have a path or an id" : noSuch(type),
      );
    },
  };
}

function peopleOf({ members }: Organization): ReadonlyMap<string, string> {
  const people = new Map<string, string>();
  for (const { id, kind, email, name } of members.values()) {
    people.set(JSON.stringify({ id }), id);
    if (kind === "user" && email !== null) people.set(email.toLowerCase(), id);
    if (kind === "service_account" && name !== null) {
      people.set(JSON.stringify({ service_account: name }), id);
    }
  }
  return people;
}

function nameOfThing(
  type: "group" | "role",
  { path, id }: Pick<Place, "path" | "id">,
  { groups, roles }: Organization,
  field: string,
): string {
  if (id === undefined) {
    const [name] = path ?? [];
    if (name === undefined) throw invalid(field, "must have a path or an id");
    // Whether it is there is judged when the whole file has been read: it may be in it.
    return name;
  }
  const things = type === "group" ? groups : roles;
  const found = [...things.values()].find((one) => one.id === id);
  if (found === undefined) throw invalid(field, noSuch(type));
  return found.name;
}

/** Ids of objects, by where they are and by themselves. */
async function objectsOf(rest: Rest, file: AccessFile, paths: Paths): Promise<ReadonlyMap<string, string>> {
  const known = new Map<string, string>();
  for (const [key, path] of paths) {
    const [type = "", id = ""] = key.split(":", 2);
    known.set(key, id);
    known.set(placeKey({ type, path: [...path] }), id);
  }
  const places = (file.acls ?? []).map(({ object }) => object).filter(({ type }) => !isNamedElsewhere(type));
  const byId = places.flatMap(({ type, id }) =>
    id === undefined || known.has(pathKey({ type, id })) ? [] : [{ type, id }],
  );
  for (const key of (await pathsOfObjects(rest, byId)).keys()) known.set(key, key.split(":", 2)[1] ?? "");
  for (const [index, { object }] of (file.acls ?? []).entries()) {
    const { type, path } = object;
    if (path === undefined || isNamedElsewhere(type) || known.has(placeKey(object))) continue;
    const field = `acls[${index}].object`;
    const [found, ...others] = await idsByPath(rest, type, path, field);
    if (others.length > 0) throw invalid(field, "is the name of several: name it by its id");
    if (found !== undefined) known.set(placeKey(object), found);
  }
  return known;
}

function isNamedElsewhere(type: Place["type"]): boolean {
  return isFace(type) || type === "group" || type === "role";
}

function placeKey({ type, path }: { readonly type: string; readonly path?: string[] | undefined }): string {
  return JSON.stringify([type, ...(path ?? [])]);
}

function noSuch(type: string): string {
  return `there is no such ${type}, or it can't be seen`;
}
