import { setTimeout as delay } from "node:timers/promises";
import type { Fault } from "@portcullis/chassis/fault";
import { History, type Observation } from "./history.ts";
import type { System } from "./system.ts";
import type { Team } from "./team.ts";
import { watch } from "./watching.ts";

export interface Verdict {
  readonly wrongAllows: readonly Observation[];
  readonly wrongDenials: readonly Observation[];
  /** Who is allowed still, when everybody has left and the bound has passed. */
  readonly allowedInTheEnd: readonly string[];
  readonly everAllowed: boolean;
  readonly unanswered: readonly Fault[];
  /** Changes that were not acknowledged at the first attempt. */
  readonly refusedChanges: readonly unknown[];
}

export interface Judged {
  readonly system: System;
  readonly team: Team;
  readonly maxStalenessMs: number;
}

/** Lets everybody join and leave while `breakThings` runs, and some time after it; then judges all answers. */
export async function judgeAnswers(
  { system, team, maxStalenessMs }: Judged,
  breakThings: () => Promise<void>,
): Promise<Verdict> {
  const history = new History();
  const refusedChanges: unknown[] = [];
  const watching = watch(system, team, { atOnce: 2 });
  try {
    const mended = new AbortController();
    const breaking = breakThings().finally(() => mended.abort());
    let round = 0;
    const changeSomebody = async (): Promise<void> => {
      const person = team.people[round % team.people.length] ?? "";
      const joins = Math.floor(round / team.people.length) % 2 === 0;
      round++;
      // A change that fails may have been made all the same: it is made again until it is acknowledged.
      for (let attempt = 0; attempt < 100; attempt++) {
        try {
          await history.change(person, joins, () => (joins ? team.join(person) : team.leave(person)));
          return;
        } catch (error) {
          refusedChanges.push(error);
          await delay(100);
        }
      }
      throw new Error("a change was refused for too long");
    };
    while (!mended.signal.aborted || round % (2 * team.people.length) !== 0) {
      await changeSomebody();
      await delay(30);
    }
    await breaking;
    for (const person of team.people) {
      await history.change(person, false, () => team.leave(person));
    }
    await delay(maxStalenessMs + 500);
  } finally {
    await watching.end();
  }
  const { observations, unanswered } = watching;
  const allowedInTheEnd: string[] = [];
  for (const person of team.people) {
    if ((await system.decision.check(team.question(person))).allowed) allowedInTheEnd.push(person);
  }
  return {
    wrongAllows: history.wrongAllows(observations, maxStalenessMs),
    wrongDenials: history.wrongDenials(observations, maxStalenessMs),
    allowedInTheEnd,
    everAllowed: observations.some(({ allowed }) => allowed),
    unanswered,
    refusedChanges,
  };
}
