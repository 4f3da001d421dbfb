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

function objectOf(row: Pick<AclRow, "objectType" | "objectId">): ObjectRef {
  return { type: row.objectType, id: row.objectId as ObjectId };
}

/** What a change of where objects stand touches, each once. */
export function touchedBy(org: OrgId, objects: readonly ObjectRef[]): FactKey[] {
  const kinds = ["access", "parents"] as const;
  return distinct(objects).flatMap((object) => kinds.map((kind): FactKey => ({ kind, org, object })));
}

function distinct(objects: readonly ObjectRef[]): ObjectRef[] {
  return [...new Map(objects.map((object) => [`${object.type} ${object.id}`, object])).values()];
}

/** What ACLs that come, go or change touch: the facts of the objects on which they sit, as they are read in each way. */
export function touchedByAcls(org: OrgId, acls: readonly Acl[]): FactKey[] {
  const contents = acls.map(({ content }) => content);
  const objects = distinct(contents.map(({ object }) => object));
  const named = new Map(
    contents.map(({ object, subject }) => [
      `${object.type} ${object.id} ${subject.kind} ${subject.id}`,
      { object, subject },
    ]),
  );
  return [
    ...objects.map((object): FactKey => ({ kind: "access", org, object })),
    ...objects.map((object): FactKey => ({ kind: "acls", org, object })),
    ...Array.from(named.values(), (each): FactKey => ({ kind: "acls_naming", org, ...each })),
  ];
}

/** Those of the principals that some ACL names. */
export async function namedByAcls(
  em: EntityManager,
  org: OrgId,
  principals: readonly PrincipalId[],
): Promise<PrincipalId[]> {
  const rows = await em.execute<{ id: PrincipalId }[]>(
    `select named.id from unnest(?::uuid[]) as named (id) where exists (
       select from acl where org_id = ? and subject_id = named.id and subject_kind = 'principal'
     )`,
    [`{${principals.join(",")}}`, org],
  );
  return rows.map(({ id }) => id);
}

/** Which ACLs go when something else does. */
export interface AclSelector {
  /** Those that name one of these, */
  readonly subjects?: readonly AclContent["subject"][];
  /** that sit on one of these, */
  readonly on?: readonly ObjectRef[];
  /** or that grant one of these. */
  readonly roles?: readonly RoleId[];
}

export interface RemovedAcls {
  readonly rows: readonly AclRow[];
  /** There may be more of them. */
  readonly unfinished: boolean;
}

/** One transaction removes no more ACLs than this: its event can name the facts of all of them. */
const aclsAtOnce = 500;

/** Removes ACLs, or as many of them as one transaction may. */
export async function removeAcls(
  em: EntityManager,
  org: OrgId,
  { subjects = [], on = [], roles = [] }: AclSelector,
): Promise<RemovedAcls> {
  const found = await em.execute<{ id: string }[]>(
    `select acl.id from jsonb_to_recordset(?::jsonb) as named (kind text, id uuid)
     join acl on acl.org_id = ? and acl.subject_id = named.id and acl.subject_kind = named.kind
     union all
     select acl.id from jsonb_to_recordset(?::jsonb) as named (type text, id uuid)
     join acl on acl.org_id = ? and acl.object_type = named.type and acl.object_id = named.id
     union all
     select acl.id from unnest(?::uuid[]) as named (id) join acl on acl.org_id = ? and acl.role_id = named.id
     limit ?`,
    [JSON.stringify(subjects), org, JSON.stringify(on), org, `{${roles.join(",")}}`, org, aclsAtOnce],
  );
  const ids = { id: { $in: found.map((row) => row.id) } };
  const rows = await em.find(AclRow, ids, { orderBy: { id: "asc" } });
  await em.nativeDelete(AclRow, ids);
  return { rows, unfinished: found.length === aclsAtOnce };
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
