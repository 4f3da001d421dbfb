// Facts of a decision beside what one owner's database says about them in a single read: both of one moment.

import { Fault } from "@portcullis/chassis/fault";
import type { Answer, Asker, Consistency, FactReader, Facts } from "@portcullis/facts";
import { decodeRevision, historyOf } from "@portcullis/facts/revision";
import { revisionFromWire } from "@portcullis/facts/wire";
import { isNeeds, type Needs, type OrgId } from "@portcullis/policy";
import type { Revision } from "@portcullis/proto/events/v1/events";

/** What an owner read in one snapshot, and where its log stood there. */
interface Snapshot<Result> {
  readonly result: Result;
  readonly revision: Revision | undefined;
}

/** A question that takes more than facts. */
export interface Inquiry<Basis, Found, Result> {
  /** What the facts say, on which all else rests. Must use a fact of the owner that is asked. */
  readonly evaluate: (facts: Facts) => Basis | Needs;
  /** Has an owner read what follows from that. */
  readonly find: (basis: Basis) => Promise<Snapshot<Found>>;
  /** Whether what was found would have been asked for in the same words. */
  readonly isSame: (one: Basis, other: Basis) => boolean;
  /** Looks at what was found with the facts of the same moment. */
  readonly conclude: (basis: Basis, found: Found, facts: Facts) => Result | Needs;
}

/** So often a change that comes in between is put up with. */
const attemptsMax = 10;

/**
 * Evaluates facts, has an owner find what follows from them, and evaluates once more, no less fresh than what was found.
 * Answers when the facts say the same again, and that owner's log stands exactly where it was read: then all of it held
 * together, and nothing of it is seen without what it came after.
 */
export async function agreed<Basis extends object, Found, Result extends object>(
  facts: FactReader,
  org: OrgId,
  consistency: Consistency,
  { evaluate, find, isSame, conclude }: Inquiry<Basis, Found, Result>,
  asker: Asker,
): Promise<Answer<Result>> {
  let { result: basis } = await facts.read(org, consistency, evaluate, asker);
  for (let attempt = 1; attempt <= attemptsMax; attempt++) {
    const { result: found, revision: there } = await find(basis);
    if (there === undefined) throw new Fault("unavailable", "an owner did not say what it has read");
    const asked = basis;
    const again = await facts.read(
      org,
      { kind: "at_least_as_fresh", revision: revisionFromWire(there) },
      (organization): Again<Basis, Result> | Needs => {
        const now = evaluate(organization);
        if (isNeeds(now)) return now;
        if (!isSame(asked, now)) return { basis: now, result: null };
        const result = conclude(now, found, organization);
        return isNeeds(result) ? result : { basis: now, result };
      },
      asker,
    );
    const { result } = again.result;
    if (result !== null && isAt(again.revision, there)) return { ...again, result };
    basis = again.result.basis;
  }
  throw new Fault("unavailable", "the organization changes too fast for this question", {
    retryAfterMs: 1000,
  });
}

interface Again<Basis, Result> {
  readonly basis: Basis;
  /** Null: the facts have changed. */
  readonly result: Result | null;
}

function isAt(token: string, { owner, incarnation, position }: Revision): boolean {
  const history = historyOf(incarnation);
  const seen = decodeRevision(token)?.seen ?? [];
  return seen.some((one) => one.owner === owner && one.history === history && one.position === position);
}
