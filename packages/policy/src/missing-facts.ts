// Which facts a question takes and are not loaded yet.

import { subjectsConcerned } from "./acl-match.ts";
import type { ObjectRef } from "./catalog.ts";
import type { Question } from "./decide.ts";
import type { Access, FactKey } from "./facts.ts";
import type { OrgId } from "./ids.ts";
import type { FactLookup } from "./lookup.ts";
import { mayListUnder, nearestKnownAbove, standingAccess, startOf, type Target } from "./tree.ts";

/** All missing facts that can be named by now: those of the principal, and those of the objects on the way up. */
export function missingFacts(
  { org, principal }: Pick<Question, "org" | "principal">,
  start: ObjectRef,
  lookup: FactLookup,
): readonly FactKey[] {
  const keys: FactKey[] = [];
  const memberships = lookup.memberships(principal);
  if (lookup.member(principal) === undefined) keys.push({ kind: "member", org, principal });
  if (memberships === undefined) keys.push({ kind: "memberships", org, principal });
  keys.push(...missingAbove(org, start, lookup));
  const index = lookup.groups();
  if (memberships === undefined || index === undefined) return keys;
  const groups = index.holding(memberships);
  for (const object of manyAclsAbove(org, start, lookup)) {
    for (const subject of subjectsConcerned({ principal, groups })) {
      if (lookup.aclsNaming(object, subject) === undefined) {
        keys.push({ kind: "acls_naming", org, object, subject });
      }
    }
  }
  return keys;
}

/** The same without those of a principal. */
export function missingAbove(org: OrgId, start: ObjectRef, lookup: FactLookup): readonly FactKey[] {
  const keys: FactKey[] = [];
  if (lookup.groups() === undefined) keys.push({ kind: "groups", org });
  if (lookup.roles() === undefined) keys.push({ kind: "roles", org });
  for (const { object } of placesAbove(org, start, lookup)) {
    if (lookup.access(object) === undefined) keys.push({ kind: "access", org, object });
  }
  return keys;
}

/** All missing facts that a question about a target takes, whoever asks it. */
export function missingAbout(org: OrgId, target: Target, lookup: FactLookup): readonly FactKey[] {
  const start = startOf(target);
  return start === null ? [] : missingAbove(org, start, lookup);
}

/** The objects at and above one whose ACLs are too many to be read with every question, as far as that is known. */
export function* manyAclsAbove(org: OrgId, start: ObjectRef, lookup: FactLookup): Generator<ObjectRef, void> {
  for (const { object, access } of placesAbove(org, start, lookup)) {
    if (access?.acls === null) yield object;
  }
}

/** An object whose ACLs count for the one below it. */
export interface Place {
  readonly object: ObjectRef;
  readonly access: Access | null | undefined;
}

/** All that can be named by now, from the object itself up. */
export function* placesAbove(org: OrgId, start: ObjectRef, lookup: FactLookup): Generator<Place, void> {
  let object: ObjectRef | null = start;
  while (object !== null) {
    const access: Access | null | undefined = standingAccess(object, org, lookup);
    yield { object, access };
    for (const other of listing(object, access?.alsoUnder ?? [])) {
      yield { object: other, access: standingAccess(other, org, lookup) };
    }
    object = access?.parent ?? nearestKnownAbove(object, org);
  }
}

/** Those that may list the object, each once. */
export function listing(object: ObjectRef, others: readonly ObjectRef[]): Iterable<ObjectRef> {
  const may = others.filter((other) => mayListUnder(object, other));
  return new Map(may.map((other) => [other.id, other])).values();
}
