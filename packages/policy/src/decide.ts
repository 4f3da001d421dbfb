// May this principal do this to that object? Facts in, answer and reason out: no clock, no I/O, no cache.
//
// Facts come through a lookup that may say "not loaded". Then the answer is the list of the facts that are missing, all
// that can be named by now; load them and ask again. A parent is known only from its child's fact, so three rounds
// are the most that any question takes.

import { isObjectType, isPermission, type ObjectRef, type ObjectType, type Permission } from "./catalog.ts";
import type { Access, Acl, FactKey } from "./facts.ts";
import type { GroupId, OrgId, PrincipalId } from "./ids.ts";
import type { FactLookup } from "./lookup.ts";
import type { RoleIndex } from "./role-index.ts";
import {
  everyMemberMayRead,
  mayListUnder,
  nearestKnownAbove,
  standingAccess,
  startOf,
  type Target,
  typeOf,
} from "./tree.ts";

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
}

/** Whether a step of an evaluation says that facts are missing. */
export function isNeeds(step: object): step is Needs {
  return "kind" in step && step.kind === "needs";
}

/** The ACL that allows, and the object on which it sits: the nearest to the target. */
export interface Grant {
  readonly acl: Acl;
  readonly on: ObjectRef;
}

/** No grant is needed: the object is public, and every active member may read it. */
export type Public = "public";

/** For logs and for administrators; a caller that may not know what exists must not be shown the difference. */
export type DenyReason = "unknown_word" | "not_a_member" | "no_such_object" | "no_such_place" | "no_grant";

/** Decides, or says which facts that takes. */
export function decide(question: Question, lookup: FactLookup): Decision {
  const { org, principal, target } = question;
  if (!hasKnownWords(question)) return unknownWord;
  const noTarget = target.kind === "object" ? noSuchObject : noSuchPlace;
  const start = startOf(target);
  if (start === null) return noTarget;
  const member = lookup.member(principal);
  if (member === null) return notAMember;
  const asked = member === undefined ? undefined : ask(question, lookup);

  // Up to the root even when a grant is found, since an object is there only if all above it are.
  let grant: Grant | null = null;
  let complete = asked !== undefined;
  let isPublic = false;
  let object: ObjectRef | null = start;
  while (object !== null) {
    const access = standingAccess(object, org, lookup);
    if (access === null) return noTarget;
    if (access === undefined) return needs(question, start, lookup);
    if (object === start) isPublic = isPublicRead(question, access);
    if (asked !== undefined) grant ??= grantOn(object, access, asked);
    for (const other of access.alsoUnder) {
      if (!mayListUnder(object, other)) continue;
      const otherAccess = standingAccess(other, org, lookup);
      if (otherAccess === undefined) complete = false;
      else if (otherAccess !== null && asked !== undefined) grant ??= grantOn(other, otherAccess, asked);
    }
    object = access.parent;
  }
  // The same reason whether or not the facts for a grant were loaded; but membership must be known.
  if (isPublic && member !== undefined) return publicRead;
  if (grant !== null) return { kind: "decided", allowed: true, because: grant };
  return complete ? noGrant : needs(question, start, lookup);
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
  return target.kind === "object"
    ? isObjectType(target.object.type)
    : isObjectType(target.type) && isObjectType(target.parent.type);
}

function isPublicRead({ permission, target }: Question, access: Access): boolean {
  return permission === "read" && target.kind === "object" && everyMemberMayRead(target.object, access);
}

/** The question as it is put to each ACL. */
interface Asked {
  readonly principal: PrincipalId;
  readonly groups: ReadonlySet<GroupId>;
  readonly permission: Permission;
  readonly type: ObjectType;
  readonly roles: RoleIndex;
  readonly nowMs: number;
}

function ask({ principal, permission, target, nowMs }: Question, lookup: FactLookup): Asked | undefined {
  const memberships = lookup.memberships(principal);
  const groups = lookup.groups();
  const roles = lookup.roles();
  if (memberships === undefined || groups === undefined || roles === undefined) return undefined;
  const held = groups.holding(memberships);
  return { principal, groups: held, permission, type: typeOf(target), roles, nowMs };
}

function grantOn(object: ObjectRef, access: Access, asked: Asked): Grant | null {
  for (const acl of access.acls) {
    if (names(acl, asked) && isInForce(acl, asked) && lets(acl, asked)) return { acl, on: object };
  }
  return null;
}

// Each of these compares for what it knows, so that a word that it does not know grants nothing.

function names({ subject }: Acl, { principal, groups }: Asked): boolean {
  return (
    (subject.kind === "principal" && subject.id === principal) ||
    (subject.kind === "group" && groups.has(subject.id))
  );
}

function isInForce({ expiresAtMs }: Acl, { nowMs }: Asked): boolean {
  return expiresAtMs === null || nowMs < expiresAtMs;
}

function lets({ grant }: Acl, { permission, type, roles }: Asked): boolean {
  if (grant.kind === "role") return roles.grants(grant.id, permission, type);
  return (
    grant.kind === "permission" &&
    grant.permission === permission &&
    (grant.restrictObjectType === null || grant.restrictObjectType === type)
  );
}

/** All missing facts that can be named by now: those of the principal, and those of the objects on the way up. */
function needs({ org, principal }: Question, start: ObjectRef, lookup: FactLookup): Needs {
  const keys: FactKey[] = [];
  if (lookup.member(principal) === undefined) keys.push({ kind: "member", org, principal });
  if (lookup.memberships(principal) === undefined) keys.push({ kind: "memberships", org, principal });
  if (lookup.groups() === undefined) keys.push({ kind: "groups", org });
  if (lookup.roles() === undefined) keys.push({ kind: "roles", org });
  const addIfMissing = (object: ObjectRef) => {
    if (lookup.access(object) === undefined) keys.push({ kind: "access", org, object });
  };
  let object: ObjectRef | null = start;
  while (object !== null) {
    addIfMissing(object);
    const access = standingAccess(object, org, lookup);
    for (const other of listing(object, access?.alsoUnder ?? [])) addIfMissing(other);
    object = access?.parent ?? nearestKnownAbove(object, org);
  }
  return { kind: "needs", keys };
}

/** Those that may list the object, each once. */
function listing(object: ObjectRef, others: readonly ObjectRef[]): Iterable<ObjectRef> {
  const may = others.filter((other) => mayListUnder(object, other));
  return new Map(may.map((other) => [other.id, other])).values();
}
