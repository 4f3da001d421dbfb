// Whether somebody holds all that an ACL would give to another: an organisation may let nobody grant more.

import type { ObjectRef, RolePermission } from "./catalog.ts";
import type { Needs, Question } from "./decide.ts";
import type { Acl, Scope } from "./facts.ts";
import type { FactLookup } from "./lookup.ts";
import { missingFacts } from "./missing-facts.ts";
import { decideWithin } from "./scope.ts";

/** An ACL that somebody would add. */
export interface HandingOn extends Pick<Question, "org" | "principal" | "nowMs"> {
  readonly object: ObjectRef;
  readonly grant: Acl["grant"];
  /** Null: the ACL would grant without end. */
  readonly expiresAtMs: number | null;
}

export interface HandingOnDecided {
  readonly kind: "decided";
  /**
   * For each permission that the ACL would give, one ACL lets the principal do the same, on as much and for as long. ACLs
   * that do so only together do not count.
   */
  readonly isHeld: boolean;
}

/** Whether the principal, with a credential of this scope, holds all that the ACL would give. */
export function decideHandingOn(
  { org, principal, object, grant, expiresAtMs, nowMs }: HandingOn,
  scope: Scope | null,
  lookup: FactLookup,
): HandingOnDecided | Needs {
  const permissions = permissionsOf(grant, lookup);
  if (permissions === undefined) {
    return { kind: "needs", keys: missingFacts({ org, principal }, object, lookup) };
  }
  // What is in force at its end is so until then: ACLs have no other beginning than their being there.
  const untilMs = Math.max(nowMs, expiresAtMs ?? Number.POSITIVE_INFINITY);
  for (const { permission, restrictObjectType: type } of permissions) {
    const target = { kind: "reach", object, type } as const;
    const decision = decideWithin(scope, { org, principal, permission, target, nowMs: untilMs }, lookup);
    if (decision.kind === "needs") return decision;
    if (!decision.allowed) return { kind: "decided", isHeld: false };
  }
  return { kind: "decided", isHeld: true };
}

function permissionsOf(grant: Acl["grant"], lookup: FactLookup): readonly RolePermission[] | undefined {
  return grant.kind === "role" ? lookup.roles()?.permissions(grant.id) : [grant];
}
