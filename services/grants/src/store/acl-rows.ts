// ACLs as rows, for all stores that make or remove some.

import type { EntityManager } from "@mikro-orm/postgresql";
import type {
  AclId,
  FactKey,
  GroupId,
  ObjectId,
  ObjectRef,
  OrgId,
  PrincipalId,
  RoleId,
} from "@portcullis/policy";
import { v7 as newUuid } from "uuid";
import type { Acl, AclContent } from "../domain/acl.ts";
import { AclRow } from "./entities.ts";

/** Makes the row of a new ACL. */
export function addAcl(
  em: EntityManager,
  org: OrgId,
  { object, subject, grant, expiresAt }: AclContent,
  created: Date,
): AclRow {
  return em.create(AclRow, {
    id: newUuid(),
    orgId: org,
    objectType: object.type,
    objectId: object.id,
    subjectKind: subject.kind,
    subjectId: subject.id,
    permission: grant.kind === "permission" ? grant.permission : null,
    roleId: grant.kind === "role" ? grant.id : null,
    restrictObjectType: grant.kind === "permission" ? grant.restrictObjectType : null,
    expiresAt,
    builtIn: false,
    created,
  });
}

export function aclOf(row: AclRow): Acl {
  return {
    id: row.id as AclId,
    org: row.orgId as OrgId,
    content: {
      object: objectOf(row),
      subject:
        row.subjectKind === "principal"
          ? { kind: "principal", id: row.subjectId as PrincipalId }
          : { kind: "group", id: row.subjectId as GroupId },
      grant: grantOf(row),
      expiresAt: row.expiresAt ?? null,
    },
    builtIn: row.builtIn,
    created: row.created,
  };
}

export function objectOf(row: Pick<AclRow, "objectType" | "objectId">): ObjectRef {
  return { type: row.objectType, id: row.objectId as ObjectId };
}

/** The access facts of objects, each once. */
export function touchedBy(org: OrgId, objects: readonly ObjectRef[]): FactKey[] {
  const distinct = new Map(objects.map((object) => [`${object.type} ${object.id}`, object]));
  return [...distinct.values()].map((object) => ({ kind: "access", org, object }));
}

/** Reads every ACL that sits on one of the objects. */
export async function aclsOn(
  em: EntityManager,
  org: OrgId,
  objects: readonly ObjectRef[],
): Promise<AclRow[]> {
  const ids = await em.execute<{ id: string }[]>(
    `select acl.id from jsonb_to_recordset(?::jsonb) as named (type text, id uuid)
     join acl on acl.org_id = ? and acl.object_type = named.type and acl.object_id = named.id`,
    [JSON.stringify(objects), org],
  );
  return em.find(AclRow, { id: { $in: ids.map((row) => row.id) } }, { orderBy: { id: "asc" } });
}

export interface AclSelector {
  readonly subjects: readonly AclContent["subject"][];
  readonly on: readonly ObjectRef[];
}

/** Removes the ACLs that name one of these subjects or sit on one of these objects; says so for the event. */
export async function removeAcls(
  em: EntityManager,
  org: OrgId,
  { subjects, on }: AclSelector,
): Promise<{ readonly told: object; readonly touches: FactKey[] }> {
  const naming = await em.execute<{ id: string }[]>(
    `select acl.id from jsonb_to_recordset(?::jsonb) as named (kind text, id uuid)
     join acl on acl.org_id = ? and acl.subject_id = named.id and acl.subject_kind = named.kind`,
    [JSON.stringify(subjects), org],
  );
  const named = await em.find(
    AclRow,
    { id: { $in: naming.map((row) => row.id) } },
    { orderBy: { id: "asc" } },
  );
  const rows = [...new Set([...named, ...(await aclsOn(em, org, on))])];
  for (const row of rows) em.remove(row);
  return { told: forTheLog(rows), touches: touchedBy(org, rows.map(objectOf)) };
}

/** How many of the ACLs that a change took with it are told one by one in its event. */
const toldMax = 100;

/** ACLs that went together with something else, for the event log. */
export function forTheLog(rows: readonly AclRow[]): object {
  return { acls: rows.slice(0, toldMax).map(aclOf), aclCount: rows.length };
}

function grantOf(row: AclRow): AclContent["grant"] {
  const { permission, roleId } = row;
  if (permission)
    return { kind: "permission", permission, restrictObjectType: row.restrictObjectType ?? null };
  return { kind: "role", id: roleId as RoleId };
}
