// The hot reads: access and roles facts, one query per table however many keys. A row that no write of ours would have
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
} from "@portcullis/policy";
import type { ClientBase } from "pg";
import { isOneOfOrganization } from "../domain/object.ts";
import { systemRole } from "../domain/role.ts";
import { registeredBehind } from "./existence.ts";

export async function readFacts(
  client: ClientBase,
  keys: readonly FactKey[],
): Promise<FactValues[FactKind][]> {
  const access = keys.filter((key) => key.kind === "access");
  const objects = await readObjects(client, access);
  const listings = await readListings(client, access);
  const acls = await readAcls(client, access);
  const roles = await readRoles(
    client,
    keys.flatMap((key) => (key.kind === "roles" ? [key.org] : [])),
  );
  return keys.map((key) => {
    if (key.kind === "roles") return roles.get(key.org) ?? new Map();
    if (key.kind !== "access") return null;
    const place = placeOf(key, objects);
    if (place === null) return null;
    const alsoUnder = listings.get(textOf(key.org, key.object)) ?? [];
    return { ...place, alsoUnder, acls: acls.get(textOf(key.org, key.object)) ?? [] };
  });
}

type AccessKey = Extract<FactKey, { kind: "access" }>;
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

/** By id alone, which the index likes best. Ids are hardly ever shared, and what was not asked for is not answered. */
export const aclsQuery = {
  name: "acls",
  text: `select id, org_id, object_type, object_id, subject_kind, subject_id, permission, role_id, restrict_object_type,
           expires_at
         from acl where object_id = any($1::uuid[]) order by id`,
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

async function readAcls(client: ClientBase, keys: readonly AccessKey[]): Promise<Map<string, Acl[]>> {
  const acls = new Map<string, Acl[]>();
  const ids = [...new Set(keys.map((key) => key.object.id))];
  if (ids.length === 0) return acls;
  const { rows } = await client.query<AclRow>({ ...aclsQuery, values: [ids] });
  for (const row of rows) {
    if (!isObjectType(row.object_type)) continue;
    const acl = aclOf(row, row.object_type);
    if (acl === null) continue;
    const text = textOf(row.org_id, { type: row.object_type, id: row.object_id });
    const others = acls.get(text);
    if (others === undefined) acls.set(text, [acl]);
    else others.push(acl);
  }
  return acls;
}

function aclOf(row: AclRow, on: ObjectType): Acl | null {
  const subject = subjectOf(row);
  const grant = grantOf(row, on);
  if (subject === null || grant === null) return null;
  return { id: row.id, subject, grant, expiresAtMs: row.expires_at?.getTime() ?? null };
}

function subjectOf({ subject_kind, subject_id }: AclRow): Acl["subject"] | null {
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
