// The kinds of input that routes are made of, and the one error that a wrong one gives. Explicit null is absent.

import { type Fault, invalid } from "@portcullis/chassis/fault";
import { pathText } from "@portcullis/chassis/fields";
import { objectTypeNames, permissions } from "@portcullis/policy";
import { z } from "zod";

const nameMax = 255;
const descriptionMax = 10_000;
const listMax = 10_000;
export const pageMax = 10_000;

// Tab, line feed and carriage return are text; the other control characters and lone surrogates are not.
export const isCleanText = (text: string) => !/[^\P{Cc}\t\n\r]/u.test(text) && text.isWellFormed();
const uncleanText = "must be well-formed text without control characters";

/** How the API's description shows what its schema alone would not tell. */
const described = z.registry<Readonly<Record<string, unknown>>>();

/** A UUID in either case. */
export const id = z
  .string()
  .toLowerCase()
  .regex(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/, "must be a UUID")
  .register(described, { type: "string", format: "uuid" });

export const name = z.string().min(1).max(nameMax).refine(isCleanText, uncleanText);

export const description = z.string().max(descriptionMax).refine(isCleanText, uncleanText);

/** Text that is only looked for. */
export const anyText = z.string().max(descriptionMax);

export const email = z
  .string()
  .max(320)
  .regex(/^[^\s@]+@[^\s@]+$/, "must be an e-mail address")
  .refine(isCleanText, uncleanText);

export const time = z.iso
  .datetime({ offset: true, error: "must be a time of RFC 3339" })
  .register(described, { type: "string", format: "date-time" });

/** A number of things, at least one. */
export function countUpTo(max: number) {
  return countFrom(1, max);
}

export function countFrom(min: number, max: number) {
  const isOne = (count: number) => Number.isInteger(count) && count >= min && count <= max;
  return z
    .number()
    .refine(isOne, `must be a whole number from ${min} to ${max}`)
    .register(described, { type: "integer", minimum: min, maximum: max });
}

/** The same as a query parameter. */
export function countTextUpTo(max: number) {
  const rule = `must be a whole number from 1 to ${max}`;
  return z
    .string()
    .regex(/^\d{1,9}$/, rule)
    .transform(Number)
    .refine((count) => count >= 1 && count <= max, rule)
    .register(described, { type: "integer", minimum: 1, maximum: max });
}

export const permission = z.enum(permissions);

export const objectType = z.enum(objectTypeNames);

/** A JSON object of the user's own, kept as it is. */
export const jsonObject = z.record(z.string(), z.unknown());

export const tags = z.array(name).max(1000);

export function listOf<T extends z.ZodType>(item: T) {
  return z.array(item).max(listMax);
}

/** A JSON object that is read later, and shown in the API's description as this schema. */
export function jsonObjectLike(schema: Readonly<Record<string, unknown>>) {
  return z.record(z.string(), z.unknown()).register(described, schema);
}

/** May be left out, or null. */
export function maybe<T extends z.ZodType>(schema: T) {
  return schema.nullish().transform((value) => value ?? undefined);
}

/** Several values of one query parameter: repeated, or one text with commas. */
export function several(item: z.ZodType<string, string>) {
  return z
    .union([
      z.string().transform((text) => text.split(",").filter((part) => part !== "")),
      z.array(z.string()),
    ])
    .transform((values) => (values.some((value) => value.includes(",")) ? values.flatMap(splitIds) : values))
    .pipe(z.array(item).max(listMax))
    .default([])
    .register(described, {
      anyOf: [{ type: "array", items: jsonSchemaOf(item, "input"), maxItems: listMax }, { type: "string" }],
    });
}

/** Only ids are split at commas when they are repeated too: a name may hold a comma of its own. */
function splitIds(value: string): string[] {
  return /^[0-9a-fA-F-]+(,[0-9a-fA-F-]+)+$/.test(value) ? value.split(",") : [value];
}

const limit = z
  .string()
  .regex(/^\d{1,9}$/, `must be a whole number from 0 to ${pageMax}`)
  .transform(Number)
  .refine((count) => count <= pageMax, `must be at most ${pageMax}`)
  .register(described, { type: ["integer", "null"], minimum: 0, maximum: pageMax });

/** A number in a query, of any size that can be meant. */
export const wholeNumber = z
  .string()
  .regex(/^-?\d{1,10}$/, "must be a whole number")
  .transform(Number)
  .register(described, { type: "integer" });

/** What every list takes. */
export const listQuery = {
  limit: limit.optional(),
  starting_after: id.optional(),
  ending_before: id.optional(),
  ids: several(id),
  org_name: anyText.optional(),
} as const;

/** A schema in the words of the API's description: what may be sent, or what comes back. */
export function jsonSchemaOf(schema: z.ZodType, io: "input" | "output"): Record<string, unknown> {
  const { $schema: _dialect, ...shown } = z.toJSONSchema(schema, {
    io,
    target: "draft-2020-12",
    unrepresentable: "any",
    override({ zodSchema, jsonSchema }) {
      const told = described.get(zodSchema);
      if (told === undefined) return;
      for (const key of Object.keys(jsonSchema)) delete jsonSchema[key as keyof typeof jsonSchema];
      Object.assign(jsonSchema, told);
    },
  });
  return shown;
}

/** Reads what a client sent, or throws the one error that names the field and what is wrong with it. */
export function read<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value, { reportInput: true });
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw issue === undefined ? invalid("body", "is wrong") : faultOf(issue);
}

/** An empty parameter is an absent one. */
export function withoutEmpty(query: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const given = Object.entries(query).map(([key, value]) => {
    if (!Array.isArray(value)) return [key, value === "" ? undefined : value] as const;
    const values = value.filter((one) => one !== "");
    return [key, values.length > 1 ? values : values[0]] as const;
  });
  return Object.fromEntries(given.filter(([, value]) => value !== undefined));
}

function faultOf(issue: z.core.$ZodIssue): Fault {
  if (issue.code === "invalid_union") {
    const inner = issue.errors.find((issues) => issues[0] !== undefined)?.[0];
    if (inner !== undefined) return faultOf({ ...inner, path: [...issue.path, ...inner.path] });
  }
  const field = pathText(issue.path) || "body";
  if (issue.code === "unrecognized_keys") return extraneous(issue.keys[0] ?? "", issue.path);
  return invalid(field, reasonOf(issue));
}

/** Clients know this text, so it is kept as it is known. */
function extraneous(key: string, path: readonly PropertyKey[]): Fault {
  const shown = key.slice(0, nameMax);
  const place = JSON.stringify(path.map((step) => (typeof step === "symbol" ? String(step) : step)));
  const fault = invalid([...path.map(String), shown].join("."), "");
  return Object.assign(fault, { message: `Extraneous key '${shown}' at path ${place}` });
}

function reasonOf(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case "invalid_type":
      if (issue.input === undefined || issue.input === null) return "is required";
      if (issue.expected === "undefined") return issue.message;
      return `must be ${nouns[issue.expected] ?? issue.expected}`;
    case "invalid_value":
      if (issue.input === undefined || issue.input === null) return "is required";
      return `must be one of ${issue.values.map(String).join(", ")}`;
    case "too_small":
      return "must not be empty";
    case "too_big":
      return Array.isArray(issue.input)
        ? `has ${issue.input.length} entries; at most ${issue.maximum} are allowed`
        : `is ${String(issue.input).length} characters long; at most ${issue.maximum} are allowed`;
    default:
      return issue.message;
  }
}

const nouns: Readonly<Record<string, string>> = {
  string: "a string",
  number: "a number",
  boolean: "true or false",
  array: "a list",
  object: "an object",
  record: "an object",
};
