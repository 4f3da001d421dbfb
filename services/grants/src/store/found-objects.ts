// On which objects ACLs give a permission to a principal or to its groups: the rule of docs/policy.md turned around, so
// that the database finds what a Check for each object would allow. A row that grants nothing in the facts grants nothing
// here either.

import {
  type GroupId,
  indexRoles,
  isObjectType,
  type ObjectId,
  type ObjectRef,
  type ObjectType,
  type OrgId,
  objectTypeRow,
  type Permission,
  type PrincipalId,
  type Roles,
  systemRoles,
} from "@portcullis/policy";
import { readAtOnce } from "@portcullis/store";
import type { ClientBase } from "pg";
import { isOneOfOrganization, isRegistered } from "../domain/object.ts";
import { rolesOf, rolesQuery } from "./facts.ts";

export interface WantedObjects {
  readonly principal: PrincipalId;
  /** All live groups that hold the principal. */
  readonly groups: readonly GroupId[];
  readonly permission: Permission;
  /** Not one of which an organisation has exactly one. */
  readonly type: ObjectType;
  /** Only at or below this object. */
  readonly under: ObjectRef | null;
  readonly after: ObjectId | null;
  readonly limit: number;
}

export interface FoundObjects {
  /** In ascending order. */
  readonly ids: readonly ObjectId[];
  readonly more: boolean;
  /** Every group that lives, which is for others to say. */
  readonly every: boolean;
}

/** Reads inside the snapshot that the client is in. */
export async function findObjects(
  client: ClientBase,
  org: OrgId,
  wanted: WantedObjects,
  now: Date,
): Promise<FoundObjects> {
  if (
    wanted.under !== null &&
    isOneOfOrganization(wanted.under.type) &&
    (wanted.under.id as string) !== org
  ) {
    return nothing;
  }
  const values = new Values();
  const places = await placesQuery(client, org, wanted, now, values);
  const every = await isGrantedOnAll(client, org, wanted.type, places, values);
  if (wanted.type === "group" && every) return { ...nothing, every };
  const text = every ? everyOneQuery(org, wanted, values) : `${places} ${grantedQuery(org, wanted, values)}`;
  const { rows } = await client.query<{ id: ObjectId }>(text, values.all);
  const ids = rows.map(({ id }) => id);
  return { ids: ids.slice(0, wanted.limit), more: ids.length > wanted.limit, every: false };
}

const nothing: FoundObjects = { ids: [], more: false, every: false };

/** The values of a query's placeholders. */
class Values {
  readonly all: unknown[] = [];

  /** The placeholder of this value. */
  of(value: unknown): string {
    return `$${this.all.push(value)}`;
  }
}

/** The objects at or above the type on which some ACL gives what is wanted, as the table `place`. */
async function placesQuery(
  client: ClientBase,
  org: OrgId,
  { principal, groups, permission, type }: WantedObjects,
  now: Date,
  values: Values,
): Promise<string> {
  const rows = await readAtOnce(client, { roles: rolesQuery([org]) });
  const roles: Roles = rolesOf(rows.roles).get(org) ?? new Map();
  const index = indexRoles(roles);
  const granting = [...roles.keys(), ...Object.values(systemRoles).map(({ id }) => id)].filter((role) =>
    index.grants(role, permission, type),
  );
  const gives = `
    org_id = ${values.of(org)} and object_type = any(${values.of(typesAtOrAbove(type))})
    and (expires_at is null or expires_at > ${values.of(now)})
    and (role_id = any(${values.of(granting)}::uuid[]) or permission = ${values.of(permission)}
      and (restrict_object_type is null or restrict_object_type = ${values.of(type)}))`;
  return `
    with place as materialized (
      select object_type as type, object_id as id from acl
        where subject_id = ${values.of(principal)} and subject_kind = 'principal' and ${gives}
      union
      select object_type, object_id from acl
        where subject_id = any(${values.of(groups)}::uuid[]) and subject_kind = 'group' and ${gives}
    )`;
}

/** The type, those that its ancestors have, and those of what may list them. */
function typesAtOrAbove(type: ObjectType): ObjectType[] {
  const types: ObjectType[] = [];
  for (let each: ObjectType | null = type; each !== null; each = objectTypeRow(each).parent) {
    types.push(each);
    const { alsoUnder } = objectTypeRow(each);
    if (alsoUnder !== undefined) types.push(alsoUnder);
  }
  return types;
}

async function isGrantedOnAll(
  client: ClientBase,
  org: OrgId,
  type: ObjectType,
  places: string,
  values: Values,
): Promise<boolean> {
  const own = new Values();
  own.all.push(...values.all);
  const faces = typesAtOrAbove(type).filter(isOneOfOrganization);
  const { rows } = await client.query<{ all: boolean }>(
    `${places} select exists (select from place where type = any(${own.of(faces)}) and id = ${own.of(org)}) as all`,
    own.all,
  );
  return rows[0]?.all === true;
}

/** Every object of the type. */
function everyOneQuery(org: OrgId, wanted: WantedObjects, values: Values): string {
  values.all.length = 0;
  return `select one.id from ${tableOf(wanted.type)} one where ${isWanted(org, wanted, values)} ${page(wanted, values)}`;
}

/** Those on which, or above which, there is a place. */
function grantedQuery(org: OrgId, wanted: WantedObjects, values: Values): string {
  const { type, permission } = wanted;
  const kept = keptAs(type);
  const candidates = [`select id from place where type = ${values.of(type)}`];
  if (kept === "project") candidates.push("select id from reached");
  if (objectTypeRow(kept).parent === "project") {
    candidates.push(`
      select inner_one.id from reached join object inner_one on inner_one.org_id = ${values.of(org)}
        and inner_one.parent_id = reached.id and inner_one.type = ${values.of(kept)} and inner_one.deleted_at is null`);
  }
  if (permission === "read" && objectTypeRow(type).mayBePublic === true) {
    candidates.push(`
      select id from object where org_id = ${values.of(org)} and type = ${values.of(type)} and public_read
        and deleted_at is null`);
  }
  return `
    , reached as materialized (
      select id from place where type = 'project'
      union
      select unnest(listing.member_projects) from place
        join object listing on listing.id = place.id and ${stands("listing", "project_group", org, values)}
        where place.type = 'project_group'
    ), candidate as (${candidates.join(" union ")})
    select one.id from candidate join ${tableOf(type)} one on one.id = candidate.id
    where ${isWanted(org, wanted, values)} ${page(wanted, values)}`;
}

function page({ limit }: WantedObjects, values: Values): string {
  return `order by one.id limit ${values.of(limit + 1)}`;
}

/** The type of the object that it is a face of; or itself. */
function keptAs(type: ObjectType): ObjectType {
  const { idOf } = objectTypeRow(type);
  return idOf !== "itself" && isRegistered(idOf) ? idOf : type;
}

function tableOf(type: ObjectType): string {
  if (type === "group") return "(select id from place where type = 'group')";
  return type === "role" ? "role" : "object";
}

/** That `one` is there, and is one of those that are asked for. */
function isWanted(org: OrgId, { type, under, after }: WantedObjects, values: Values): string {
  const conditions = [isThere(type, org, values)];
  if (after !== null) conditions.push(`one.id > ${values.of(after)}`);
  if (under !== null && !isOneOfOrganization(under.type)) conditions.push(isUnder(type, under, org, values));
  return conditions.join(" and ");
}

function isThere(type: ObjectType, org: OrgId, values: Values): string {
  if (type === "group") return "true";
  if (type === "role") {
    const systems = Object.values(systemRoles).map(({ id }) => id);
    return `one.org_id = ${values.of(org)} and one.deleted_at is null and one.id <> all(${values.of(systems)}::uuid[])`;
  }
  return stands("one", keptAs(type), org, values);
}

/** That a row is a live object of the type, in a place that the tree has for it. */
function stands(row: string, type: ObjectType, org: OrgId, values: Values): string {
  const { parent } = objectTypeRow(type);
  const itself = `${row}.org_id = ${values.of(org)} and ${row}.type = ${values.of(type)} and ${row}.deleted_at is null
    and ${row}.parent_type = ${values.of(parent)}`;
  if (parent === null || !isObjectType(parent) || !isRegistered(parent)) {
    return `${itself} and ${row}.parent_id = ${values.of(org)}`;
  }
  const above = `above_${row}`;
  // Not by `exists`, of which the planner makes a join: it thinks that an organisation has one project, begins there, and
  // then compares each object with each candidate.
  return `${itself} and (
    select true from object ${above} where ${above}.id = ${row}.parent_id and ${stands(above, parent, org, values)})`;
}

function isUnder(type: ObjectType, under: ObjectRef, org: OrgId, values: Values): string {
  const project = keptAs(type) === "project" ? "one.id" : "one.parent_id";
  switch (under.type) {
    case type:
      return `one.id = ${values.of(under.id)}`;
    case "project":
      return `${project} = ${values.of(under.id)}`;
    case "project_group":
      return `${project} in (
        select unnest(listing.member_projects) from object listing
        where listing.id = ${values.of(under.id)} and ${stands("listing", "project_group", org, values)})`;
    default:
      return "false";
  }
}
