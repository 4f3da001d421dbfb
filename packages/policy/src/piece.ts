// What is known of an organisation when only a piece of it has been loaded.

import type { ObjectRef } from "./catalog.ts";
import type {
  Access,
  Acl,
  FactKey,
  FactKind,
  FactValues,
  Groups,
  Member,
  Memberships,
  Roles,
} from "./facts.ts";
import { indexGroups } from "./group-index.ts";
import type { OrgId, PrincipalId } from "./ids.ts";
import type { FactLookup } from "./lookup.ts";
import { indexRoles } from "./role-index.ts";
import { standingAccess } from "./tree.ts";

/** Facts of one organisation, all of one moment. What is not in a map has not been loaded; null: there is no such thing. */
export interface Piece {
  readonly org: OrgId;
  readonly groups: Groups;
  readonly roles: Roles;
  readonly members: ReadonlyMap<PrincipalId, Member | null>;
  readonly memberships: ReadonlyMap<PrincipalId, Memberships>;
  /** With their ACLs, however many; null in place of those: they have not been loaded. */
  readonly access: ReadonlyMap<ObjectName, Access | null>;
}

declare const name: unique symbol;
/** An object as one string. */
export type ObjectName = string & { readonly [name]: "object" };

export function objectName({ type, id }: ObjectRef): ObjectName {
  return `${type} ${id}` as ObjectName;
}

/** The facts of a piece, where decisions look for them. */
export function lookupIn(piece: Piece): FactLookup {
  const groups = indexGroups(piece.groups);
  const roles = indexRoles(piece.roles);
  return {
    member: (principal) => piece.members.get(principal),
    memberships: (principal) => piece.memberships.get(principal),
    groups: () => groups,
    roles: () => roles,
    access: (object) => piece.access.get(objectName(object)),
    aclsNaming: notLoaded,
    acls: notLoaded,
  };
}

/** A piece holds ACLs with the objects on which they sit, or not at all. */
const notLoaded = () => undefined;

/** The piece with more facts: each key with its value. */
export function withFacts(piece: Piece, facts: Iterable<readonly [FactKey, FactValues[FactKind]]>): Piece {
  let { groups, roles } = piece;
  const members = new Map(piece.members);
  const memberships = new Map(piece.memberships);
  const access = new Map(piece.access);
  for (const [key, value] of facts) {
    if (key.kind === "groups") groups = value as Groups;
    else if (key.kind === "roles") roles = value as Roles;
    else if (key.kind === "member") members.set(key.principal, value as Member | null);
    else if (key.kind === "memberships") memberships.set(key.principal, value as Memberships);
    else if (key.kind === "access") access.set(objectName(key.object), value as Access | null);
    else if (key.kind === "acls") {
      const on = access.get(objectName(key.object)) ?? null;
      if (on !== null) access.set(objectName(key.object), { ...on, acls: value as readonly Acl[] | null });
    }
  }
  return { org: piece.org, groups, roles, members, memberships, access };
}

/** The access facts and ACLs that a piece does not hold yet, of these objects and of all above them, as far as they can be named. */
export function missingAtAndAbove(objects: Iterable<ObjectRef>, piece: Piece): readonly FactKey[] {
  const { org } = piece;
  const lookup = lookupIn(piece);
  const keys = new Map<ObjectName, FactKey>();
  const addIfMissing = (object: ObjectRef) => {
    const text = objectName(object);
    const access = piece.access.get(text);
    if (access === undefined) keys.set(text, { kind: "access", org, object });
    else if (access?.acls === null) keys.set(text, { kind: "acls", org, object });
  };
  for (const start of objects) {
    for (let object: ObjectRef | null = start; object !== null; ) {
      addIfMissing(object);
      const access = standingAccess(object, org, lookup);
      for (const other of access?.alsoUnder ?? []) addIfMissing(other);
      object = access?.parent ?? null;
    }
  }
  return [...keys.values()];
}
