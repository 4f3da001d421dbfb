// What somebody has seen, so that what they ask next is answered no older.

import { AsyncLocalStorage } from "node:async_hooks";
import { decodeRevision, encodeRevision, mergeRevisions } from "@portcullis/facts/revision";
import type { Asking } from "./portcullis.ts";

/** In the place of a revision: no answer is fresh enough but the freshest. It is none that anybody is given. */
export const freshest = "freshest";

/** All that was seen by the holders of both. */
export function mergedRevision(first: string | null, second: string): string {
  if (first === null) return second;
  const [one, two] = [decodeRevision(first), decodeRevision(second)];
  // A token that this library can't read is none that it may drop: the freshest answer has seen all of it.
  if (one === null || two === null || one.org !== two.org) return freshest;
  return encodeRevision(mergeRevisions(one, two));
}

/** What was seen by whoever asks, and what they want besides. Null: nothing but the bound that holds for all. */
export function freshnessOf({ atLeastAsFreshAs, fullyConsistent = false }: Asking): string | null {
  const seen = seenRevision();
  if (fullyConsistent || seen === freshest) return freshest;
  return atLeastAsFreshAs === undefined ? seen : mergedRevision(seen, atLeastAsFreshAs);
}

/** What a piece of work has seen, as a request that is being handled. */
interface Seen {
  revision: string | null;
}

const storage = new AsyncLocalStorage<Seen>();

/**
 * Runs a piece of work of its own, as the handling of one request: whatever is told to {@link sawRevision} in it counts for
 * all that is asked in it afterwards, and for nothing else.
 */
export function withOwnRevisions<Result>(work: () => Result): Result {
  return storage.run({ revision: null }, work);
}

const ofRequests = new WeakMap<object, Seen>();

/** The same for the handling of this request, however many parts of it ask. */
export function withRevisionsOf<Result>(request: object, work: () => Result): Result {
  const seen = ofRequests.get(request) ?? { revision: null };
  ofRequests.set(request, seen);
  return storage.run(seen, work);
}

/** Tells of the revision of a write, the header `x-portcullis-revision`. Outside of such a piece of work it does nothing. */
export function sawRevision(revision: string): void {
  const seen = storage.getStore();
  if (seen !== undefined) seen.revision = mergedRevision(seen.revision, revision);
}

export function seenRevision(): string | null {
  return storage.getStore()?.revision ?? null;
}
