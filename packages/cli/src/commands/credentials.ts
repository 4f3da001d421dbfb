// What API keys and service tokens have in common.

import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { invalid } from "@portcullis/chassis/fault";
import type { z } from "zod";
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

function readSeconds(text: string, field: string): number {
  if (!/^\d{1,9}$/.test(text)) throw invalid(field, "must be a whole number of seconds");
  return Number(text);
}

/** Shows a secret this once: under --quiet it stands alone, for a script to catch. */
export function showSecret(body: { readonly key: string; readonly name: string }, cli: Cli): void {
  cli.note(clean(`${body.name}: this is shown once and kept nowhere`));
  cli.show(body, () => body.key);
}

interface Credential {
  readonly name: string;
  readonly id: string;
  readonly preview_name: string;
  readonly expires_at: string | null;
  readonly last_used_at: string | null;
}

/** One of the two kinds, and how it is spoken of. */
export interface CredentialKind<Shown extends Credential> {
  readonly noun: "key" | "token";
  readonly path: string;
  readonly rotationPath: string;
  readonly shape: z.ZodType<Shown>;
  /** With its secret. */
  readonly made: z.ZodType<Shown & { readonly key: string }>;
  readonly heads: readonly string[];
  /** In the last column. */
  readonly whose: (one: Shown) => string | null;
}

export function rowOf<Shown extends Credential>(
  { whose }: CredentialKind<Shown>,
  one: Shown,
): readonly (string | null)[] {
  return [one.name, one.id, one.preview_name, one.expires_at, one.last_used_at, whose(one)];
}

export function addShow<Shown extends Credential>(
  commands: CommandUnknownOpts,
  cli: Cli,
  kind: CredentialKind<Shown>,
): void {
  commands
    .command("show")
    .description(`Show a ${kind.noun}, without its secret`)
    .argument("<id>", "its id")
    .action(async (id) => {
      const rest = await cli.rest();
      const body = await rest.get(kind.shape, `${kind.path}/${credentialId(id)}`);
      cli.showTable(body, kind.heads, () => [rowOf(kind, body)]);
    });
}

export function addRotate<Shown extends Credential>(
  commands: CommandUnknownOpts,
  cli: Cli,
  kind: CredentialKind<Shown>,
  description: string,
): void {
  commands
    .command("rotate")
    .description(description)
    .argument("<id>", "its id")
    .option("--overlap <seconds>", scopeHelp.overlap)
    .action(async (id, { overlap }) => {
      const rest = await cli.rest();
      const path = `${kind.rotationPath}/${credentialId(id)}/rotate`;
      const content = {
        overlap_seconds: overlap === undefined ? undefined : readSeconds(overlap, "--overlap"),
      };
      showSecret((await rest.send(kind.made, "POST", path, content)).body, cli);
    });
}

export function addDelete<Shown extends Credential>(
  commands: CommandUnknownOpts,
  cli: Cli,
  kind: CredentialKind<Shown>,
): void {
  commands
    .command("delete")
    .description(`Revoke a ${kind.noun}: it stops working within seconds`)
    .argument("<id>", "its id")
    .action(async (given) => {
      const rest = await cli.rest();
      const path = `${kind.path}/${credentialId(given)}`;
      const { name } = await rest.get(kind.shape, path);
      await cli.confirm(`Revoke the ${kind.noun} ${name}?`);
      const { body } = await rest.send(kind.shape, "DELETE", path);
      cli.show(body, () => clean(`revoked ${body.name}`));
    });
}

/** Names of keys need not be unique, so keys are named by their ids. */
function credentialId(given: string): string {
  if (isId(given)) return given.toLowerCase();
  throw invalid("ID", "must be an id, as list tells them");
}
