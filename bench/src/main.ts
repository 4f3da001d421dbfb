// `npm run bench [-- [NAME...] [--openfga HOST:PORT] [--spicedb HOST:PORT]]`: ours and a reference, side by side in one
// run. What counts is the ratio: the machine may be slow or busy, but it is so for both.

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Arguments, readArguments } from "./arguments.ts";
import { capacity, type Figure } from "./capacity.ts";
import { cerbos, cerbosBatch } from "./cerbos.ts";
import { batch, checkMemory, checkMemoryLatency, checkRedis } from "./check.ts";
import { cold } from "./cold.ts";
import { growth } from "./growth.ts";
import { importMany } from "./import.ts";
import { library } from "./library/library.ts";
import { list } from "./list.ts";
import { memory } from "./memory.ts";
import { comparedWith } from "./relations/compared-with.ts";
import { openOpenFga } from "./relations/openfga.ts";
import { openSpiceDb } from "./relations/spicedb.ts";
import { revoke } from "./revoke.ts";
import type { Row } from "./row.ts";
import { sidecar } from "./sidecar.ts";
import { sidecarFootprint } from "./sidecar-footprint.ts";
import { start } from "./start.ts";
import { stream } from "./stream.ts";
import { write, writeToMany } from "./write.ts";

type Tell = (line: string) => void;

const benchmarks: Readonly<Record<string, (tell: Tell) => Promise<Row[]>>> = {
  "check-memory": checkMemory,
  "check-memory-latency": checkMemoryLatency,
  "check-redis": checkRedis,
  batch,
  stream,
  cold,
  write,
  "write-100": writeToMany,
  revoke,
  memory,
  list,
  growth,
  import: importMany,
  start,
  sidecar,
  "sidecar-footprint": sidecarFootprint,
  cerbos,
  "cerbos-batch": cerbosBatch,
  library,
};

/** What somebody has started, and is compared when it is said where it listens. */
const elsewhere: Readonly<Record<string, (tell: Tell, address: string) => Promise<Row[]>>> = {
  openfga: (tell, address) => comparedWith("openfga", openOpenFga, address, tell),
  spicedb: (tell, address) => comparedWith("spicedb", openSpiceDb, address, tell),
};

/** What is only told, and measured when it is asked for by its name. */
const tellings: Readonly<Record<string, (tell: Tell) => Promise<Figure[]>>> = { capacity };

const asked = asArguments(process.argv.slice(2));
if (asked !== null) await run(asked);

function asArguments(args: readonly string[]): Arguments | null {
  try {
    const here = [...Object.keys(benchmarks), ...Object.keys(tellings)];
    return readArguments(args, here, Object.keys(elsewhere));
  } catch (error) {
    process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
    return null;
  }
}

async function run({ names, addresses }: Arguments): Promise<void> {
  const rows: Row[] = [];
  const all = [...Object.keys(benchmarks), ...Object.keys(addresses)];
  for (const name of names.length > 0 ? names : all) {
    const tell = (line: string) => void process.stderr.write(`${name}: ${line}\n`);
    const address = addresses[name];
    const measured =
      address === undefined ? await benchmarks[name]?.(tell) : await elsewhere[name]?.(tell, address);
    for (const row of measured ?? []) {
      rows.push(row);
      for (const note of row.notes) tell(note);
      keep(row);
    }
    for (const { what, value, unit } of (await tellings[name]?.(tell)) ?? []) {
      process.stdout.write(`${name}: ${what}: ${value.toPrecision(3)} ${unit}\n`);
    }
  }
  if (rows.length > 0) process.stdout.write(`\n${table(rows)}\n`);
}

/** Rows that are not measured in this run stay as they were. */
function keep({ name, ours, reference, ratio, ratios }: Row): void {
  const file = fileURLToPath(new URL("../results.json", import.meta.url));
  const before: unknown = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {};
  const results = { ...(before as Record<string, unknown>), [name]: { ours, reference, ratio, ratios } };
  writeFileSync(file, `${JSON.stringify(results, null, 2)}\n`);
}

function table(rows: readonly Row[]): string {
  const head = ["name", "ours", "reference", "", "ratio", "of single rounds", "wanted", ""];
  const lines = rows.map(({ name, ours, reference, unit, ratio, ratios, bound }) => [
    name,
    shown(ours),
    shown(reference),
    unit,
    ratio.toFixed(2),
    `${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}`,
    `${bound.is} ${bound.value}`,
    (bound.is === "at least" ? ratio >= bound.value : ratio <= bound.value) ? "" : "NOT REACHED",
  ]);
  const widths = head.map((title, column) =>
    Math.max(title.length, ...lines.map((line) => line[column]?.length ?? 0)),
  );
  return [head, ...lines]
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

function shown(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString("en") : value.toPrecision(3);
}
