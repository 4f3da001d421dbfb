// Which mutants live though nobody said why, and which reasons are no longer needed.

import type { Excuse } from "./survivors.ts";

/** What became of one mutant. */
export interface Outcome {
  readonly file: string;
  /** Where it is, for people. */
  readonly at: string;
  /** The line that it changes, without the space around it. */
  readonly line: string;
  readonly original: string;
  readonly mutator: string;
  readonly replacement: string;
  readonly status: string;
}

interface Verdict {
  /** Mutants that live without a reason. */
  readonly unexplained: readonly Outcome[];
  /** Reasons for what did not survive, or is not there. */
  readonly needless: readonly Excuse[];
}

/** A time-out is a mutant that was noticed: it hangs. */
const noticed: ReadonlySet<string> = new Set([
  "Killed",
  "Timeout",
  "RuntimeError",
  "CompileError",
  "Ignored",
]);

export function lives({ status }: Outcome): boolean {
  return !noticed.has(status);
}

/** `files`: those that were mutated; nothing is said of the others. */
export function judge(
  files: readonly string[],
  outcomes: readonly Outcome[],
  excuses: readonly Excuse[],
): Verdict {
  const alive = outcomes.filter(lives);
  const keys = new Set(alive.map(keyOf));
  const excused = new Set(excuses.map(keyOf));
  return {
    unexplained: alive.filter((outcome) => !excused.has(keyOf(outcome))),
    needless: excuses.filter((excuse) => files.includes(excuse.file) && !keys.has(keyOf(excuse))),
  };
}

function keyOf({ file, line, original, replacement }: Omit<Excuse, "reason">): string {
  return JSON.stringify([file, line, original, replacement]);
}
