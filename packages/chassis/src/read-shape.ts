import type { z } from "zod";
import { invalid } from "./fault.ts";
import { pathText } from "./fields.ts";

/** Reads what somebody wrote, or throws the one error that names the field and what is wrong with it. */
export function readShape<T>(schema: z.ZodType<T>, value: unknown, whole: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  if (issue === undefined) throw invalid(whole, "is wrong");
  const field = pathText(issue.path);
  if (issue.code === "unrecognized_keys") {
    throw invalid([...(field === "" ? [] : [field]), issue.keys[0]].join("."), "is no known key");
  }
  throw invalid(field === "" ? whole : field, reasonOf(issue));
}

function reasonOf(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case "invalid_type":
      return `must be ${nouns[issue.expected] ?? issue.expected}`;
    case "invalid_value":
      return `must be one of ${issue.values.map(String).join(", ")}`;
    case "invalid_key":
      return issue.issues[0]?.message ?? issue.message;
    default:
      return issue.message;
  }
}

const nouns: Readonly<Record<string, string>> = {
  string: "a text",
  number: "a number",
  boolean: "true or false",
  array: "a list (an empty one is [])",
  object: "a mapping",
  record: "a mapping",
};
