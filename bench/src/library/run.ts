// One engine in a process of its own, which has nothing else to do: reads what it is given on standard input, and tells
// on standard output what it measured.

import { text } from "node:stream/consumers";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Question } from "../world.ts";
import { type EngineName, engines, type Given } from "./engines.ts";

export interface Task extends Given {
  readonly engine: EngineName;
  readonly questions: readonly Question[];
  readonly warmMs: number;
  readonly forMs: number;
}

export interface Measured {
  readonly perCpuSecond: number;
  /** Of each question. */
  readonly answers: readonly boolean[];
}

/** What is done in the background gets its turn this often. */
const turnMs = 10;

const task = JSON.parse(await text(process.stdin)) as Task;
const ask = await engines[task.engine](task);
const { questions } = task;
const answers: boolean[] = [];
for (const question of questions) answers.push(await ask(question));

await askFor(task.warmMs);
const { user, system } = process.cpuUsage();
const asked = await askFor(task.forMs);
const used = process.cpuUsage({ user, system });
const perCpuSecond = asked / ((used.user + used.system) / 1e6);
process.stdout.write(JSON.stringify({ perCpuSecond, answers } satisfies Measured), () => process.exit());

/** Asks all questions over and over, and verifies each answer. */
async function askFor(ms: number): Promise<number> {
  const began = performance.now();
  let count = 0;
  // Looking at the clock takes as long as some answers.
  let atOnce = 1;
  for (let now = began; now < began + ms; ) {
    for (let left = atOnce; left > 0; left--) {
      const index = count++ % questions.length;
      const question = questions[index];
      if (question === undefined) throw new Error("there is no question");
      const answer = ask(question);
      if ((typeof answer === "boolean" ? answer : await answer) !== answers[index]) {
        throw new Error(`${task.engine} answers ${JSON.stringify(question)} in two ways`);
      }
    }
    const turn = performance.now();
    if (turn - now < turnMs) atOnce *= 2;
    await nextTurn();
    now = performance.now();
  }
  return count;
}
