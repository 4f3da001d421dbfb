import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import type { z } from "zod";
import type { Cli } from "../cli.ts";
import { allObjects } from "../pages.ts";
import { repeated } from "../repeated.ts";
import { apiKey, secret } from "../shapes.ts";
import {
  addDelete,
  addRotate,
  addShow,
  type CredentialKind,
  rowOf,
  scopeHelp,
  scopeOf,
  showSecret,
} from "./credentials.ts";

const kind: CredentialKind<z.infer<typeof apiKey>> = {
  noun: "key",
  path: "/v1/api_key",
  rotationPath: "/v1/access/api-keys",
  shape: apiKey,
  made: apiKey.extend(secret),
  heads: ["NAME", "ID", "KEY", "EXPIRES", "LAST USED", "WHOSE"],
  whose: (one) => one.user_email,
};

export function addApiKeys(program: CommandUnknownOpts, cli: Cli): void {
  const keys = program.command("api-keys").description("API keys of people").helpCommand(false);

  keys
    .command("list")
    .description("List one's own keys")
    .option("--all", "everybody's, for Owners")
    .action(async ({ all }) => {
      const rest = await cli.rest();
      const query = all ? { scope: "organization" } : {};
      const objects = await allObjects(rest, kind.shape, kind.path, { query });
      cli.showTable({ objects }, kind.heads, () => objects.map((one) => rowOf(kind, one)));
    });

  addShow(keys, cli, kind);

  keys
    .command("create")
    .description("Create a key for oneself, and show its secret this once")
    .argument("<name>", "what it is for")
    .option("--expires-at <time>", scopeHelp.expiresAt)
    .option("--scope-permission <permission>", scopeHelp.permission, repeated)
    .option("--scope-type <type>", scopeHelp.type, repeated)
    .option("--scope-under <object>", scopeHelp.under, repeated)
    .action(async (name, options) => {
      const rest = await cli.rest();
      const scope = await scopeOf(rest, options);
      const content = { name, expires_at: options.expiresAt, scope };
      showSecret((await rest.send(kind.made, "POST", kind.path, content)).body, cli);
    });

  addRotate(keys, cli, kind, "Make a key in place of one of one's own, which goes on for a while");
  addDelete(keys, cli, kind);
}
