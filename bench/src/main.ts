// `npm run bench [-- NAME]`: ours and a reference, side by side in one run. What counts is the ratio: the machine may be
// slow or busy, but it is so for both.

import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { capacity, type Figure } from "./capacity.ts";
import { checkMemory } from "./check-memory.ts";
import type { Comparison } from "./compare.ts";
import type { Round } from "./load.ts";
import { type Measured, sidecarFootprint } from "./sidecar-footprint.ts";

const benchmarks: Readonly<Record<string, (tell: (line: string) => void) => Promise<Comparison>>> = {
  "check-memory": checkMemory,
};

/** What is measured against a limit that was set, and not against a reference. */
const measurements: Readonly<Record<string, (tell: (line: string) => void) => Promise<Measured[]>>> = {
  "sidecar-footprint": sidecarFootprint,
};

/** What is only told, and measured when it is asked for by its name. */
const tellings: Readonly<Record<string, (tell: (line: string) => void) => Promise<Figure[]>>> = { capacity };

const usual = [...Object.keys(benchmarks), ...Object.keys(measurements)];
const known = [...usual, ...Object.keys(tellings)];
const names = process.argv.slice(2);
const unknown = names.find((name) => !known.includes(name));
if (unknown === undefined) await run(names.length > 0 ? names : usual);
else {
  process.stderr.write(`bench: there is no \`${unknown}\`; there are: ${known.join(", ")}\n`);
  process.exitCode = 1;
}

async function run(chosen: readonly string[]): Promise<void> {
  const results: Record<string, unknown> = {};
  for (const name of chosen) {
    const tell = (line: string) => void process.stderr.write(`${name}: ${line}\n`);
    const benchmark = benchmarks[name];
    if (benchmark !== undefined) {
      const comparison = await benchmark(tell);
      print(name, comparison);
      const { ours, reference, ratio, ratios } = comparison;
      results[name] = { ours: ours.callsPerSecond, reference: reference.callsPerSecond, ratio, ratios };
    }
    for (const { what, value, limit, unit } of (await measurements[name]?.(tell)) ?? []) {
      process.stdout.write(`${name}: ${what} ${value.toFixed(0)} ${unit}, limit ${limit}\n`);
      results[`${name}: ${what}`] = { ours: value, reference: limit, ratio: value / limit };
    }
    for (const { what, value, unit } of (await tellings[name]?.(tell)) ?? []) {
      process.stdout.write(`${name}: ${what}: ${value.toPrecision(3)} ${unit}\n`);
    }
  }
  if (Object.keys(results).length === 0) return;
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
