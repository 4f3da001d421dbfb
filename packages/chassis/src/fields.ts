// Reading the fields of a request: each function answers the value, or throws the one error that names the field.

import { invalid } from "./fault.ts";

const lowerCaseUuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export function isUuid(value: string): boolean {
  return value.length === 36 && lowerCaseUuid.test(value);
}

export function uuid<Id extends string>(value: string, field: string): Id {
  if (!isUuid(value)) throw invalid(field, value === "" ? "is required" : "must be a lower-case UUID");
  return value as Id;
}

export function uuids<Id extends string>(values: readonly string[], field: string, limit: number): Id[] {
  return list(values, field, limit).map((value, index) => uuid<Id>(value, `${field}[${index}]`));
}

/** At most `limit` entries. */
export function list<T>(values: readonly T[], field: string, limit: number): readonly T[] {
  if (values.length > limit)
    throw invalid(field, `has ${values.length} entries; at most ${limit} are allowed`);
  return values;
}

/** Not empty, not longer than `limit` characters, and free of control characters. */
export function text(value: string, field: string, limit: number): string {
  if (value === "") throw invalid(field, "must not be empty");
  return optionalText(value, field, limit);
}

/** Like {@link text}, but may be empty. */
export function optionalText(value: string, field: string, limit: number): string {
  if (value.length > limit)
    throw invalid(field, `is ${value.length} characters long; at most ${limit} are allowed`);
  if (hasControlCharacter(value)) throw invalid(field, "must not contain control characters");
  if (!value.isWellFormed()) throw invalid(field, "must be well-formed Unicode");
  return value;
}

/** How many are wanted: from 1 to `max`. */
export function limitOf(value: number, field: string, max: number): number {
  if (value < 1 || value > max) throw invalid(field, `must be from 1 to ${max}`);
  return value;
}

/** One of a closed set of words. */
export function word<Word extends string>(value: string, field: string, words: readonly Word[]): Word {
  const found = words.find((candidate) => candidate === value);
  if (found === undefined)
    throw invalid(field, value === "" ? "is required" : `must be one of ${words.join(", ")}`);
  return found;
}

/** A message field that must be there. */
export function present<T>(value: T | undefined, field: string): T {
  if (value === undefined) throw invalid(field, "is required");
  return value;
}

/** The text of a JSON object of at most `limit` bytes; an empty text is an empty object. */
export function jsonObject(value: string, field: string, limit: number): Record<string, unknown> {
  if (value === "") return {};
  if (Buffer.byteLength(value) > limit) throw invalid(field, `is larger than ${limit} bytes`);
  let parsed: unknown;
  try {
    parsed = JSON.parse(value);
  } catch {
    throw invalid(field, "must be JSON");
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
    throw invalid(field, "must be a JSON object");
  }
  return parsed as Record<string, unknown>;
}

function hasControlCharacter(value: string): boolean {
  for (let index = 0; index < value.length; index++) {
    const code = value.charCodeAt(index);
    if ((code < 0x20 && code !== 0x09 && code !== 0x0a && code !== 0x0d) || code === 0x7f) return true;
  }
  return false;
}

/** Where a field stands in what was given, as `checks[2].permission`; empty: it is the whole. */
export function pathText(path: readonly PropertyKey[]): string {
  let text = "";
  for (const step of path) {
    if (typeof step === "number") text += `[${step}]`;
    else text += text === "" ? String(step) : `.${String(step)}`;
  }
  return text;
}
