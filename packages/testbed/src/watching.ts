import { Fault } from "@portcullis/chassis/fault";
import type { Observation } from "./history.ts";
import type { System } from "./system.ts";
import type { Team } from "./team.ts";

/** Checks that go on all the time in the background, each noted with its times. */
export interface Watching {
  readonly observations: readonly Observation[];
  /** Answers that were no answers: a part was down, and the caller was told so. */
  readonly unanswered: readonly Fault[];
  /** Resolves when the running Checks have ended. */
  end(): Promise<void>;
}

/** Asks about everybody in turn, so many Checks at a time, until told to end. */
export function watch(system: System, team: Team, { atOnce }: { readonly atOnce: number }): Watching {
  const observations: Observation[] = [];
  const unanswered: Fault[] = [];
  const ended = new AbortController();
  let next = 0;
  const asker = async (): Promise<void> => {
    while (!ended.signal.aborted) {
      const subject = team.people[next++ % team.people.length] ?? "";
      const startedAt = performance.now();
      try {
        const { allowed } = await system.decision.check(team.question(subject));
        observations.push({ subject, allowed, startedAt, endedAt: performance.now() });
      } catch (error) {
        if (!(error instanceof Fault)) throw error;
        unanswered.push(error);
      }
      await new Promise((resolve) => {
        setTimeout(resolve, 1);
      });
    }
  };
  const askers = Array.from({ length: atOnce }, asker);
  return {
    observations,
    unanswered,
    async end() {
      ended.abort();
      await Promise.all(askers);
    },
  };
}
