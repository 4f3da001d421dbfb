// Why decide answers as it does: every way that allows, or what came nearest and what it lacks. For people, so it may
// take more time than deciding, but it takes the same facts and is bounded.

import { type Asked, ask, isInForce, lets, names, subjectsConcerned } from "./acl-match.ts";
import { type ObjectRef, type ObjectType, objectTypeNames, type Permission, permissions } from "./catalog.ts";
import { type Decided, decide, type Grant, type Needs, type Question } from "./decide.ts";
import type { Access, Acl, Scope } from "./facts.ts";
import { type GrantPath, grantPaths } from "./grant-path.ts";
import type { GroupId } from "./ids.ts";
import type { FactLookup } from "./lookup.ts";
import { listing, manyAclsAbove, missingFacts } from "./missing-facts.ts";
import { letsThrough, outsideScope } from "./scope.ts";
import { standingAccess, startOf } from "./tree.ts";

/** What decide says, and why. */
export interface Explanation {
  readonly kind: "explained";
  readonly decision: Decided;
  /** If it is allowed: one for each ACL that grants and each group of the principal through which it does. */
  readonly paths: readonly GrantPath[];
  readonly arePathsCut: boolean;
  /** If it is denied: what came nearest first. Of an object with very many ACLs only those count that name the principal. */
  readonly misses: readonly Miss[];
  readonly areMissesCut: boolean;
}

/** What would allow if it were not for what is missing. */
export interface Miss {
  /** Null: what is missing is missing whatever the ACLs say. */
  readonly grant: Grant | null;
  /** All that is missing; never empty. */
  readonly missing: readonly MissingStep[];
}

export type MissingStep =
  /** Being an active member. `isEnough`: a member with the same groups and ACLs would be allowed. */
  | { readonly kind: "membership"; readonly isEnough: boolean }
  /** The object, something above it, or a place where such a thing can be. */
  | { readonly kind: "object" | "place" }
  /** A credential that is narrowed less, or none: the principal itself may. */
  | { readonly kind: "scope" }
  /** The ACL has expired. */
  | { readonly kind: "in_force"; readonly expiredAtMs: number }
  /** The ACL gives the permission, but on objects of these types alone. */
  | { readonly kind: "object_type"; readonly grantedTypes: readonly ObjectType[] }
  /** The ACL names this live group, which does not hold the principal. */
  | { readonly kind: "group"; readonly group: GroupId }
  /** On the type that is asked about, the ACL gives these permissions alone. */
  | { readonly kind: "permission"; readonly grantedPermissions: readonly Permission[] };

/** How many paths and misses an explanation has at most. */
export const explanationMax = { paths: 100, misses: 20 } as const;

/** Explains what decide says of the question, or says which facts that takes. */
export function explain(question: Question, lookup: FactLookup): Explanation | Needs {
  const decision = decide(question, lookup);
  if (decision.kind === "needs") return decision;
  const start = startOf(question.target);
  // Denied is denied without it, but the reason that is given must not depend on what happens to be loaded.
  if (start !== null && lookup.member(question.principal) === undefined) {
    return { kind: "needs", keys: missingFacts(question, start, lookup) };
  }
  if (!decision.allowed) {
    switch (decision.because) {
      case "unknown_word":
        return denied(decision, []);
      case "no_such_object":
        return denied(decision, [{ grant: null, missing: [{ kind: "object" }] }]);
      case "no_such_place":
        return denied(decision, [{ grant: null, missing: [{ kind: "place" }] }]);
      case "not_a_member": {
        const asMember = decide(question, withMember(lookup));
        if (asMember.kind === "needs") return asMember;
        const step = { kind: "membership", isEnough: asMember.allowed } as const;
        return denied(decision, [{ grant: null, missing: [step] }]);
      }
      case "no_grant":
      case "outside_scope":
    }
  }
  // That a grant was found does not mean that all facts were looked at.
  const keys = start === null ? [] : missingFacts(question, start, lookup);
  if (keys.length > 0) return { kind: "needs", keys };
  const asked = ask(question, lookup);
  if (asked === undefined || start === null) throw new Error("a decided question lacks facts");
  const placed = aclsAbove(question, start, { asked, lookup });
  if (!decision.allowed) {
    const explained = denied(decision, missesAmong(placed, asked, lookup));
    const [leftOut] = manyAclsAbove(question.org, start, lookup);
    return leftOut === undefined ? explained : { ...explained, areMissesCut: true };
  }

  const granting = placed.filter(({ acl }) => names(acl, asked) && isInForce(acl, asked) && lets(acl, asked));
  const paths: GrantPath[] = [];
  for (const path of grantPaths(question, granting, lookup)) {
    paths.push(path);
    if (paths.length > explanationMax.paths) break;
  }
  return {
    kind: "explained",
    decision,
    paths: paths.slice(0, explanationMax.paths),
    arePathsCut: paths.length > explanationMax.paths,
    misses: [],
    areMissesCut: false,
  };
}

/** The same for a principal with a credential of this scope. */
export function explainWithin(
  scope: Scope | null,
  question: Question,
  lookup: FactLookup,
): Explanation | Needs {
  const explanation = explain(question, lookup);
  if (scope === null || explanation.kind === "needs" || !explanation.decision.allowed) return explanation;
  const isWithin = letsThrough(scope, question, lookup);
  if (typeof isWithin !== "boolean") return isWithin;
  return isWithin ? explanation : denied(outsideScope, [{ grant: null, missing: [{ kind: "scope" }] }]);
}

function denied(decision: Decided, misses: readonly Miss[]): Explanation {
  return {
    kind: "explained",
    decision,
    paths: [],
    arePathsCut: false,
    misses: misses.slice(0, explanationMax.misses),
    areMissesCut: misses.length > explanationMax.misses,
  };
}

/** The same facts, but everybody is a member. */
function withMember(lookup: FactLookup): FactLookup {
  return {
    member: () => ({ kind: "user" }),
    memberships: (principal) => lookup.memberships(principal),
    groups: () => lookup.groups(),
    roles: () => lookup.roles(),
    access: (object) => lookup.access(object),
    aclsNaming: (object, subject) => lookup.aclsNaming(object, subject),
    acls: (object) => lookup.acls(object),
  };
}

/**
 * Every ACL whose place counts for the target, nearest first; of an object with very many, those that concern the
 * principal.
 */
function aclsAbove(
  { org }: Question,
  start: ObjectRef,
  { asked, lookup }: { readonly asked: Asked; readonly lookup: FactLookup },
): readonly Grant[] {
  const aclsOn = (on: ObjectRef, access: Access | null | undefined): readonly Acl[] => {
    if (access === null || access === undefined) return [];
    return (
      access.acls ??
      Array.from(subjectsConcerned(asked), (subject) => lookup.aclsNaming(on, subject) ?? []).flat()
    );
  };
  const placed: Grant[] = [];
  let object: ObjectRef | null = start;
  while (object !== null) {
    const on: ObjectRef = object;
    const access = standingAccess(on, org, lookup);
    for (const acl of aclsOn(on, access)) placed.push({ acl, on });
    for (const other of listing(on, access?.alsoUnder ?? [])) {
      for (const acl of aclsOn(other, standingAccess(other, org, lookup))) placed.push({ acl, on: other });
    }
    object = access?.parent ?? null;
  }
  return placed;
}

const farness = ["in_force", "object_type", "group", "permission"];

/** Those with the fewest missing steps first, among them what is mended most easily, then the nearest to the target. */
function missesAmong(placed: readonly Grant[], asked: Asked, lookup: FactLookup): readonly Miss[] {
  const misses = placed.flatMap((grant): readonly Miss[] => {
    const missing = missingOf(grant.acl, asked, lookup);
    return missing === null ? [] : [{ grant, missing }];
  });
  const farthest = ({ missing }: Miss) => Math.max(...missing.map(({ kind }) => farness.indexOf(kind)));
  return misses.toSorted(
    (one, other) => one.missing.length - other.missing.length || farthest(one) - farthest(other),
  );
}

/** Null: the ACL has nothing to do with the question. */
function missingOf(acl: Acl, asked: Asked, lookup: FactLookup): readonly MissingStep[] | null {
  const missing: MissingStep[] = [];
  const { subject, expiresAtMs } = acl;
  if (!isInForce(acl, asked)) missing.push({ kind: "in_force", expiredAtMs: expiresAtMs ?? asked.nowMs });
  const given = lets(acl, asked) ? null : shortfallOf(acl, asked);
  if (given !== null) missing.push(given);
  if (!names(acl, asked)) {
    const isOther = subject.kind !== "group" || lookup.groups()?.has(subject.id) !== true;
    if (isOther || given?.kind === "permission") return null;
    missing.push({ kind: "group", group: subject.id });
  }
  return missing;
}

/** How what the ACL grants differs from what was asked for. */
function shortfallOf({ grant }: Acl, { permission, type, roles }: Asked): MissingStep {
  if (grant.kind === "permission") {
    const { restrictObjectType: only } = grant;
    if (grant.permission === permission && only !== null)
      return { kind: "object_type", grantedTypes: [only] };
    const applies = only === null || only === type;
    return { kind: "permission", grantedPermissions: applies ? [grant.permission] : [] };
  }
  const grantedTypes = objectTypeNames.filter((each) => roles.grants(grant.id, permission, each));
  if (grantedTypes.length > 0) return { kind: "object_type", grantedTypes };
  return {
    kind: "permission",
    grantedPermissions: permissions.filter((each) => roles.grants(grant.id, each, type)),
  };
}
