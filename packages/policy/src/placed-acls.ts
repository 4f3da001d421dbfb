// Every ACL whose place counts for an object, whomever it names.

import type { ObjectRef } from "./catalog.ts";
import type { Grant, Needs } from "./decide.ts";
import type { OrgId } from "./ids.ts";
import type { FactLookup } from "./lookup.ts";
import { listing, manyAclsAbove, missingAbove } from "./missing-facts.ts";
import { everyMemberMayRead, standingAccess } from "./tree.ts";

export interface PlacedAcls {
  readonly kind: "placed";
  /** Nearest first; none for an object that is not there. */
  readonly grants: readonly Grant[];
  /** Every active member may read the object itself. */
  readonly isPublic: boolean;
  /** This object has so many ACLs that nobody is told; null: that is not so. */
  readonly tooManyOn: ObjectRef | null;
}

/** The ACLs at and above an object, expired ones included, or which facts it takes to say. */
export function placedAcls(org: OrgId, object: ObjectRef, lookup: FactLookup): PlacedAcls | Needs {
  const many = [...manyAclsAbove(org, object, lookup)];
  const missing = [
    ...missingAbove(org, object, lookup),
    ...many
      .filter((each) => lookup.acls(each) === undefined)
      .map((each) => ({ kind: "acls", org, object: each }) as const),
  ];
  if (missing.length > 0) return { kind: "needs", keys: missing };
  const [tooManyOn] = many.filter((each) => lookup.acls(each) === null);
  if (tooManyOn !== undefined) return { ...nothing, tooManyOn };
  const aclsOn = (on: ObjectRef): readonly Grant[] => {
    const access = standingAccess(on, org, lookup);
    const acls = access?.acls === null ? lookup.acls(on) : access?.acls;
    return (acls ?? []).map((acl) => ({ acl, on }));
  };
  const grants: Grant[] = [];
  let isPublic = false;
  let above: ObjectRef | null = object;
  while (above !== null) {
    const here: ObjectRef = above;
    const access = standingAccess(here, org, lookup);
    if (access === undefined) throw new Error("a fact is missing that was not");
    if (access === null) return nothing;
    if (here === object) isPublic = everyMemberMayRead(here, access);
    grants.push(...[here, ...listing(here, access.alsoUnder)].flatMap(aclsOn));
    above = access.parent;
  }
  return { kind: "placed", grants, isPublic, tooManyOn: null };
}

const nothing: PlacedAcls = { kind: "placed", grants: [], isPublic: false, tooManyOn: null };
