import { type Permission, permissions } from "./catalog.ts";
import type { Needs, Question } from "./decide.ts";
import type { Scope } from "./facts.ts";
import type { FactLookup } from "./lookup.ts";
import { decideWithin } from "./scope.ts";

/** All that was decided for one principal and target, in the order of the catalog. */
export interface PermissionsDecided {
  readonly kind: "decided";
  readonly permissions: readonly Permission[];
}

/** Everything that a principal may do to a target. */
export function permissionsOn(
  question: Omit<Question, "permission">,
  lookup: FactLookup,
): PermissionsDecided | Needs {
  return permissionsWithin(null, question, lookup);
}

/** The same with a credential of this scope. */
export function permissionsWithin(
  scope: Scope | null,
  question: Omit<Question, "permission">,
  lookup: FactLookup,
): PermissionsDecided | Needs {
  const allowed: Permission[] = [];
  for (const permission of permissions) {
    const decision = decideWithin(scope, { ...question, permission }, lookup);
    if (decision.kind === "needs") return decision;
    if (decision.allowed) allowed.push(permission);
  }
  return { kind: "decided", permissions: allowed };
}
