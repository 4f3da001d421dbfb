// Who has what by which ACL, for reviews: not only whether an ACL lets do something, but what it lets do, on an object and
// on whatever is below it, and whether anything would be lost with it.

import { ask, isInForce, lets, names } from "./acl-match.ts";
import {
  type ObjectRef,
  type ObjectType,
  objectTypeNames,
  objectTypeRow,
  occursAtOrBelow,
  type Permission,
} from "./catalog.ts";
import { type Grant, isNeeds, type Needs } from "./decide.ts";
import type { Acl, FactKey } from "./facts.ts";
import { type GrantPath, grantPaths } from "./grant-path.ts";
import type { GroupId, OrgId, PrincipalId } from "./ids.ts";
import type { FactLookup } from "./lookup.ts";
import { placedAcls } from "./placed-acls.ts";

/** A permission on objects of a type. */
export interface Given {
  readonly type: ObjectType;
  readonly permission: Permission;
}

/** An ACL at or above an object, and all that it gives there and below, whoever it names. */
export interface ReachingGrant extends Grant {
  readonly isInForce: boolean;
  /** The object's own type comes first; each in the order of the catalog. */
  readonly gives: readonly Given[];
}

export interface ReachingGrants {
  readonly kind: "reaching";
  readonly object: ObjectRef;
  /** Nearest first. */
  readonly grants: readonly ReachingGrant[];
  /** What every active member may do to the object itself. */
  readonly everybody: readonly Permission[];
  /** This object has so many ACLs that nobody is told; null: that is not so. */
  readonly tooManyOn: ObjectRef | null;
}

/** What somebody has by one ACL. */
export interface HeldGrant {
  readonly grant: ReachingGrant;
  /** One for each group that names the holder itself and leads to the ACL, to the first thing that it gives. */
  readonly paths: Iterable<GrantPath>;
  /** All of it is the holder's by other ACLs too, and for as long. */
  readonly isDuplicate: boolean;
  /** All of it is everybody's, whoever is granted what. */
  readonly isEverybodys: boolean;
}

export interface HeldGrants {
  readonly kind: "held";
  /** Whoever is none holds nothing; what names them is told all the same. */
  readonly isMember: boolean;
  readonly grants: readonly HeldGrant[];
}

interface Where {
  readonly org: OrgId;
  readonly object: ObjectRef;
  readonly nowMs: number;
}

/** All ACLs that give anything on an object or below it, expired ones included; or which facts it takes to say. */
export function reachingGrants({ org, object, nowMs }: Where, lookup: FactLookup): ReachingGrants | Needs {
  const placed = placedAcls(org, object, lookup);
  if (isNeeds(placed)) return placed;
  const roles = lookup.roles();
  if (roles === undefined) throw new Error("a fact is missing that was not");
  const below = objectTypeNames.filter((type) => type !== object.type && occursAtOrBelow(type, object.type));
  const all = [object.type, ...below].flatMap((type) =>
    objectTypeRow(type).permissions.map((permission): Given => ({ type, permission })),
  );
  // Many ACLs give the same.
  const known = new Map<string, readonly Given[]>();
  const givesOf = (acl: Acl): readonly Given[] => {
    const { grant } = acl;
    const key = grant.kind === "role" ? grant.id : `${grant.permission} ${grant.restrictObjectType ?? ""}`;
    const gives = known.get(key) ?? all.filter((given) => lets(acl, { ...given, roles }));
    known.set(key, gives);
    return gives;
  };
  const grants = placed.grants
    .map(({ acl, on }) => ({ acl, on, isInForce: isInForce(acl, { nowMs }), gives: givesOf(acl) }))
    .filter(({ gives }) => gives.length > 0);
  const everybody: Permission[] = placed.isPublic ? ["read"] : [];
  return { kind: "reaching", object, grants, everybody, tooManyOn: placed.tooManyOn };
}

/** What a principal has by these, or which facts it takes to say. */
export function heldGrants(
  { org, nowMs, principal }: Omit<Where, "object"> & { readonly principal: PrincipalId },
  reaching: ReachingGrants,
  lookup: FactLookup,
): HeldGrants | Needs {
  const member = lookup.member(principal);
  const keys: FactKey[] = [];
  if (member === undefined) keys.push({ kind: "member", org, principal });
  if (lookup.memberships(principal) === undefined) keys.push({ kind: "memberships", org, principal });
  if (keys.length > 0) return { kind: "needs", keys };
  const { object, everybody } = reaching;
  const target = { kind: "object", object } as const;
  const asked = ask({ org, principal, permission: "read", target, nowMs }, lookup);
  if (asked === undefined) throw new Error("a fact is missing that was not");
  const held = reaching.grants.filter((grant) => grant.isInForce && names(grant.acl, asked));
  const ends = longest(held);
  const isEverybodys = ({ type, permission }: Given) =>
    type === object.type && everybody.includes(permission);
  return {
    kind: "held",
    isMember: member !== null,
    grants: held.map((grant): HeldGrant => {
      const [first] = grant.gives;
      const way = { kind: "reach", object, type: first?.type ?? object.type } as const;
      const question = { org, principal, permission: first?.permission ?? "read", target: way, nowMs };
      return {
        grant,
        paths: grantPaths(question, [grant], lookup),
        isDuplicate: grant.gives.every((given) => isCovered(grant, ends.get(textOf(given)) ?? [])),
        isEverybodys: grant.gives.every(isEverybodys),
      };
    }),
  };
}

/** The same facts for somebody who is in this group and nowhere else, and whom no ACL names. */
export function asSomebodyIn(
  group: GroupId,
  lookup: FactLookup,
): { readonly principal: PrincipalId; readonly lookup: FactLookup } {
  const memberships = [group];
  return {
    principal: "" as PrincipalId,
    lookup: {
      member: () => ({ kind: "user" }),
      memberships: () => memberships,
      groups: () => lookup.groups(),
      roles: () => lookup.roles(),
      access: (object) => lookup.access(object),
      aclsNaming: (object, subject) => lookup.aclsNaming(object, subject),
      acls: (object) => lookup.acls(object),
    },
  };
}

/** Of each thing given, the two ACLs that give it longest. */
function longest(held: readonly ReachingGrant[]): ReadonlyMap<string, readonly ReachingGrant[]> {
  const ends = new Map<string, readonly ReachingGrant[]>();
  for (const grant of held) {
    for (const given of grant.gives) {
      const text = textOf(given);
      const all = [...(ends.get(text) ?? []), grant].toSorted((one, other) => endOf(other) - endOf(one));
      ends.set(text, all.slice(0, 2));
    }
  }
  return ends;
}

function isCovered(grant: ReachingGrant, longestOnes: readonly ReachingGrant[]): boolean {
  return longestOnes.some((other) => other !== grant && endOf(other) >= endOf(grant));
}

/** Not infinite, so that two ends can be subtracted. */
function endOf({ acl }: ReachingGrant): number {
  return acl.expiresAtMs ?? Number.MAX_SAFE_INTEGER;
}

function textOf({ type, permission }: Given): string {
  return `${type} ${permission}`;
}
