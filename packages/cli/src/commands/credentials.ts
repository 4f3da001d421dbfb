// What API keys and service tokens have in common.

import { invalid } from "@portcullis/chassis/fault";
import { clean } from "../clean.ts";
import type { Cli } from "../cli.ts";
import { findObject, isId, readObjectType } from "../lookup.ts";
import { readPermission } from "../question.ts";
import { eachOf } from "../repeated.ts";
import type { Rest } from "../rest.ts";

export const scopeHelp = {
  permission: "narrow it to this permission; may be repeated",
  type: "narrow it to objects of this type; may be repeated",
  under: "narrow it to what is at or below this object; may be repeated",
  expiresAt: "until when it is good: 2030-01-31T12:00:00Z",
  overlap: "how long the old one goes on; a day when left out",
} as const;

export interface Narrowing {
  readonly scopePermission?: readonly string[] | undefined;
  readonly scopeType?: readonly string[] | undefined;
  readonly scopeUnder?: readonly string[] | undefined;
}

/** The scope that options ask for; undefined: none. */
export async function scopeOf(rest: Rest, given: Narrowing) {
  const permissions = await eachOf(given.scopePermission, async (one) =>
    readPermission(one, "--scope-permission"),
  );
  const types = await eachOf(given.scopeType, async (one) => readObjectType(one, "--scope-type"));
  const objects = await eachOf(given.scopeUnder, (one) => findObject(rest, one, "--scope-under"));
  if (permissions === undefined && types === undefined && objects === undefined) return undefined;
  return { permissions, object_types: types, objects };
}

export function readSeconds(text: string, field: string): number {
  if (!/^\d{1,9}$/.test(text)) throw invalid(field, "must be a whole number of seconds");
  return Number(text);
}

/** Shows a secret this once: under --quiet it stands alone, for a script to catch. */
export function showSecret(body: { readonly key: string; readonly name: string }, cli: Cli): void {
  cli.note(clean(`${body.name}: this is shown once and kept nowhere`));
  cli.show(body, () => body.key);
}

export function rowOf(one: {
  readonly name: string;
  readonly id: string;
  readonly preview_name: string;
  readonly expires_at: string | null;
  readonly last_used_at: string | null;
}): readonly (string | null)[] {
  return [one.name, one.id, one.preview_name, one.expires_at, one.last_used_at];
}

/** Names of keys need not be unique, so keys are named by their ids. */
export function credentialId(given: string): string {
  if (isId(given)) return given.toLowerCase();
  throw invalid("ID", "must be an id, as list tells them");
}
