import Table from "cli-table3";
import { clean } from "./clean.ts";
import type { Paint } from "./paint.ts";

const noLines = Object.fromEntries(
  [
    "top",
    "top-mid",
    "top-left",
    "top-right",
    "bottom",
    "bottom-mid",
    "bottom-left",
    "bottom-right",
    "left",
    "left-mid",
    "mid",
    "mid-mid",
    "right",
    "right-mid",
  ].map((name) => [name, ""]),
);

/** Rows under their heads, in columns. */
export function tableText(
  heads: readonly string[],
  rows: readonly (readonly (string | null)[])[],
  paint: Paint,
): string {
  const table = new Table({
    head: heads.map((head) => paint("bold", head)),
    chars: { ...noLines, middle: "  " },
    // Colours are ours to choose: the library's own would come out of a pipe too.
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0 },
  });
  for (const row of rows) table.push(row.map((cell) => clean(cell ?? "")));
  return withoutTrailingBlanks(table.toString());
}

/** A single thing: its fields below each other. */
export function fieldsText(fields: Readonly<Record<string, string | null>>, paint: Paint): string {
  const width = Math.max(...Object.keys(fields).map((name) => name.length));
  return Object.entries(fields)
    .map(([name, value]) => `${paint("bold", name.padEnd(width))}  ${clean(value ?? "-")}`)
    .join("\n");
}

function withoutTrailingBlanks(text: string): string {
  return text
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n");
}
