// What really happened at one owner: its log, replayed with what each write meant to change, and when each event can
// have been committed, as far as an outside observer can know.

import type { Owner } from "@portcullis/policy";
import type { Event } from "@portcullis/proto/events/v1/events";

/** A write as its writer saw it. Times are of the writer's monotonic clock. */
export interface WriteSeen<State> {
  readonly requestId: string;
  /** For people who read of a violation. */
  readonly what: string;
  readonly askedAt: number;
  /** `refused`: nothing may have changed. `unknown`: it may or may not have been done. */
  readonly outcome: "acknowledged" | "refused" | "unknown";
  readonly endedAt: number;
  /** Where the owner said that the log stood; only of an acknowledged write. */
  readonly position: number | null;
  /** What it does; answers the same state when it changes nothing. */
  readonly change: (state: State) => State;
}

/** What an owner does because of another owner's write, in an event that bears that write's request, or in none. */
export type Aftermath<State> = Pick<WriteSeen<State>, "requestId" | "askedAt" | "change">;

/** The states of one owner's log, by position. */
export class OwnerHistory<State> {
  readonly owner: Owner;
  readonly start: number;
  /** What is wrong with the log itself: a lost write, an event twice, a gap. */
  readonly problems: readonly string[];
  readonly #states: readonly State[];
  readonly #committedAfter: readonly number[];
  readonly #committedBefore: readonly number[];
  readonly #cameAfter: readonly Partial<Record<string, number>>[];

  /** `events`: all behind `start`, where the log stood in the state `initial`. */
  constructor(
    owner: Owner,
    { start, initial }: { readonly start: number; readonly initial: State },
    events: readonly Event[],
    writes: readonly WriteSeen<State>[],
    aftermaths: readonly Aftermath<State>[],
  ) {
    this.owner = owner;
    this.start = start;
    const problems: string[] = [];
    const byRequest = new Map(writes.map((write) => [write.requestId, write]));
    const aftermathOf = new Map(aftermaths.map((aftermath) => [aftermath.requestId, aftermath]));
    const found = new Map<string, number>();
    const states = [initial];
    const committedAfter = [Number.NEGATIVE_INFINITY];
    const committedBefore = [Number.NEGATIVE_INFINITY];
    const cameAfter: Partial<Record<string, number>>[] = [{}];
    for (const event of events) {
      const before = states.at(-1) ?? initial;
      const requestId = event.context?.requestId ?? "";
      const write = byRequest.get(requestId);
      const cause = write ?? aftermathOf.get(requestId);
      const place = `${owner} ${event.position}`;
      if (event.position !== start + states.length) problems.push(`${place}: the log has a gap`);
      if (found.has(requestId)) problems.push(`${place}: a second event of one write`);
      if (cause === undefined) problems.push(`${place}: nobody asked for this ${event.action}`);
      else if (write?.outcome === "refused") problems.push(`${place}: a refused write changed something`);
      found.set(requestId, event.position);
      states.push(cause === undefined ? before : cause.change(before));
      committedAfter.push(Math.max(committedAfter.at(-1) ?? 0, cause?.askedAt ?? 0));
      committedBefore.push(write?.outcome === "acknowledged" ? write.endedAt : Number.POSITIVE_INFINITY);
      cameAfter.push(furthest(cameAfter.at(-1) ?? {}, event));
    }
    for (let index = committedBefore.length - 2; index >= 0; index--) {
      const [own = 0, next = 0] = committedBefore.slice(index, index + 2);
      committedBefore[index] = Math.min(own, next);
    }
    for (const write of writes) {
      if (write.outcome !== "acknowledged" || found.has(write.requestId)) continue;
      const state = states[(write.position ?? 0) - start];
      // A write that finds its effect there already makes no event.
      if (state === undefined || write.change(state) !== state) {
        problems.push(`${owner}: the acknowledged write ${write.requestId} (${write.what}) is lost`);
      }
    }
    this.problems = problems;
    this.#states = states;
    this.#committedAfter = committedAfter;
    this.#committedBefore = committedBefore;
    this.#cameAfter = cameAfter;
  }

  get head(): number {
    return this.start + this.#states.length - 1;
  }

  get last(): State {
    return this.stateAt(this.head);
  }

  stateAt(position: number): State {
    const state = this.#states[position - this.start];
    if (state === undefined) throw new Error(`${this.owner} was never at ${position}`);
    return state;
  }

  /** Every position at which the log may have stood at some moment between the two. */
  mayHaveStoodAt(from: number, to: number): readonly number[] {
    const positions: number[] = [];
    for (let index = 0; index < this.#states.length; index++) {
      const begins = this.#committedAfter[index] ?? 0;
      const ends = this.#committedBefore[index + 1] ?? Number.POSITIVE_INFINITY;
      if (begins <= to && ends >= from) positions.push(this.start + index);
    }
    return positions;
  }

  /** How far the other owner's log must be seen wherever this one is seen at the position. */
  cameAfter(position: number, other: Owner): number {
    return this.#cameAfter[position - this.start]?.[other] ?? 0;
  }
}

/** An event that does not know a place says so with an empty incarnation: nothing can be judged by it. */
function furthest(known: Partial<Record<string, number>>, { dependsOn }: Event) {
  const merged = { ...known };
  for (const { owner, incarnation, position } of dependsOn) {
    if (incarnation !== "") merged[owner] = Math.max(merged[owner] ?? 0, position);
  }
  return merged;
}
