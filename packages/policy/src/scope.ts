// What a credential is narrowed to: it lets through some of what its principal may do, and never adds anything.

import type { ObjectRef, ObjectType } from "./catalog.ts";
import { type Decision, type Denied, decide, type Needs, type Question } from "./decide.ts";
import type { Scope } from "./facts.ts";
import type { FactLookup } from "./lookup.ts";
import { missingAbove, placesAbove } from "./missing-facts.ts";
import { startOf, typeOf } from "./tree.ts";

/** Decides as for the principal itself, and then denies what the scope does not let through. */
export function decideWithin<Lookup extends FactLookup>(
  scope: Scope | null,
  question: Question,
  lookup: Lookup,
  by: (question: Question, lookup: Lookup) => Decision = decide,
): Decision {
  const decision = by(question, lookup);
  if (scope === null || decision.kind === "needs" || !decision.allowed) return decision;
  const isWithin = letsThrough(scope, question, lookup);
  if (typeof isWithin !== "boolean") return isWithin;
  return isWithin ? decision : outsideScope;
}

export const outsideScope: Denied = Object.freeze({
  kind: "decided",
  allowed: false,
  because: "outside_scope",
});

/** Whether what is asked lies within the scope, whoever may do it. */
export function letsThrough(
  { permissions, objectTypes, objects }: Scope,
  { org, permission, target }: Pick<Question, "org" | "permission" | "target">,
  lookup: FactLookup,
): boolean | Needs {
  const type = typeOf(target);
  if (permissions !== null && !permissions.includes(permission)) return false;
  // What reaches every type (null) reaches more than any list of types.
  if (objectTypes !== null && !objectTypes.some((one) => one === type)) return false;
  if (objects === null) return true;
  const start = startOf(target);
  if (start === null) return false;
  let isKnown = true;
  for (const { object, access } of placesAbove(org, start, lookup)) {
    if (access === undefined) isKnown = false;
    else if (access !== null && objects.some((one) => isSame(one, object))) return true;
  }
  return isKnown ? false : { kind: "needs", keys: missingAbove(org, start, lookup) };
}

/** Whether a scope lets read all of a type throughout an organisation. */
export function letsSee(
  { permissions, objectTypes, objects }: Scope,
  { type, organization }: { readonly type: ObjectType; readonly organization: ObjectRef },
): boolean {
  return (
    (permissions === null || permissions.includes("read")) &&
    (objectTypes === null || objectTypes.includes(type)) &&
    (objects === null || objects.some((one) => isSame(one, organization)))
  );
}

function isSame(one: ObjectRef, other: ObjectRef): boolean {
  return one.type === other.type && one.id === other.id;
}
