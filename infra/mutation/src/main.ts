// `npm run mutate`: changes the heart of the decision in every small way, and sees whether a test notices.

import { readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { Stryker } from "@stryker-mutator/core";
import { mutated } from "./mutated.ts";
import { survivors } from "./survivors.ts";
import { judge, lives, type Outcome } from "./verdict.ts";

const root = join(import.meta.dirname, "../../..");
process.chdir(root);

const asked = process.argv.slice(2);
const files = asked.length > 0 ? asked : mutated;
const unknown = files.filter((file) => !mutated.includes(file));
if (unknown.length > 0) {
  process.stderr.write(`not among the files that are mutated: ${unknown.join(", ")}\n`);
  process.exit(2);
}

// A run must find the same each time.
process.env["PORTCULLIS_SEED"] ??= "1";
process.env["PORTCULLIS_WORLDS"] ??= "100";

const started = Date.now();
const results = await new Stryker({
  mutate: [...files],
  testRunner: "vitest",
  plugins: ["@stryker-mutator/vitest-runner"],
  vitest: { configFile: "infra/mutation/vitest.config.ts" },
  coverageAnalysis: "perTest",
  reporters: ["progress-append-only"],
  tempDirName: ".portcullis/mutation",
  ignorePatterns: [".tools", ".portcullis", "bench", "docs", "services"],
  // It would be read with an API that TypeScript 7 no longer has; nothing here needs it.
  tsconfigFile: "no-tsconfig.json",
  timeoutMS: 10_000,
}).runMutationTest();

const outcomes = results.map((result): Outcome => {
  const { start, end } = result.location;
  const lines = readFileSync(result.fileName, "utf8")
    .split("\n")
    .slice(start.line - 1, end.line);
  const first = lines[0] ?? "";
  const last = lines.pop()?.slice(0, end.column - 1) ?? "";
  return {
    file: relative(root, result.fileName),
    at: `${start.line}:${start.column}`,
    line: first.trim(),
    original: [...lines, last].join("\n").slice(start.column - 1),
    mutator: result.mutatorName,
    replacement: result.replacement,
    status: result.status,
  };
});

const print = (line: string) => process.stdout.write(`${line}\n`);
for (const file of files) {
  const statuses = outcomes.filter((outcome) => outcome.file === file).map(({ status }) => status);
  const counts = Map.groupBy(statuses, (status) => status.toLowerCase());
  print(`${file}: ${[...counts].map(([status, of]) => `${of.length} ${status}`).join(", ")}`);
}
const { unexplained, needless } = judge(files, outcomes, survivors);
for (const outcome of unexplained) {
  print(`lives without a reason: ${JSON.stringify(outcome)}`);
}
for (const excuse of needless) print(`lives no longer: ${JSON.stringify(excuse)}`);
const alive = outcomes.filter(lives).length;
const minutes = ((Date.now() - started) / 60_000).toFixed(1);
print(
  `${outcomes.length} mutants in ${minutes} minutes; ${alive} live, ${unexplained.length} of them without a reason`,
);
process.exitCode = unexplained.length + needless.length > 0 ? 1 : 0;
