// Which objects are there, as far as grants itself knows; of groups it knows nothing.

import type { EntityManager } from "@mikro-orm/postgresql";
import { type ObjectRef, type OrgId, objectTypeRow } from "@portcullis/policy";
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
  const objectRows = await em.find(
    ObjectRow,
    { orgId: org, id: { $in: registered.map((object) => object.id) }, deletedAt: null },
    { fields: ["id", "type"] },
  );
  const roleRows = await em.find(
    RoleRow,
    { orgId: org, id: { $in: roles.map((role) => role.id) }, deletedAt: null },
    { fields: ["id"] },
  );
  const live = new Set([
    ...objectRows.map((row) => `${row.type} ${row.id}`),
    ...roleRows.map((row) => `role ${row.id}`),
  ]);
  return (object) => {
    if (isOneOfOrganization(object.type)) return (object.id as string) === org;
    const behind = registeredBehind(object) ?? object;
    return live.has(`${behind.type} ${behind.id}`);
  };
}

/** The object of the registry that this one is, or is a face of. */
export function registeredBehind(object: ObjectRef): ObjectRef | null {
  if (isRegistered(object.type)) return object;
  const { idOf } = objectTypeRow(object.type);
  return idOf !== "itself" && isRegistered(idOf) ? { type: idOf, id: object.id } : null;
}
