// From what people write to ids: names and e-mail addresses where they are unique, else ids.

import { Fault, invalid } from "@portcullis/chassis/fault";
import { isObjectType, type ObjectType, objectTypeNames } from "@portcullis/policy";
import { z } from "zod";
import { isFace, objectKinds } from "./object-kinds.ts";
import { allPages } from "./pages.ts";
import type { Rest } from "./rest.ts";
import { type Group, group, type Member, memberPage, type Role, role, self, user } from "./shapes.ts";

export interface ObjectRef {
  readonly type: ObjectType;
  readonly id: string;
}

export function isId(text: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text);
}

export function whoAmI(rest: Rest): Promise<z.infer<typeof self>> {
  return rest.get(self, "/api/self/me");
}

async function ownOrganization(rest: Rest): Promise<{ readonly id: string; readonly name: string }> {
  const [organization] = (await whoAmI(rest)).organizations;
  if (organization === undefined) throw new Fault("unauthenticated", "the key is of no organization");
  return organization;
}

/** `me`, an id, an e-mail address, or the name of a member. */
export async function principalId(rest: Rest, who: string, field: string): Promise<string> {
  if (isId(who)) return who.toLowerCase();
  if (who === "me") return (await whoAmI(rest)).id;
  if (who.includes("@")) {
    const page = z.object({ objects: z.array(user) });
    const { objects } = await rest.get(page, "/v1/user", { email: who });
    return onlyOne(objects, field, who, "member").id;
  }
  const members = await searchMembers(rest, { q: who });
  const named = members.filter(({ name }) => name === who);
  return onlyOne(named, field, who, "member").id;
}

/** Members by a text that is in their names or addresses. */
export function searchMembers(
  rest: Rest,
  query: { readonly q?: string | undefined; readonly kind?: string | undefined },
): Promise<Member[]> {
  return allPages(async (cursor) => {
    const page = await rest.get(memberPage, "/v1/access/members", { ...query, limit: 1000, cursor });
    return { items: page.members, cursor: page.cursor };
  });
}

export async function findGroup(rest: Rest, named: string, field: string): Promise<Group> {
  if (isId(named)) return rest.get(group, `/v1/group/${named}`);
  const page = z.object({ objects: z.array(group) });
  const { objects } = await rest.get(page, "/v1/group", { group_name: named });
  return onlyOne(objects, field, named, "group");
}

export async function findRole(rest: Rest, named: string, field: string): Promise<Role> {
  if (isId(named)) return rest.get(role, `/v1/role/${named}`);
  const page = z.object({ objects: z.array(role) });
  const { objects } = await rest.get(page, "/v1/role", { role_name: named });
  return onlyOne(objects, field, named, "role");
}

/** `TYPE:ID`, `TYPE:NAME`, `TYPE:PROJECT/NAME`; a type alone where the organization itself is meant. */
export async function findObject(rest: Rest, text: string, field: string): Promise<ObjectRef> {
  const colon = text.indexOf(":");
  const type = readObjectType(colon < 0 ? text : text.slice(0, colon), field);
  const named = colon < 0 ? "" : text.slice(colon + 1);
  if (isId(named)) return { type, id: named.toLowerCase() };
  if (isFace(type)) {
    const organization = await ownOrganization(rest);
    if (named === "" || named === organization.name) return { type, id: organization.id };
    throw new Fault("absent", `${field}: no such organization: \`${named}\``, { field });
  }
  if (named === "") throw invalid(field, `must be ${type}:ID or ${type}:NAME`);
  const found = await Promise.all(pathsOf(type, named).map((path) => idsByPath(rest, type, path, field)));
  return { type, id: onlyOne(found.flat(), field, named, type) };
}

export function readObjectType(text: string, field: string): ObjectType {
  if (isObjectType(text)) return text;
  throw invalid(field, `\`${text}\` is no type of object: ${objectTypeNames.join(", ")}`);
}

/** The ids of what is at a path of names; of a type whose objects have no names that can be looked for, an error. */
export async function idsByPath(
  rest: Rest,
  type: ObjectType,
  path: readonly string[],
  field: string,
): Promise<readonly string[]> {
  if (type === "group") return [(await findGroup(rest, path[0] ?? "", field)).id];
  if (type === "role") return [(await findRole(rest, path[0] ?? "", field)).id];
  const kind = objectKinds[type];
  if (kind === undefined) throw invalid(field, `objects of type ${type} are named by their ids`);
  const page = z.object({ objects: z.array(z.object({ id: z.string() })) });
  const [first = "", second = ""] = path;
  const query =
    kind.inProject === null
      ? { [kind.nameParameter]: first }
      : { project_name: first, [kind.nameParameter]: second };
  const { objects } = await rest.get(page, kind.path, query);
  return objects.map(({ id }) => id);
}

/** The ways to read a text as a path: a name may hold a slash itself. */
function pathsOf(type: ObjectType, text: string): readonly (readonly string[])[] {
  const kind = objectKinds[type];
  if (kind === undefined || kind.inProject === null) return [[text]];
  return [...text.matchAll(/\//g)].map(({ index }) => [text.slice(0, index), text.slice(index + 1)]);
}

function onlyOne<T>(found: readonly T[], field: string, named: string, noun: string): T {
  const [only, ...others] = found;
  if (only === undefined) throw new Fault("absent", `${field}: no such ${noun}: \`${named}\``, { field });
  if (others.length > 0)
    throw invalid(field, `\`${named}\` is the name of ${found.length}: name the ${noun} by its id`);
  return only;
}
