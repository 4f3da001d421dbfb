// Which facts a question takes and are not loaded yet.

import type { ObjectRef } from "./catalog.ts";
import type { Question } from "./decide.ts";
import type { FactKey } from "./facts.ts";
import type { OrgId } from "./ids.ts";
import type { FactLookup } from "./lookup.ts";
import { mayListUnder, nearestKnownAbove, standingAccess } from "./tree.ts";

/** All missing facts that can be named by now: those of the principal, and those of the objects on the way up. */
export function missingFacts(
  { org, principal }: Pick<Question, "org" | "principal">,
  start: ObjectRef,
  lookup: FactLookup,
): readonly FactKey[] {
  const keys: FactKey[] = [];
  if (lookup.member(principal) === undefined) keys.push({ kind: "member", org, principal });
  if (lookup.memberships(principal) === undefined) keys.push({ kind: "memberships", org, principal });
  return [...keys, ...missingAbove(org, start, lookup)];
}

/** The same without those of a principal. */
export function missingAbove(org: OrgId, start: ObjectRef, lookup: FactLookup): readonly FactKey[] {
  const keys: FactKey[] = [];
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
  return keys;
}

/** Those that may list the object, each once. */
export function listing(object: ObjectRef, others: readonly ObjectRef[]): Iterable<ObjectRef> {
  const may = others.filter((other) => mayListUnder(object, other));
  return new Map(may.map((other) => [other.id, other])).values();
}
