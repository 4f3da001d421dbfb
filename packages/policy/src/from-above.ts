// Decides like `decide` for less, where many objects are asked about: a grant above them is looked for before the ACLs on
// each are read. There is no deny rule, so whatever these say, such a grant allows.

import type { ObjectRef } from "./catalog.ts";
import { type Decision, decide, type Question } from "./decide.ts";
import type { FactKey } from "./facts.ts";
import type { OrgId } from "./ids.ts";
import type { ParentsLookup } from "./lookup.ts";
import { missingAbout, missingAbove, missingFacts } from "./missing-facts.ts";
import { nearestKnownAbove, standingParents, standsByItself, type Target } from "./tree.ts";

/**
 * Decides as `decide` does, but of an object whose ACLs are not loaded first takes where it stands. It may then be allowed
 * by a grant that is not the nearest.
 */
export function decideFromAbove(question: Question, lookup: ParentsLookup): Decision {
  const { org, target } = question;
  const decision = decide(question, lookup);
  if (decision.kind === "decided") return decision;
  const object = withoutAcls(target, lookup);
  if (object === null) return decision;
  const parents = standingParents(object, org, lookup);
  if (parents === undefined) {
    const above = nearestKnownAbove(object, org);
    const missing = above === null ? [] : missingFacts(question, above, lookup);
    return { kind: "needs", keys: [parentsKey(org, object), ...missing] };
  }
  // That it is not there, or is public, is a reason of its own.
  if (parents === null || parents.parent === null || parents.publicRead === true) return decision;
  const place = { kind: "place", type: object.type, parent: parents.parent } as const;
  const above = decide({ ...question, target: place }, lookup);
  return above.kind === "needs" || above.allowed ? above : decision;
}

/** All missing facts that such a decision about a target takes first, whoever asks for it. */
export function missingFromAbove(org: OrgId, target: Target, lookup: ParentsLookup): readonly FactKey[] {
  const object = withoutAcls(target, lookup);
  if (object === null) return missingAbout(org, target, lookup);
  const parents = standingParents(object, org, lookup);
  const above = parents?.parent ?? nearestKnownAbove(object, org);
  const missing = above === null ? [] : missingAbove(org, above, lookup);
  return parents === undefined ? [parentsKey(org, object), ...missing] : missing;
}

/** The object that is asked about, if its ACLs are not loaded and where it stands is a fact of its own. */
function withoutAcls(target: Target, lookup: ParentsLookup): ObjectRef | null {
  if (target.kind !== "object" || !standsByItself(target.object.type)) return null;
  return lookup.access(target.object) === undefined ? target.object : null;
}

function parentsKey(org: OrgId, object: ObjectRef): FactKey {
  return { kind: "parents", org, object };
}
