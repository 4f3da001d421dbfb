// From the bytes of a body to a value, as the standard has it: I-JSON, in which every reader sees the same.

import { invalid } from "@portcullis/chassis/fault";
import { jsonDepth } from "@portcullis/chassis/json-depth";
import { visit } from "jsonc-parser";

const depthMax = 32;

/** Throws the one error that says what is wrong: no JSON, a key that comes twice, half a character, or too deep. */
export function parseJson(bytes: Buffer): unknown {
  let text: string;
  let value: unknown;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw invalid("body", "must be JSON");
  }
  // First, as whoever reads it recurses.
  if (jsonDepth(text) > depthMax) throw invalid("body", `is nested deeper than ${depthMax} levels`);
  try {
    value = JSON.parse(text);
  } catch {
    throw invalid("body", "must be JSON");
  }
  const problem = problemOf(text);
  if (problem !== null) throw invalid("body", problem);
  return value;
}

/** What is wrong with a text that is JSON. */
function problemOf(text: string): string | null {
  const objects: Set<string>[] = [];
  let problem: string | null = null;
  visit(text, {
    onObjectBegin: () => void objects.push(new Set()),
    onObjectProperty(key) {
      const known = objects.at(-1);
      if (known?.has(key)) problem ??= `has the key ${JSON.stringify(key)} twice in one object`;
      if (!key.isWellFormed() || key === "__proto__") problem ??= "has a key that is no text";
      known?.add(key);
    },
    onObjectEnd: () => void objects.pop(),
    onLiteralValue(value) {
      if (typeof value === "string" && !value.isWellFormed()) problem ??= "has a string that is no text";
    },
  });
  return problem;
}
