// What really happened, as far as an outside observer can know it: when each change was asked for and when it was
// acknowledged. From this follows at which moments something was certainly granted, certainly not, or possibly.

/** One change of one subject's access. Times are of one monotonic clock, in milliseconds. */
interface Change {
  readonly granted: boolean;
  readonly askedAt: number;
  /** null: never acknowledged, so it may or may not have happened, at any time since it was asked for. */
  readonly acknowledgedAt: number | null;
}

/** An answer that a Check gave. */
export interface Observation {
  readonly subject: string;
  readonly allowed: boolean;
  readonly startedAt: number;
  readonly endedAt: number;
}

/** The true history of some subjects' access, with at most one change of a subject under way at a time. */
export class History {
  readonly #changes = new Map<string, Change[]>();

  /** Runs a change, and notes when it was asked for and when it was acknowledged. */
  async change(subject: string, granted: boolean, make: () => Promise<unknown>): Promise<void> {
    const askedAt = performance.now();
    const changes = this.#changes.get(subject) ?? [];
    this.#changes.set(subject, changes);
    const index = changes.push({ granted, askedAt, acknowledgedAt: null }) - 1;
    await make();
    changes[index] = { granted, askedAt, acknowledgedAt: performance.now() };
  }

  /** Whether the subject may have had access at some moment between the two, at the start having none. */
  mayHaveBeenGranted(subject: string, from: number, to: number): boolean {
    let possible = false;
    for (const change of this.#changes.get(subject) ?? []) {
      if (change.askedAt > to) break;
      if (change.granted) possible = true;
      // A revocation settles the matter only once it is acknowledged, and only for what comes after.
      else if (change.acknowledgedAt !== null && change.acknowledgedAt <= from) possible = false;
    }
    return possible;
  }

  /** Whether the subject certainly had access all the time between the two. */
  wasGranted(subject: string, from: number, to: number): boolean {
    let granted = false;
    for (const change of this.#changes.get(subject) ?? []) {
      if (change.askedAt > to) break;
      if (!change.granted) granted = false;
      else granted = change.acknowledgedAt !== null && change.acknowledgedAt <= from;
    }
    return granted;
  }

  /** The observations that can't be right: allowed, though at no moment within the bound it was granted. */
  wrongAllows(observations: readonly Observation[], maxStalenessMs: number): Observation[] {
    return observations.filter(
      ({ subject, allowed, startedAt, endedAt }) =>
        allowed && !this.mayHaveBeenGranted(subject, startedAt - maxStalenessMs, endedAt),
    );
  }

  /** Denied, though it was granted all the time from the bound before the question to the answer. */
  wrongDenials(observations: readonly Observation[], maxStalenessMs: number): Observation[] {
    return observations.filter(
      ({ subject, allowed, startedAt, endedAt }) =>
        !allowed && this.wasGranted(subject, startedAt - maxStalenessMs, endedAt),
    );
  }
}
