// Which objects are there, as far as grants itself knows; of groups it knows nothing.

import { raw } from "@mikro-orm/core";
import { type ObjectRef, type ObjectType, type OrgId, objectTypeRow, type RoleId } from "@portcullis/policy";
import type { Query } from "@portcullis/store";
import { isOneOfOrganization, isRegistered } from "../domain/object.ts";

/** Says of each of these objects whether it is there, when grants knows. */
export async function existing(
  query: Query,
  org: OrgId,
  objects: readonly ObjectRef[],
): Promise<(object: ObjectRef) => boolean> {
  const registered = objects.map(registeredBehind).filter((object) => object !== null);
  const roles = objects.filter((object) => object.type === "role").map(({ id }) => id as string as RoleId);
  const [found, liveRoles] = await Promise.all([
    registeredAmong(query, org, registered),
    rolesAmong(query, org, roles),
  ]);
  return (object) => {
    if (isOneOfOrganization(object.type)) return (object.id as string) === org;
    if (object.type === "role") return liveRoles.has(object.id as string as RoleId);
    const behind = registeredBehind(object);
    return behind !== null && found.has(textOf(behind));
  };
}

/** Those that live, and whose parents do: rows below a deleted object may stand for a while. */
async function registeredAmong(
  query: Query,
  org: OrgId,
  objects: readonly ObjectRef[],
): Promise<ReadonlySet<string>> {
  const distinct = new Map(objects.map((object) => [textOf(object), object]));
  if (distinct.size === 0) return new Set();
  const named = Array.from(distinct.values(), ({ type, id }) => {
    const { parent } = objectTypeRow(type);
    return { type, id, has_parent: parent !== null && isRegistered(parent) };
  });
  const rows = await query<ObjectRef>({
    name: "existing-objects",
    text: `select object.type, object.id
       from jsonb_to_recordset($2::jsonb) as named (type text collate "C", id uuid, has_parent boolean)
       join object on object.id = named.id and object.type = named.type
       where object.org_id = $1::uuid and object.deleted_at is null and (not has_parent or exists (
         select from object parent where parent.id = object.parent_id and parent.deleted_at is null
       ))`,
    values: [org, JSON.stringify(named)],
  });
  return new Set(rows.map(textOf));
}

/** The live ones among these roles of the organisation. */
export async function rolesAmong(
  query: Query,
  org: OrgId,
  roles: readonly RoleId[],
): Promise<ReadonlySet<RoleId>> {
  const distinct = [...new Set(roles)];
  if (distinct.length === 0) return new Set();
  const rows = await query<{ id: RoleId }>({
    name: "existing-roles",
    text: `select role.id from unnest($2::uuid[]) as named (id) join role on role.id = named.id
       where role.org_id = $1::uuid and role.deleted_at is null`,
    values: [org, `{${distinct.join(",")}}`],
  });
  return new Set(rows.map(({ id }) => id));
}

function textOf({ type, id }: ObjectRef): string {
  return `${type} ${id}`;
}

/** The condition that the parent of an object is there too: rows below a deleted object may stand for a while. */
export function parentLives(type: ObjectType): Record<symbol, readonly []> {
  const { parent } = objectTypeRow(type);
  if (parent === null || !isRegistered(parent)) return {};
  const condition = raw(
    (alias) =>
      `exists (select from object parent where parent.id = ${alias}.parent_id and parent.deleted_at is null)`,
  );
  return { [condition]: [] };
}

/** The object of the registry that this one is, or is a face of. */
export function registeredBehind(object: ObjectRef): ObjectRef | null {
  if (isRegistered(object.type)) return object;
  const { idOf } = objectTypeRow(object.type);
  return idOf !== "itself" && isRegistered(idOf) ? { type: idOf, id: object.id } : null;
}
