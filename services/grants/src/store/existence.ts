// Which objects are there, as far as grants itself knows; of groups it knows nothing.

import { raw } from "@mikro-orm/core";
import { type ObjectRef, type ObjectType, type OrgId, objectTypeRow, type RoleId } from "@portcullis/policy";
import type { Query } from "@portcullis/store";
import { isOneOfOrganization, isRegistered } from "../domain/object.ts";

/** Things that are named where these organisations are written to. */
type NamedIn<Thing> = ReadonlyMap<OrgId, readonly Thing[]>;

/** Says of each of these objects of an organisation whether it is there, when grants knows. */
export async function existing(
  query: Query,
  org: OrgId,
  objects: readonly ObjectRef[],
): Promise<(object: ObjectRef) => boolean> {
  const exists = await existingIn(query, new Map([[org, objects]]));
  return (object) => exists(org, object);
}

/** Says the same of objects of several organisations. */
export async function existingIn(
  query: Query,
  named: NamedIn<ObjectRef>,
): Promise<(org: OrgId, object: ObjectRef) => boolean> {
  const roles = new Map(
    Array.from(named, ([org, objects]) => [
      org,
      objects.filter(({ type }) => type === "role").map(({ id }) => id as string as RoleId),
    ]),
  );
  const [isThere, isLiveRole] = await Promise.all([registeredAmong(query, named), rolesAmong(query, roles)]);
  return (org, object) => {
    if (isOneOfOrganization(object.type)) return (object.id as string) === org;
    if (object.type === "role") return isLiveRole(org, object.id as string as RoleId);
    return isThere(org, object);
  };
}

/** Those that live, and whose parents do: rows below a deleted object may stand for a while. */
async function registeredAmong(
  query: Query,
  named: NamedIn<ObjectRef>,
): Promise<(org: OrgId, object: ObjectRef) => boolean> {
  const distinct = new Map(
    Array.from(named, ([org, objects]) =>
      objects.flatMap((object) => {
        const behind = registeredBehind(object);
        return behind === null ? [] : [[textOf(org, behind), { org, ...behind }] as const];
      }),
    ).flat(),
  );
  const wanted = Array.from(distinct.values(), ({ org, type, id }) => {
    const { parent } = objectTypeRow(type);
    return { org, type, id, has_parent: parent !== null && isRegistered(parent) };
  });
  const rows =
    wanted.length === 0
      ? []
      : await query<ObjectRef & { readonly org: OrgId }>({
          name: "existing-objects",
          text: `select named.org, named.type, named.id
             from jsonb_to_recordset($1::jsonb)
               as named (org uuid, type text collate "C", id uuid, has_parent boolean)
             cross join lateral (
               select from object
               where id = named.id and type = named.type and org_id = named.org and deleted_at is null
                 and (not has_parent or exists (
                   select from object parent where parent.id = object.parent_id and parent.deleted_at is null
                   offset 0
                 ))
               offset 0
             ) as found`,
          values: [JSON.stringify(wanted)],
        });
  const found = new Set(rows.map((row) => textOf(row.org, row)));
  return (org, object) => {
    const behind = registeredBehind(object);
    return behind !== null && found.has(textOf(org, behind));
  };
}

/** Says of these roles whether they live in their organisations. */
export async function rolesAmong(
  query: Query,
  named: NamedIn<RoleId>,
): Promise<(org: OrgId, role: RoleId) => boolean> {
  const wanted = Array.from(named, ([org, roles]) =>
    Array.from(new Set(roles), (id) => ({ org, id })),
  ).flat();
  const rows =
    wanted.length === 0
      ? []
      : await query<{ org_id: OrgId; id: RoleId }>({
          name: "existing-roles",
          text: `select role.org_id, role.id from jsonb_to_recordset($1::jsonb) as named (org uuid, id uuid)
             join role on role.id = named.id and role.org_id = named.org
             where role.deleted_at is null`,
          values: [JSON.stringify(wanted)],
        });
  const live = new Set(rows.map(({ org_id, id }) => `${org_id} ${id}`));
  return (org, role) => live.has(`${org} ${role}`);
}

function textOf(org: OrgId, { type, id }: ObjectRef): string {
  return `${org} ${type} ${id}`;
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
