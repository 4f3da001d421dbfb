import { type Owner, owners } from "@portcullis/policy";
import type { Follow } from "./follow.ts";
import type { Follows } from "./follows.ts";
import type { Revision, Seen } from "./revision.ts";

/** How fresh the facts of a decision must be, beyond the bound that holds for all. */
export type Consistency =
  | { readonly kind: "minimize_latency" }
  /** Null: a revision that can't be read. Like one that does not fit the logs, it is answered fully consistent. */
  | { readonly kind: "at_least_as_fresh"; readonly revision: Revision | null }
  | { readonly kind: "fully_consistent" };

export const minimizeLatency: Consistency = { kind: "minimize_latency" };

/** What one question demands of what is known about each owner's log. */
export class Demand {
  readonly #arrivedAt: number;
  readonly #maxStalenessMs: number;
  readonly #seen: readonly Seen[];
  /** The owners whose heads must have been confirmed after the question came in. */
  readonly #fully: Set<Owner>;

  constructor(consistency: Consistency, arrivedAt: number, maxStalenessMs: number) {
    this.#arrivedAt = arrivedAt;
    this.#maxStalenessMs = maxStalenessMs;
    const revision = consistency.kind === "at_least_as_fresh" ? consistency.revision : null;
    this.#seen = revision?.seen ?? [];
    this.#fully = new Set(consistency.kind === "minimize_latency" || revision !== null ? [] : owners);
  }

  /** Whether what memory holds of the owner may be used at this time. */
  isMetBy(follow: Follow, now: number): boolean {
    const { mark } = follow;
    if (mark === null || follow.confirmedAt < this.#since(follow.owner, now)) return false;
    if (this.#seen.length === 0) return true;
    return this.#seenOf(follow).every(
      ({ history, position }) => history === follow.history && position <= mark.app,
    );
  }

  /** Asks the owner for what is missing. Throws a Fault if that can't be done; look again whether it has helped. */
  async meet(follow: Follow, follows: Follows, now: number): Promise<void> {
    const since = this.#since(follow.owner, now);
    if (follow.mark === null || follow.confirmedAt < since) await follows.confirm(follow, since);
    for (const { history, position } of this.#seenOf(follow)) {
      const isReached = history === follow.history && (await follows.advance(follow, position));
      if (isReached) continue;
      // The log as it is has no such place, so only its true head can be as fresh, and is as fresh as all others.
      this.#fully.add(follow.owner);
      return;
    }
  }

  #since(owner: Owner, now: number): number {
    const oldest = now - this.#maxStalenessMs;
    return this.#fully.has(owner) ? Math.max(oldest, this.#arrivedAt) : oldest;
  }

  #seenOf({ owner }: Follow): readonly Seen[] {
    if (this.#seen.length === 0 || this.#fully.has(owner)) return none;
    return this.#seen.filter((seen) => seen.owner === owner);
  }
}

const none: readonly Seen[] = [];
