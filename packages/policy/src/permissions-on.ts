import { type Permission, permissions } from "./catalog.ts";
import { decide, type Needs, type Question } from "./decide.ts";
import type { FactLookup } from "./lookup.ts";

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
  const allowed: Permission[] = [];
  for (const permission of permissions) {
    const decision = decide({ ...question, permission }, lookup);
    if (decision.kind === "needs") return decision;
    if (decision.allowed) allowed.push(permission);
  }
  return { kind: "decided", permissions: allowed };
}
