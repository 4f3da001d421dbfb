// `npm run bench [-- NAME]`: ours and a reference, side by side in one run. What counts is the ratio: the machine may be
// slow or busy, but it is so for both.

import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { checkMemory } from "./check-memory.ts";
import type { Comparison } from "./compare.ts";
import type { Round } from "./load.ts";

const benchmarks: Readonly<Record<string, (tell: (line: string) => void) => Promise<Comparison>>> = {
  "check-memory": checkMemory,
};

const names = process.argv.slice(2);
const unknown = names.find((name) => !Object.hasOwn(benchmarks, name));
if (unknown === undefined) await run(names.length > 0 ? names : Object.keys(benchmarks));
else {
  process.stderr.write(
    `bench: there is no \`${unknown}\`; there are: ${Object.keys(benchmarks).join(", ")}\n`,
  );
  process.exitCode = 1;
}

async function run(chosen: readonly string[]): Promise<void> {
  const results: Record<string, unknown> = {};
  for (const name of chosen) {
    const benchmark = benchmarks[name];
    if (benchmark === undefined) continue;
    const comparison = await benchmark((line) => process.stderr.write(`${name}: ${line}\n`));
    print(name, comparison);
    const { ours, reference, ratio, ratios } = comparison;
    results[name] = { ours: ours.callsPerSecond, reference: reference.callsPerSecond, ratio, ratios };
  }
  const file = fileURLToPath(new URL("../results.json", import.meta.url));
  writeFileSync(file, `${JSON.stringify(results, null, 2)}\n`);
}

function print(name: string, { ours, reference, ratio, ratios }: Comparison): void {
  const row = (who: string, round: Round): string =>
    [
      who.padEnd(10),
      Math.round(round.callsPerSecond).toString().padStart(9),
      round.p50Ms.toFixed(2).padStart(8),
      round.p99Ms.toFixed(2).padStart(8),
      (round.serverCpuMicros === null ? "-" : round.serverCpuMicros.toFixed(0)).padStart(16),
    ].join("  ");
  const spread = `${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}`;
  process.stdout.write(
    [
      "",
      `${name.padEnd(10)}    calls/s    p50 ms    p99 ms   server CPU us/call`,
      row("ours", ours),
      row("reference", reference),
      `ratio of calls/s ${ratio.toFixed(2)}, in single rounds ${spread}`,
      "",
    ].join("\n"),
  );
}
