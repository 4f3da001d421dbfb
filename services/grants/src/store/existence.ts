// Which objects are there, as far as grants itself knows; of groups it knows nothing.

import { raw } from "@mikro-orm/core";
import type { EntityManager } from "@mikro-orm/postgresql";
import { type ObjectRef, type ObjectType, type OrgId, objectTypeRow } from "@portcullis/policy";
import { isOneOfOrganization, isRegistered } from "../domain/object.ts";
import { ObjectRow, RoleRow } from "./entities.ts";

/** Says of each of these objects whether it is there, when grants knows. */
export async function existing(
  em: EntityManager,
  org: OrgId,
  objects: readonly ObjectRef[],
): Promise<(object: ObjectRef) => boolean> {
  const registered = objects.map(registeredBehind).filter((object) => object !== null);
  const roles = objects.filter((object) => object.type === "role");
  const live = new Set<string>();
  for (const [type, some] of Map.groupBy(registered, (object) => object.type)) {
    const rows = await em.find(
      ObjectRow,
      { orgId: org, type, id: { $in: some.map(({ id }) => id) }, deletedAt: null, ...parentLives(type) },
      { fields: ["id"] },
    );
    for (const { id } of rows) live.add(`${type} ${id}`);
  }
  const roleRows = await em.find(
    RoleRow,
    { orgId: org, id: { $in: roles.map((role) => role.id) }, deletedAt: null },
    { fields: ["id"] },
  );
  for (const { id } of roleRows) live.add(`role ${id}`);
  return (object) => {
    if (isOneOfOrganization(object.type)) return (object.id as string) === org;
    const behind = registeredBehind(object) ?? object;
    return live.has(`${behind.type} ${behind.id}`);
  };
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
