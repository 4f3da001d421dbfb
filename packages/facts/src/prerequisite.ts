// What must be known of another owner's log wherever the log of one is used, so that no decision sees a change without
// what it came after: somebody leaves a group, and then the group is granted something.
//
// Each event names places in the other logs that it came after. Whatever came before a change was committed when the
// change was seen, too; so the other owner's head, asked for after that, is always far enough, and enough when the
// place is not known.

import type { Owner } from "@portcullis/policy";
import type { Dependency } from "./source.ts";

/** How far another owner's log must be seen. Times are of the process' monotonic clock. */
export interface Prerequisite {
  readonly owner: Owner;
  /** This far, unless null. */
  readonly place: Dependency["place"];
  /** And as far as its head, asked for at this time or later, if some change does not say how far. */
  readonly headSince: number;
  /** Its head, asked for at this time or later, is far enough in any case: all changes had been seen by then. */
  readonly learnedAt: number;
}

/** What is known of the other owner's log. */
interface Known {
  readonly mark: { readonly incarnation: string; readonly app: number } | null;
  /** When the head was asked for that the mark has reached. */
  readonly confirmedAt: number;
}

export function isMet(prerequisite: Prerequisite, { mark, confirmedAt }: Known): boolean {
  const { place, headSince, learnedAt } = prerequisite;
  if (confirmedAt >= learnedAt) return true;
  if (place === null || mark === null || confirmedAt < headSince) return false;
  return mark.incarnation === place.incarnation && mark.app >= place.position;
}

/** The prerequisites, with those of one more event, which was seen at that time. */
export function withDependencies(
  prerequisites: readonly Prerequisite[],
  dependencies: readonly Dependency[],
  learnedAt: number,
): readonly Prerequisite[] {
  if (dependencies.length === 0) return prerequisites;
  const byOwner = new Map(prerequisites.map((each) => [each.owner, each]));
  for (const dependency of dependencies) {
    byOwner.set(dependency.owner, joined(byOwner.get(dependency.owner), dependency, learnedAt));
  }
  return [...byOwner.values()];
}

/** What holds for a log that was not read: it may have come after anything that stands in the others. */
export function afterAll(owners: readonly Owner[], learnedAt: number): readonly Prerequisite[] {
  return owners.map((owner) => ({ owner, place: null, headSince: learnedAt, learnedAt }));
}

function joined(
  known: Prerequisite | undefined,
  { owner, place }: Dependency,
  learnedAt: number,
): Prerequisite {
  if (known === undefined) {
    return { owner, place, headSince: place === null ? learnedAt : Number.NEGATIVE_INFINITY, learnedAt };
  }
  const { place: before, headSince } = known;
  if (place === null) return { owner, place: before, headSince: learnedAt, learnedAt };
  if (before === null || before.incarnation === place.incarnation) {
    const further = before !== null && before.position > place.position ? before : place;
    return { owner, place: further, headSince, learnedAt };
  }
  // Positions of two histories can't be compared.
  return { owner, place, headSince: known.learnedAt, learnedAt };
}
