// `npm run torture -- [--minutes N] [--seed S]`: the whole system under load while its parts break, as long as wanted.

import { parseArgs } from "node:util";
import { throwawayPostgres } from "@portcullis/one-machine/postgres";
import { torture } from "./torture.ts";

const { values } = parseArgs({
  options: { minutes: { type: "string", default: "5" }, seed: { type: "string", default: "" } },
});
const minutes = Number(values.minutes);
const seed = values.seed === "" ? Date.now() % 1_000_000_000 : Number(values.seed);
if (!(minutes > 0 && minutes <= 1440) || !Number.isSafeInteger(seed)) {
  process.stderr.write("torture: --minutes takes a number up to 1440, --seed a whole number\n");
  process.exitCode = 2;
} else {
  process.stdout.write(`seed ${seed}, ${minutes} minutes\n`);
  await using postgres = await throwawayPostgres();
  const report = await torture({
    postgres,
    seconds: minutes * 60,
    seed,
    tell: (line) => process.stderr.write(`${new Date().toISOString()} ${line}\n`),
  });
  for (const [title, counts] of Object.entries({
    "went wrong on purpose": report.disturbances,
    writes: report.writes,
    answers: report.answers,
  })) {
    process.stdout.write(`\n${title}\n`);
    for (const [name, times] of Object.entries(counts).toSorted(([a], [b]) => a.localeCompare(b))) {
      process.stdout.write(`  ${String(times).padStart(8)}  ${name}\n`);
    }
  }
  process.stdout.write(`\n  ${String(report.told).padStart(8)}  events were told to watchers\n`);
  process.stdout.write(`\n${report.violations.length} violations\n`);
  for (const violation of report.violations) process.stdout.write(`  ${violation}\n`);
  if (report.violations.length > 0) process.exitCode = 1;
}
