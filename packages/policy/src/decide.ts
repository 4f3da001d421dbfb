// May this principal do this to that object? Facts in, answer and reason out: no clock, no I/O, no cache.
//
// Facts come through a lookup that may say "not loaded". Then the answer is the list of the facts that are missing, all
// that can be named by now; load them and ask again. A parent is known only from its child's fact, and what an object with
// very many ACLs grants only from its own, so four rounds are the most that any question takes.

import { type Asked, ask, isInForce, lets, names, subjectsConcerned } from "./acl-match.ts";
import { isObjectType, isPermission, type ObjectRef, type Permission } from "./catalog.ts";
import type { Access, Acl, FactKey } from "./facts.ts";
import type { OrgId, PrincipalId } from "./ids.ts";
import type { FactLookup, ParentsLookup } from "./lookup.ts";
import { missingFacts } from "./missing-facts.ts";
import { everyMemberMayRead, mayListUnder, standingAccess, startOf, type Target } from "./tree.ts";

export interface Question {
  readonly org: OrgId;
  readonly principal: PrincipalId;
  readonly permission: Permission;
  readonly target: Target;
  /** Wall-clock milliseconds: an ACL with an expiry grants before it, and no longer at it. */
  readonly nowMs: number;
}

export type Decision = Decided | Needs;
export type Decided = Allowed | Denied;

export interface Allowed {
  readonly kind: "decided";
  readonly allowed: true;
  readonly because: Grant | Public;
}

export interface Denied {
  readonly kind: "decided";
  readonly allowed: false;
  readonly because: DenyReason;
}

/** Not decided: these facts are missing. Never empty. */
export interface Needs {
  readonly kind: "needs";
  readonly keys: readonly FactKey[];
  /** What will be missing next, unless those say no; to be loaded along with them. */
  readonly next?: (lookup: ParentsLookup) => readonly FactKey[];
}

/** Whether a step of an evaluation says that facts are missing. */
export function isNeeds(step: object): step is Needs {
  return (step as { readonly kind?: unknown }).kind === "needs";
}

/** The ACL that allows, and the object on which it sits: the nearest to the target of what is loaded. */
export interface Grant {
  readonly acl: Acl;
  readonly on: ObjectRef;
}

/** No grant is needed: the object is public, and every active member may read it. */
export type Public = "public";

/** For logs and for administrators; a caller that may not know what exists must not be shown the difference. */
export type DenyReason =
  | "unknown_word"
  | "not_a_member"
  | "no_such_object"
  | "no_such_place"
  | "no_grant"
  /** The principal may, but not with this credential. */
  | "outside_scope";

/** Decides, or says which facts that takes. */
export function decide(question: Question, lookup: FactLookup): Decision {
  const { org, principal, target } = question;
  if (!hasKnownWords(question)) return unknownWord;
  const noTarget = target.kind === "place" ? noSuchPlace : noSuchObject;
  const start = startOf(target);
  if (start === null) return noTarget;
  const member = lookup.member(principal);
  if (member === null) return notAMember;
  const asked = member === undefined ? undefined : ask(question, lookup);

  // Up to the root even when a grant is found, since an object is there only if all above it are.
  let grant: Found = asked === undefined ? undefined : null;
  let isPublic = false;
  let object: ObjectRef | null = start;
  while (object !== null) {
    const access = standingAccess(object, org, lookup);
    if (access === null) return noTarget;
    if (access === undefined) return needs(missingFacts(question, start, lookup));
    if (object === start) isPublic = isPublicRead(question, access);
    if (asked !== undefined && !grant) grant = either(grant, grantOn(object, access, asked, lookup));
    for (const other of access.alsoUnder) {
      if (!mayListUnder(object, other)) continue;
      const otherAccess = standingAccess(other, org, lookup);
      if (otherAccess === undefined) grant = either(grant, undefined);
      else if (otherAccess !== null && asked !== undefined && !grant) {
        grant = either(grant, grantOn(other, otherAccess, asked, lookup));
      }
    }
    object = access.parent;
  }
  // The same reason whether or not the facts for a grant were loaded; but membership must be known.
  if (isPublic && member !== undefined) return publicRead;
  if (grant) return { kind: "decided", allowed: true, because: grant };
  return grant === null ? noGrant : needs(missingFacts(question, start, lookup));
}

const publicRead: Allowed = Object.freeze({ kind: "decided", allowed: true, because: "public" });
const unknownWord = denied("unknown_word");
const notAMember = denied("not_a_member");
const noSuchObject = denied("no_such_object");
const noSuchPlace = denied("no_such_place");
const noGrant = denied("no_grant");

function denied(because: DenyReason): Denied {
  return Object.freeze({ kind: "decided", allowed: false, because });
}

/** Words may come from a newer process, which knows more of them. */
function hasKnownWords({ permission, target }: Question): boolean {
  if (!isPermission(permission)) return false;
  switch (target.kind) {
    case "object":
      return isObjectType(target.object.type);
    case "place":
      return isObjectType(target.type) && isObjectType(target.parent.type);
    case "reach":
      return isObjectType(target.object.type) && (target.type === null || isObjectType(target.type));
  }
}

function isPublicRead({ permission, target }: Question, access: Access): boolean {
  return permission === "read" && target.kind === "object" && everyMemberMayRead(target.object, access);
}

/** A grant; null: there is none; undefined: not all that might grant is loaded, and nothing that is does. */
type Found = Grant | null | undefined;

function either(one: Found, other: Found): Found {
  if (one || other) return one || other;
  return one === undefined || other === undefined ? undefined : null;
}

function grantOn(object: ObjectRef, { acls }: Access, asked: Asked, lookup: FactLookup): Found {
  return acls === null ? grantAmongMany(object, asked, lookup) : grantAmong(acls, object, asked);
}

function grantAmong(acls: readonly Acl[], object: ObjectRef, asked: Asked): Grant | null {
  for (const acl of acls) {
    if (names(acl, asked) && isInForce(acl, asked) && lets(acl, asked)) return { acl, on: object };
  }
  return null;
}

/** Of an object with very many ACLs only those are looked at that concern the principal. */
function grantAmongMany(object: ObjectRef, asked: Asked, lookup: FactLookup): Found {
  let found: Found = null;
  for (const subject of subjectsConcerned(asked)) {
    const acls = lookup.aclsNaming(object, subject);
    found = either(found, acls === undefined ? undefined : grantAmong(acls, object, asked));
    if (found) return found;
  }
  return found;
}

function needs(keys: readonly FactKey[]): Needs {
  return { kind: "needs", keys };
}
