// Decisions in the application's own process: ours, embedded, and those of libraries, about the same 1,000 rules.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";
import { onClientCore } from "../cores.ts";
import { startDecision } from "../decision.ts";
import { compared, type Row } from "../row.ts";
import { median } from "../statistics.ts";
import { allQuestionsAbout, questionsAbout } from "../world.ts";
import type { EngineName } from "./engines.ts";
import type { Measured, Task } from "./run.ts";

const rounds = 5;
const questionsAsked = 1000;
const warmMs = 1500;
const forMs = 1500;
const wantedPerSecond = 500_000;
const unit = "a second of CPU";

/** 50 projects, each with 20 groups that may read it. */
const thousandRules = {
  users: 200,
  groups: 100,
  projects: 50,
  experimentsPerProject: 10,
  readersPerProject: 20,
};
const inOrder: readonly EngineName[] = ["portcullis", "casbin", "casl", "cedar"];

export async function library(tell: (line: string) => void): Promise<Row[]> {
  await using decision = await startDecision(tell, {}, thousandRules);
  const { contents, serviceToken } = decision.world;
  const address = decision.system.decisionAddress;
  const questions = questionsAbout(contents, questionsAsked);
  const everyQuestion = allQuestionsAbout(contents);
  /** Ours about so many that it has decided hardly any of them of late. */
  const unremembered: number[] = [];
  const rates: Record<EngineName, number[]> = { portcullis: [], casbin: [], casl: [], cedar: [] };
  let answers: readonly boolean[] | undefined;
  for (let round = 1; round <= rounds; round++) {
    for (const engine of round % 2 === 1 ? inOrder : inOrder.toReversed()) {
      const measured = await measure({ engine, contents, address, serviceToken, questions, warmMs, forMs });
      answers ??= measured.answers;
      if (!isDeepStrictEqual(measured.answers, answers)) throw new Error(`${engine} answers otherwise`);
      rates[engine].push(measured.perCpuSecond);
    }
    const ours = { engine: "portcullis", contents, address, serviceToken } as const;
    unremembered.push((await measure({ ...ours, questions: everyQuestion, warmMs, forMs })).perCpuSecond);
    tell(`round ${round} of ${rounds}`);
  }
  const allowed = answers?.filter((answer) => answer).length ?? 0;
  const against = (reference: (round: number) => number) =>
    rates.portcullis.map((ours, round) => ({ ours, reference: reference(round) }));
  return [
    compared(
      "library",
      unit,
      { is: "at least", value: 1000 },
      against((round) => rates.casbin[round] ?? NaN),
      [
        `${allowed} of ${questions.length} questions are allowed`,
        ...inOrder.map((engine) => `${engine}: ${median(rates[engine]).toFixed(0)} ${unit}`),
        `ours, about ${everyQuestion.length} questions, of which it remembers few: ${median(unremembered).toFixed(0)} ${unit}`,
      ],
    ),
    compared(
      "library-rate",
      unit,
      { is: "at least", value: 1 },
      against(() => wantedPerSecond),
    ),
  ];
}

const program = fileURLToPath(new URL("run.ts", import.meta.url));

async function measure(task: Task): Promise<Measured> {
  const child = spawn(...onClientCore(process.execPath, [program]), {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  child.stdin.end(JSON.stringify(task));
  const said = await text(child.stdout);
  const [code] = (await exited) as [number | null];
  if (code !== 0) throw new Error(`${task.engine} ended with ${code}`);
  return JSON.parse(said) as Measured;
}
