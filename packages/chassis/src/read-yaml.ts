import { isMap, parseDocument } from "yaml";
import type { z } from "zod";
import { invalid } from "./fault.ts";
import { readShape } from "./read-shape.ts";

/** Reads a file that people wrote, in YAML or JSON, or throws the one error that names its line or field. */
export function readYaml<T>(schema: z.ZodType<T>, given: string, name: string): T {
  const document = parseDocument(given, { prettyErrors: false });
  const [error] = document.errors;
  if (error !== undefined) {
    const line = given.slice(0, error.pos[0]).split("\n").length;
    throw invalid(name, `line ${line}: ${error.message}`);
  }
  if (!isMap(document.contents)) throw invalid(name, "must be a mapping");
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 100 });
  } catch {
    throw invalid(name, "has an alias that stands for nothing, or for too much");
  }
  return readShape(schema, value, name);
}
