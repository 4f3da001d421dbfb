// `npm test`: everything that says whether this checkout is good. With arguments: the tests whose paths hold them.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { checkout, makeStateFolder, state } from "./state-folder.ts";

interface Outcome {
  readonly title: string;
  readonly good: boolean;
  readonly remark: string;
}

interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** A step that takes longer hangs: a loop without end in a test can't be ended by the test runner. */
const minutesPerStep = 30;

const noTests: Counts = { passed: 0, failed: 0, skipped: 0 };
const filters = process.argv.slice(2);
const outcomes: Outcome[] = [];
let counts = noTests;
let running: ChildProcess | null = null;
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    running?.kill(signal);
    process.exitCode = 130;
  });
}

makeStateFolder();
process.chdir(checkout);
if (filters.length === 0) await checks();
await tests("unit", ["unit"]);
await tests("system", ["system", "browser", "measuring"]);
summarise();

/** What needs no test runner, each cached by turborepo for as long as its inputs stay the same. */
async function checks(): Promise<void> {
  const tasks = ["format", "lint", "types", "boundaries", "unused", "manifests"];
  const base = contractsToCompareWith();
  if (base) tasks.push("breaking");
  else say("no earlier contracts to compare with: the check for breaking changes is left out");
  say(`checks: ${tasks.join(", ")}`);
  const code = await run("turbo", [
    "run",
    ...tasks,
    "--continue=always",
    "--output-logs=new-only",
    "--log-order=grouped",
  ]);
  outcomes.push({ title: "checks", good: code === 0, remark: tasks.join(", ") });
}

/** Whether the main branch has contracts; without git, or in a copy without history, nobody knows. */
function contractsToCompareWith(): boolean {
  return spawnSync("git", ["cat-file", "-e", "main:proto/buf.yaml"], { stdio: "ignore" }).status === 0;
}

async function tests(title: string, projects: readonly string[]): Promise<void> {
  if (process.exitCode !== undefined) return;
  say(`${title} tests`);
  const folder = join(state, "tests");
  const report = join(folder, `${title}.json`);
  mkdirSync(folder, { recursive: true });
  rmSync(report, { force: true });
  const code = await run("vitest", [
    "run",
    ...projects.map((project) => `--project=${project}`),
    "--reporter=default",
    "--reporter=json",
    `--outputFile.json=${report}`,
    ...(filters.length === 0 ? [] : ["--passWithNoTests", ...filters]),
  ]);
  const counted = readReport(report);
  counts = sum(counts, counted);
  const remark = `${counted.passed} passed, ${counted.failed} failed`;
  outcomes.push({ title: `${title} tests`, good: code === 0 && counted.failed === 0, remark });
}

interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly testResults: readonly {
    readonly status: string;
    readonly assertionResults: readonly { readonly status: string }[];
  }[];
}

/** What vitest counted. A file that failed outside of its tests is one more failure. */
function readReport(path: string): Counts {
  let report: Report;
  try {
    report = JSON.parse(readFileSync(path, "utf8")) as Report;
  } catch {
    return { ...noTests, failed: 1 };
  }
  const broken = report.testResults.filter(
    (file) => file.status === "failed" && !file.assertionResults.some((test) => test.status === "failed"),
  );
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + broken.length,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}

function sum(a: Counts, b: Counts): Counts {
  return { passed: a.passed + b.passed, failed: a.failed + b.failed, skipped: a.skipped + b.skipped };
}

function run(command: string, args: readonly string[]): Promise<number> {
  return new Promise((resolve) => {
    // A group of its own, so that ending it ends its workers.
    const child = spawn(command, args, { stdio: ["ignore", "inherit", "inherit"], detached: true });
    running = child;
    const limit = setTimeout(() => {
      say(`${command} hangs: ended after ${minutesPerStep} minutes`);
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    }, minutesPerStep * 60_000);
    const end = (code: number) => {
      clearTimeout(limit);
      resolve(code);
    };
    child.once("error", (error) => {
      say(`${command} does not start: ${error.message}`);
      end(1);
    });
    child.once("exit", (code) => end(code ?? 1));
  });
}

function summarise(): void {
  say("");
  for (const { title, good, remark } of outcomes) say(`${good ? "✓" : "✗"} ${title}: ${remark}`);
  if (outcomes.some((outcome) => !outcome.good)) process.exitCode ??= 1;
  const skipped = counts.skipped === 0 ? "" : `, ${counts.skipped} skipped`;
  say(`${counts.passed} passed, ${counts.failed} failed${skipped}`);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
