import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { clean } from "../clean.ts";
import type { Cli } from "../cli.ts";
import { allObjects } from "../pages.ts";
import { repeated } from "../repeated.ts";
import { apiKey, secret } from "../shapes.ts";
import { credentialId, readSeconds, rowOf, scopeHelp, scopeOf, showSecret } from "./credentials.ts";

const heads = ["NAME", "ID", "KEY", "EXPIRES", "LAST USED", "WHOSE"] as const;

export function addApiKeys(program: CommandUnknownOpts, cli: Cli): void {
  const keys = program.command("api-keys").description("API keys of people").helpCommand(false);

  keys
    .command("list")
    .description("List one's own keys")
    .option("--all", "everybody's, for Owners")
    .action(async ({ all }) => {
      const rest = await cli.rest();
      const query = all ? { scope: "organization" } : {};
      const objects = await allObjects(rest, apiKey, "/v1/api_key", { query });
      cli.showTable({ objects }, heads, () => objects.map((one) => [...rowOf(one), one.user_email]));
    });

  keys
    .command("show")
    .description("Show a key, without its secret")
    .argument("<id>", "its id")
    .action(async (id) => {
      const rest = await cli.rest();
      const body = await rest.get(apiKey, `/v1/api_key/${credentialId(id)}`);
      cli.showTable(body, heads, () => [[...rowOf(body), body.user_email]]);
    });

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
      showSecret((await rest.send(apiKey.extend(secret), "POST", "/v1/api_key", content)).body, cli);
    });

  keys
    .command("rotate")
    .description("Make a key in place of one of one's own, which goes on for a while")
    .argument("<id>", "its id")
    .option("--overlap <seconds>", scopeHelp.overlap)
    .action(async (id, { overlap }) => {
      const rest = await cli.rest();
      const path = `/v1/access/api-keys/${credentialId(id)}/rotate`;
      const content = {
        overlap_seconds: overlap === undefined ? undefined : readSeconds(overlap, "--overlap"),
      };
      showSecret((await rest.send(apiKey.extend(secret), "POST", path, content)).body, cli);
    });

  keys
    .command("delete")
    .description("Revoke a key: it stops working within seconds")
    .argument("<id>", "its id")
    .action(async (given) => {
      const rest = await cli.rest();
      const path = `/v1/api_key/${credentialId(given)}`;
      const { name } = await rest.get(apiKey, path);
      await cli.confirm(`Revoke the key ${name}?`);
      const { body } = await rest.send(apiKey, "DELETE", path);
      cli.show(body, () => clean(`revoked ${body.name}`));
    });
}
