// The hot reads: the facts of grants, all in one statement, with one query per table however many keys. A row that no write of ours would have
// made, an unknown word, a parent of the wrong type, grants nothing: it is read as if it were not there.

import {
  type Acl,
  type AclId,
  type FactKey,
  type GroupId,
  isObjectType,
  isPermission,
  type ObjectId,
  type ObjectRef,
  type ObjectType,
  type OrgId,
  objectTypeRow,
  occursAtOrBelow,
  type Parents,
  type PrincipalId,
  type RoleId,
  type RoleNode,
  type RolePermission,
  type Roles,
  type Subject,
} from "@portcullis/policy";
import type { FactReading, Subquery } from "@portcullis/store";
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

type Asked = {
  readonly objects: Subquery<ObjectRow> | null;
  readonly listings: Subquery<ListingRow> | null;
  readonly acls: Subquery<AclRow> | null;
  readonly all_acls: Subquery<AclRow> | null;
  readonly acls_naming: Subquery<AclRow> | null;
  readonly roles: Subquery<RoleRow> | null;
};

export function readFacts(keys: readonly FactKey[], many: ManyAcls = manyAcls): FactReading<Asked> {
  const access = keys.filter((key) => key.kind === "access");
  const placed = keys.filter((key) => key.kind === "access" || key.kind === "parents");
  const all = keys.filter((key) => key.kind === "acls");
  const naming = keys.filter((key) => key.kind === "acls_naming");
  const orgs = keys.flatMap((key) => (key.kind === "roles" ? [key.org] : []));
  return {
    queries: {
      objects: objectsQuery(placed),
      listings: listingsQuery(placed),
      acls: aclsQuery(access, many.inAccess),
      all_acls: aclsQuery(all, many.inAll),
      acls_naming: aclsNamingQuery(naming),
      roles: rolesQuery(orgs),
    },
    values(rows) {
      const objects = placesOf(rows.objects);
      const listings = listingsOf(rows.listings);
      const aclsOf = byObject(rows.acls);
      const allAclsOf = byObject(rows.all_acls);
      const aclsNaming = bySubject(rows.acls_naming);
      const roles = rolesOf(rows.roles);
      return keys.map((key) => {
        if (key.kind === "roles") return roles.get(key.org) ?? new Map();
        if (key.kind === "acls") return upTo(many.inAll, allAclsOf.get(textOf(key.org, key.object)));
        if (key.kind === "acls_naming") return (aclsNaming.get(namingText(key)) ?? []).flatMap(aclOf);
        if (key.kind !== "access" && key.kind !== "parents") return null;
        const place = placeOf(key, objects);
        if (place === null) return null;
        const alsoUnder = listings.get(textOf(key.org, key.object)) ?? [];
        if (key.kind === "parents") return { ...place, alsoUnder };
        return { ...place, alsoUnder, acls: upTo(many.inAccess, aclsOf.get(textOf(key.org, key.object))) };
      });
    },
  };
}

type KeyOf<Kind extends FactKey["kind"]> = Extract<FactKey, { kind: Kind }>;
type PlacedKey = KeyOf<"access" | "parents">;
type ObjectKey = KeyOf<"access" | "acls">;
type NamingKey = KeyOf<"acls_naming">;
type Place = Omit<Parents, "alsoUnder">;

/** Where the object stands in the tree; null if it is not there. Of groups and roles, that is said elsewhere. */
function placeOf({ org, object }: PlacedKey, registered: ReadonlyMap<string, Place>): Place | null {
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

interface ObjectRow {
  readonly org_id: OrgId;
  readonly id: ObjectId;
  readonly type: string;
  readonly parent_type: string;
  readonly parent_id: ObjectId;
  readonly public_read: boolean;
}

/** The live objects among these and behind them. */
function objectsQuery(keys: readonly PlacedKey[]): Subquery<ObjectRow> | null {
  const ids = keys.flatMap((key) => registeredBehind(key.object)?.id ?? []);
  if (ids.length === 0) return null;
  return {
    text: `select org_id, id, type, parent_type, parent_id, public_read from object
           where id = any($1::uuid[]) and deleted_at is null`,
    values: [ids],
  };
}

/** Where they stand. */
function placesOf(rows: readonly ObjectRow[]): ReadonlyMap<string, Place> {
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

interface ListingRow {
  readonly org_id: OrgId;
  readonly id: ObjectId;
  readonly project: ObjectId;
}

/** The live project groups that list projects among these. */
function listingsQuery(keys: readonly PlacedKey[]): Subquery<ListingRow> | null {
  const projects = keys.filter(({ object }) => object.type === "project").map(({ object }) => object.id);
  if (projects.length === 0) return null;
  return {
    text: `select listing.org_id, listing.id, listed.id as project from unnest($1::uuid[]) as listed (id)
           join object listing on listing.member_projects @> array[listed.id]
             and listing.type = 'project_group' and listing.deleted_at is null
           order by listing.id`,
    values: [[...new Set(projects)]],
  };
}

function listingsOf(rows: readonly ListingRow[]): ReadonlyMap<string, ObjectRef[]> {
  const listings = new Map<string, ObjectRef[]>();
  for (const { org_id: org, id, project } of rows) {
    const text = textOf(org, { type: "project", id: project });
    const known = listings.get(text);
    if (known === undefined) listings.set(text, [{ type: "project_group", id }]);
    else known.push({ type: "project_group", id });
  }
  return listings;
}

const aclColumns = `acl.id, acl.org_id, acl.object_type, acl.object_id, acl.subject_kind, acl.subject_id, acl.permission,
  acl.role_id, acl.restrict_object_type, extract(epoch from acl.expires_at) * 1000 as expires_at_ms`;

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
  readonly expires_at_ms: number | null;
}

/** Those on each object: up to one more than the limit, however many there are, so that it shows where there are more. */
function aclsQuery(keys: readonly ObjectKey[], limit: number): Subquery<AclRow> | null {
  const wanted = [...new Map(keys.map((key) => [textOf(key.org, key.object), key])).values()];
  if (wanted.length === 0) return null;
  return {
    text: `select ${aclColumns} from unnest($1::uuid[], $2::text[], $3::uuid[]) as wanted (object, type, org)
           cross join lateral (
             select * from acl where acl.object_id = wanted.object and acl.object_type = wanted.type collate "C"
               and acl.org_id = wanted.org limit $4::bigint
           ) as acl
           order by acl.id`,
    values: [...columnsOf(wanted), limit + 1],
  };
}

function byObject(rows: readonly AclRow[]): ReadonlyMap<string, readonly AclRow[]> {
  return Map.groupBy(rows, (row) => textOf(row.org_id, { type: row.object_type, id: row.object_id }));
}

/** Null: there are more than the limit. */
function upTo(limit: number, rows: readonly AclRow[] = []): readonly Acl[] | null {
  return rows.length > limit ? null : rows.flatMap(aclOf);
}

/** Those on an object that name one subject. */
function aclsNamingQuery(keys: readonly NamingKey[]): Subquery<AclRow> | null {
  const wanted = [...new Map(keys.map((key) => [namingText(key), key])).values()];
  if (wanted.length === 0) return null;
  return {
    text: `select ${aclColumns}
           from unnest($1::uuid[], $2::text[], $3::uuid[], $4::uuid[], $5::text[])
             as wanted (object, type, org, subject, kind)
           join acl on acl.object_id = wanted.object and acl.object_type = wanted.type collate "C"
             and acl.org_id = wanted.org and acl.subject_id = wanted.subject and acl.subject_kind = wanted.kind
           order by acl.id`,
    values: [
      ...columnsOf(wanted),
      wanted.map(({ subject }) => subject.id),
      wanted.map(({ subject }) => subject.kind),
    ],
  };
}

function bySubject(rows: readonly AclRow[]): ReadonlyMap<string, readonly AclRow[]> {
  return Map.groupBy(rows, (row) =>
    namingText({
      org: row.org_id,
      object: { type: row.object_type, id: row.object_id },
      subject: { kind: row.subject_kind, id: row.subject_id },
    }),
  );
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
  return [{ id: row.id, subject, grant, expiresAtMs: row.expires_at_ms }];
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

interface RoleRow {
  readonly id: RoleId;
  readonly org_id: OrgId;
  readonly permissions: unknown;
  readonly member_roles: RoleId[];
}

/** The live roles of these organisations. */
export function rolesQuery(orgs: readonly OrgId[]): Subquery<RoleRow> | null {
  if (orgs.length === 0) return null;
  return {
    text: `select id, org_id, permissions, member_roles from role
           where org_id = any($1::uuid[]) and deleted_at is null order by id`,
    values: [orgs],
  };
}

export function rolesOf(rows: readonly RoleRow[]): ReadonlyMap<OrgId, Roles> {
  const byOrg = new Map<OrgId, Map<RoleId, RoleNode>>();
  for (const row of rows) {
    if (systemRole(row.id) !== null) continue;
    const roles = byOrg.get(row.org_id) ?? new Map<RoleId, RoleNode>();
    const permissions = Array.isArray(row.permissions) ? row.permissions.flatMap(permissionOf) : [];
    byOrg.set(row.org_id, roles.set(row.id, { permissions, memberRoles: row.member_roles }));
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
