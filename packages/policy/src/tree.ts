// Where objects stand: what is there, under what, as far as catalog and facts tell.

import {
  type ObjectRef,
  type ObjectType,
  type ObjectTypeRow,
  objectTypeNames,
  objectTypeRow,
  organizationFace,
} from "./catalog.ts";
import type { Access, Parents } from "./facts.ts";
import type { GroupId, ObjectId, OrgId, RoleId } from "./ids.ts";
import type { FactLookup, ParentsLookup } from "./lookup.ts";

/**
 * An object; the place where one of this type would be made; or all of a type (null: of any) at and below an object, which
 * is what an ACL on it reaches.
 */
export type Target =
  | { readonly kind: "object"; readonly object: ObjectRef }
  | { readonly kind: "place"; readonly type: ObjectType; readonly parent: ObjectRef }
  | { readonly kind: "reach"; readonly type: ObjectType | null; readonly object: ObjectRef };

/** What the catalog says of where objects of a type stand; all of one shape, as every step of a decision looks at one. */
interface Standing {
  readonly parent: ObjectType | null;
  /** Whether the parent carries the organisation's id. */
  readonly isInOrganization: boolean;
  readonly alsoUnder: ObjectType | null;
  readonly mayBePublic: boolean;
  readonly idOf: ObjectTypeRow["idOf"];
  readonly existsBy: ObjectTypeRow["existsBy"];
}

const standings: ReadonlyMap<ObjectType, Standing> = new Map(
  objectTypeNames.map((type) => {
    const { parent, alsoUnder = null, mayBePublic = false, idOf, existsBy } = objectTypeRow(type);
    const isInOrganization = parent !== null && isNamedByOrganization(parent);
    return [type, { parent, isInOrganization, alsoUnder, mayBePublic, idOf, existsBy }];
  }),
);

function standingOf(type: ObjectType): Standing {
  return standings.get(type) as Standing;
}

/** The type that restrictions are compared with; null: only what has none will do. */
export function typeOf(target: Target): ObjectType | null {
  return target.kind === "object" ? target.object.type : target.type;
}

/**
 * The lowest object whose ACLs count. For a place that is its parent, as what would stand there has no ACLs yet; but a
 * face stands there already. Null: nothing of that type can stand there.
 */
export function startOf(target: Target): ObjectRef | null {
  if (target.kind !== "place") return target.object;
  const { type, parent } = target;
  const standing = standingOf(type);
  if (standing.parent === null) return null;
  // The organisation may be named instead of its face: projects are made in "the organisation".
  const isNamedByItsFace = parent.type === "organization" && standing.isInOrganization;
  if (parent.type !== standing.parent && !isNamedByItsFace) return null;
  const isFace = standing.idOf !== "itself";
  return { type: isFace ? type : standing.parent, id: parent.id };
}

/**
 * The access fact of an object that exists itself; whether all above it exist is seen on the way up. A fact that puts
 * the object where the tree has no place for it counts as absent. What exists by another fact may have none.
 */
export function standingAccess(object: ObjectRef, org: OrgId, lookup: FactLookup): Access | null | undefined {
  const standing = standingOf(object.type);
  const { existsBy } = standing;
  const exists = existsBy === "access" || existsByItself(object, existsBy, org, lookup);
  if (exists !== true) return exists === false ? null : undefined;
  const access = lookup.access(object);
  if (access === undefined || (access !== null && isInPlace(object, access.parent, org, standing)))
    return access;
  return existsBy === "access" ? null : bareInOrganization(org);
}

/** What the access fact would say of where the object stands, from the fact that says this alone. */
export function standingParents(
  object: ObjectRef,
  org: OrgId,
  lookup: ParentsLookup,
): Parents | null | undefined {
  const parents = lookup.parents(object);
  if (parents === undefined || parents === null) return parents;
  return isInPlace(object, parents.parent, org, standingOf(object.type)) ? parents : null;
}

/** Whether objects of this type are there by a fact of their own, and are no other's face. */
export function standsByItself(type: ObjectType): boolean {
  const { existsBy, idOf } = standingOf(type);
  return existsBy === "access" && idOf === "itself";
}

/** Undefined: the fact that says so is not loaded. */
function existsByItself(
  object: ObjectRef,
  existsBy: "organization" | "groups" | "roles",
  org: OrgId,
  lookup: FactLookup,
): boolean | undefined {
  const id: string = object.id;
  switch (existsBy) {
    case "organization":
      return id === org;
    case "groups":
      return lookup.groups()?.has(id as GroupId);
    case "roles":
      return lookup.roles()?.has(id as RoleId);
  }
}

/** Whether the tree has a place for the object under that parent. */
function isInPlace(
  object: ObjectRef,
  parent: ObjectRef | null,
  org: OrgId,
  { parent: parentType, idOf, isInOrganization }: Standing,
): boolean {
  const id: string = object.id;
  if (parent === null) return parentType === null && id === org;
  if (parent.type !== parentType) return false;
  const parentId: string = parent.id;
  if (idOf === "project") return parentId === id;
  return !isInOrganization || parentId === org;
}

/** Whether objects of this type carry the organisation's id. */
function isNamedByOrganization(type: ObjectType): boolean {
  return type === "organization" || objectTypeRow(type).idOf === "organization";
}

function bareInOrganization(org: OrgId): Access {
  return { parent: organizationFace("organization", org), alsoUnder: nothing, acls: nothing };
}

const nothing: readonly never[] = [];

/** Whether the one may be listed by the other, and inherits from it then. */
export function mayListUnder(object: ObjectRef, other: ObjectRef): boolean {
  return other.type === standingOf(object.type).alsoUnder;
}

/**
 * Whether every active member of its organisation may read this object (itself, not what is below it), whoever is
 * granted what. That it is there, up to the organisation, is for the caller to have seen.
 */
export function everyMemberMayRead(object: ObjectRef, access: Access): boolean {
  return access.publicRead === true && standingOf(object.type).mayBePublic;
}

/** The nearest object above one whose own fact is missing, as far as its type and id tell. */
export function nearestKnownAbove(object: ObjectRef, org: OrgId): ObjectRef | null {
  const { idOf, parent } = standingOf(object.type);
  if (idOf === "project") return { type: "project", id: object.id };
  for (let type = parent; type !== null; type = standingOf(type).parent) {
    if (isNamedByOrganization(type)) return { type, id: org as string as ObjectId };
  }
  return null;
}
