// The hot reads: the facts of grants, one query per table however many keys. A row that no write of ours would have
// made, an unknown word, a parent of the wrong type, grants nothing: it is read as if it were not there.

import {
  type Access,
  type Acl,
  type AclId,
  type FactKey,
  type FactKind,
  type FactValues,
  type GroupId,
  isObjectType,
  isPermission,
  type ObjectId,
  type ObjectRef,
  type ObjectType,
  type OrgId,
  objectTypeRow,
  occursAtOrBelow,
  type PrincipalId,
  type RoleId,
  type RoleNode,
  type RolePermission,
  type Roles,
  type Subject,
} from "@portcullis/policy";
import type { ClientBase } from "pg";
import { isOneOfOrganization } from "../domain/object.ts";
import { systemRole } from "../domain/role.ts";
import { registeredBehind } from "./existence.ts";

/** From how many ACLs on one object on they are read in another way. */
export interface ManyAcls {
  /** The access fact of an object holds no more of them. */
  readonly inAccess: number;
  /** Questions about whoever is named by ACLs are answered for no more. */
  readonly inAll: number;
}

/** Documented with the message `Access`. */
const manyAcls: ManyAcls = { inAccess: 100, inAll: 10_000 };

export async function readFacts(
  client: ClientBase,
  keys: readonly FactKey[],
  many: ManyAcls = manyAcls,
): Promise<FactValues[FactKind][]> {
  const access = keys.filter((key) => key.kind === "access");
  const objects = await readObjects(client, access);
  const listings = await readListings(client, access);
  const acls = await readAcls(client, access, many.inAccess);
  const all = await readAcls(
    client,
    keys.filter((key) => key.kind === "acls"),
    many.inAll,
  );
  const naming = await readAclsNaming(
    client,
    keys.filter((key) => key.kind === "acls_naming"),
  );
  const roles = await readRoles(
    client,
    keys.flatMap((key) => (key.kind === "roles" ? [key.org] : [])),
  );
  return keys.map((key) => {
    if (key.kind === "roles") return roles.get(key.org) ?? new Map();
    if (key.kind === "acls") return upTo(many.inAll, all.get(textOf(key.org, key.object)));
    if (key.kind === "acls_naming") return naming.get(namingText(key)) ?? [];
    if (key.kind !== "access") return null;
    const place = placeOf(key, objects);
    if (place === null) return null;
    const alsoUnder = listings.get(textOf(key.org, key.object)) ?? [];
    return { ...place, alsoUnder, acls: upTo(many.inAccess, acls.get(textOf(key.org, key.object))) };
  });
}

type KeyOf<Kind extends FactKind> = Extract<FactKey, { kind: Kind }>;
type AccessKey = KeyOf<"access">;
type ObjectKey = AccessKey | KeyOf<"acls">;
type NamingKey = KeyOf<"acls_naming">;
type Place = Omit<Access, "acls" | "alsoUnder">;

/** Where the object stands in the tree; null if it is not there. Of groups and roles, that is said elsewhere. */
function placeOf({ org, object }: AccessKey, registered: ReadonlyMap<string, Place>): Place | null {
  if (isOneOfOrganization(object.type)) {
    return (object.id as string) === org ? under(parentInOrganization(object.type, org)) : null;
  }
  const behind = registeredBehind(object);
  if (behind === null) return under(parentInOrganization(object.type, org));
  const place = registered.get(textOf(org, behind));
  if (place === undefined) return null;
  return behind.type === object.type ? place : under(behind);
}

function under(parent: ObjectRef | null): Place {
  return { parent };
}

function parentInOrganization(type: ObjectType, org: OrgId): ObjectRef | null {
  const { parent } = objectTypeRow(type);
  return parent === null ? null : { type: parent, id: org as string as ObjectId };
}

export const objectsQuery = {
  name: "objects",
  text: `select org_id, id, type, parent_type, parent_id, public_read from object
         where id = any($1::uuid[]) and deleted_at is null`,
} as const;

/** Where the live objects among these and behind them stand. */
async function readObjects(client: ClientBase, keys: readonly AccessKey[]): Promise<Map<string, Place>> {
  const ids = keys.flatMap((key) => registeredBehind(key.object)?.id ?? []);
  if (ids.length === 0) return new Map();
  const { rows } = await client.query<{
    org_id: OrgId;
    id: ObjectId;
    type: string;
    parent_type: string;
    parent_id: ObjectId;
    public_read: boolean;
  }>({ ...objectsQuery, values: [ids] });
  const places = new Map<string, Place>();
  for (const row of rows) {
    if (!isObjectType(row.type) || objectTypeRow(row.type).parent !== row.parent_type) continue;
    if (!isObjectType(row.parent_type)) continue;
    if (isOneOfOrganization(row.parent_type) && (row.parent_id as string) !== row.org_id) continue;
    places.set(textOf(row.org_id, row), {
      ...under({ type: row.parent_type, id: row.parent_id }),
      ...(row.public_read && { publicRead: true }),
    });
  }
  return places;
}

export const listingsQuery = {
  name: "listings",
  text: `select listing.org_id, listing.id, listed.id as project from unnest($1::uuid[]) as listed (id)
         join object listing on listing.member_projects @> array[listed.id]
           and listing.type = 'project_group' and listing.deleted_at is null
         order by listing.id`,
} as const;

/** The live project groups that list these projects. */
async function readListings(
  client: ClientBase,
  keys: readonly AccessKey[],
): Promise<Map<string, ObjectRef[]>> {
  const listings = new Map<string, ObjectRef[]>();
  const projects = keys.filter(({ object }) => object.type === "project").map(({ object }) => object.id);
  if (projects.length === 0) return listings;
  const { rows } = await client.query<{ org_id: OrgId; id: ObjectId; project: ObjectId }>({
    ...listingsQuery,
    values: [[...new Set(projects)]],
  });
  for (const { org_id: org, id, project } of rows) {
    const text = textOf(org, { type: "project", id: project });
    listings.set(text, [...(listings.get(text) ?? []), { type: "project_group", id }]);
  }
  return listings;
}

const aclColumns = `acl.id, acl.org_id, acl.object_type, acl.object_id, acl.subject_kind, acl.subject_id,
  acl.permission, acl.role_id, acl.restrict_object_type, acl.expires_at`;

/** Of each object no more than so many, however many there are. */
export const aclsQuery = {
  name: "acls",
  text: `select ${aclColumns} from unnest($1::uuid[], $2::text[], $3::uuid[]) as wanted (object, type, org)
         cross join lateral (
           select * from acl where acl.object_id = wanted.object and acl.object_type = wanted.type collate "C"
             and acl.org_id = wanted.org limit $4
         ) as acl
         order by acl.id`,
} as const;

/** Those on an object that name one subject. */
export const aclsNamingQuery = {
  name: "acls-naming",
  text: `select ${aclColumns}
         from unnest($1::uuid[], $2::text[], $3::uuid[], $4::uuid[], $5::text[])
           as wanted (object, type, org, subject, kind)
         join acl on acl.object_id = wanted.object and acl.object_type = wanted.type collate "C"
           and acl.org_id = wanted.org and acl.subject_id = wanted.subject and acl.subject_kind = wanted.kind
         order by acl.id`,
} as const;

interface AclRow {
  readonly id: AclId;
  readonly org_id: OrgId;
  readonly object_type: string;
  readonly object_id: ObjectId;
  readonly subject_kind: string;
  readonly subject_id: string;
  readonly permission: string | null;
  readonly role_id: RoleId | null;
  readonly restrict_object_type: string | null;
  readonly expires_at: Date | null;
}

/** Up to one more than the limit, so that it shows where there are more. */
async function readAcls(
  client: ClientBase,
  keys: readonly ObjectKey[],
  limit: number,
): Promise<Map<string, AclRow[]>> {
  const wanted = [...new Map(keys.map((key) => [textOf(key.org, key.object), key])).values()];
  if (wanted.length === 0) return new Map();
  const { rows } = await client.query<AclRow>({ ...aclsQuery, values: [...columnsOf(wanted), limit + 1] });
  return Map.groupBy(rows, (row) => textOf(row.org_id, { type: row.object_type, id: row.object_id }));
}

/** Null: there are more than the limit. */
function upTo(limit: number, rows: readonly AclRow[] = []): readonly Acl[] | null {
  return rows.length > limit ? null : rows.flatMap(aclOf);
}

async function readAclsNaming(
  client: ClientBase,
  keys: readonly NamingKey[],
): Promise<Map<string, readonly Acl[]>> {
  const wanted = [...new Map(keys.map((key) => [namingText(key), key])).values()];
  if (wanted.length === 0) return new Map();
  const subjects = [wanted.map(({ subject }) => subject.id), wanted.map(({ subject }) => subject.kind)];
  const { rows } = await client.query<AclRow>({
    ...aclsNamingQuery,
    values: [...columnsOf(wanted), ...subjects],
  });
  const byKey = Map.groupBy(rows, (row) =>
    namingText({
      org: row.org_id,
      object: { type: row.object_type, id: row.object_id },
      subject: { kind: row.subject_kind, id: row.subject_id },
    }),
  );
  return new Map(Array.from(byKey, ([text, found]) => [text, found.flatMap(aclOf)]));
}

function columnsOf(keys: readonly (ObjectKey | NamingKey)[]): string[][] {
  return [
    keys.map(({ object }) => object.id),
    keys.map(({ object }) => object.type),
    keys.map(({ org }) => org),
  ];
}

function aclOf(row: AclRow): Acl[] {
  if (!isObjectType(row.object_type)) return [];
  const subject = subjectOf(row);
  const grant = grantOf(row, row.object_type);
  if (subject === null || grant === null) return [];
  return [{ id: row.id, subject, grant, expiresAtMs: row.expires_at?.getTime() ?? null }];
}

function subjectOf({ subject_kind, subject_id }: AclRow): Subject | null {
  if (subject_kind === "principal") return { kind: "principal", id: subject_id as PrincipalId };
  if (subject_kind === "group") return { kind: "group", id: subject_id as GroupId };
  return null;
}

function grantOf(row: AclRow, on: ObjectType): Acl["grant"] | null {
  const { permission, role_id: role, restrict_object_type: restriction } = row;
  if (permission === null) {
    return role === null || restriction !== null ? null : { kind: "role", id: role };
  }
  if (role !== null || !isPermission(permission)) return null;
  if (restriction === null) return { kind: "permission", permission, restrictObjectType: null };
  if (!isObjectType(restriction) || !occursAtOrBelow(restriction, on)) return null;
  return { kind: "permission", permission, restrictObjectType: restriction };
}

/** The live roles of these organisations. */
export async function readRoles(client: ClientBase, orgs: readonly OrgId[]): Promise<Map<OrgId, Roles>> {
  const byOrg = new Map<OrgId, Map<RoleId, RoleNode>>(orgs.map((org) => [org, new Map()]));
  if (byOrg.size === 0) return byOrg;
  const { rows } = await client.query<{
    id: RoleId;
    org_id: OrgId;
    permissions: unknown;
    member_roles: RoleId[];
  }>({
    name: "roles",
    text: `select id, org_id, permissions, member_roles from role
           where org_id = any($1::uuid[]) and deleted_at is null order by id`,
    values: [[...byOrg.keys()]],
  });
  for (const row of rows) {
    if (systemRole(row.id) !== null) continue;
    const permissions = Array.isArray(row.permissions) ? row.permissions.flatMap(permissionOf) : [];
    byOrg.get(row.org_id)?.set(row.id, { permissions, memberRoles: row.member_roles });
  }
  return byOrg;
}

function permissionOf(entry: unknown): RolePermission[] {
  if (typeof entry !== "object" || entry === null) return [];
  const { permission, restrictObjectType } = entry as Record<string, unknown>;
  if (typeof permission !== "string" || !isPermission(permission)) return [];
  if (restrictObjectType === null) return [{ permission, restrictObjectType }];
  if (typeof restrictObjectType !== "string" || !isObjectType(restrictObjectType)) return [];
  return [{ permission, restrictObjectType }];
}

function textOf(org: OrgId, { type, id }: { readonly type: string; readonly id: ObjectId }): string {
  return `${org} ${type} ${id}`;
}

interface Named {
  readonly org: OrgId;
  readonly object: { readonly type: string; readonly id: ObjectId };
  readonly subject: { readonly kind: string; readonly id: string };
}

function namingText({ org, object, subject }: Named): string {
  return `${textOf(org, object)} ${subject.kind} ${subject.id}`;
}
