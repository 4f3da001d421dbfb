import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { clean } from "../clean.ts";
import type { Cli } from "../cli.ts";
import { principalId } from "../lookup.ts";
import { allObjects } from "../pages.ts";
import { whoHelp } from "../question.ts";
import { repeated } from "../repeated.ts";
import { secret, serviceToken } from "../shapes.ts";
import { credentialId, readSeconds, rowOf, scopeHelp, scopeOf, showSecret } from "./credentials.ts";

const heads = ["NAME", "ID", "TOKEN", "EXPIRES", "LAST USED", "SERVICE ACCOUNT"] as const;

export function addServiceTokens(program: CommandUnknownOpts, cli: Cli): void {
  const tokens = program
    .command("service-tokens")
    .description("Tokens of service accounts, for Owners")
    .helpCommand(false);

  tokens
    .command("list")
    .description("List tokens")
    .action(async () => {
      const rest = await cli.rest();
      const objects = await allObjects(rest, serviceToken, "/v1/service_token");
      cli.showTable({ objects }, heads, () =>
        objects.map((one) => [...rowOf(one), one.service_account_name]),
      );
    });

  tokens
    .command("show")
    .description("Show a token, without its secret")
    .argument("<id>", "its id")
    .action(async (id) => {
      const rest = await cli.rest();
      const body = await rest.get(serviceToken, `/v1/service_token/${credentialId(id)}`);
      cli.showTable(body, heads, () => [[...rowOf(body), body.service_account_name]]);
    });

  tokens
    .command("create")
    .description("Create a token, and show its secret this once")
    .argument("<name>", "what it is for")
    .requiredOption("--for <account>", `a service account: ${whoHelp}`)
    .option("--expires-at <time>", scopeHelp.expiresAt)
    .option("--scope-permission <permission>", scopeHelp.permission, repeated)
    .option("--scope-type <type>", scopeHelp.type, repeated)
    .option("--scope-under <object>", scopeHelp.under, repeated)
    .action(async (name, options) => {
      const rest = await cli.rest();
      const content = {
        name,
        service_account_id: await principalId(rest, options.for, "--for"),
        expires_at: options.expiresAt,
        scope: await scopeOf(rest, options),
      };
      const { body } = await rest.send(serviceToken.extend(secret), "POST", "/v1/service_token", content);
      showSecret(body, cli);
    });

  tokens
    .command("rotate")
    .description("Make a token in place of another one, which goes on for a while")
    .argument("<id>", "its id")
    .option("--overlap <seconds>", scopeHelp.overlap)
    .action(async (id, { overlap }) => {
      const rest = await cli.rest();
      const path = `/v1/access/service-tokens/${credentialId(id)}/rotate`;
      const content = {
        overlap_seconds: overlap === undefined ? undefined : readSeconds(overlap, "--overlap"),
      };
      showSecret((await rest.send(serviceToken.extend(secret), "POST", path, content)).body, cli);
    });

  tokens
    .command("delete")
    .description("Revoke a token: it stops working within seconds")
    .argument("<id>", "its id")
    .action(async (given) => {
      const rest = await cli.rest();
      const path = `/v1/service_token/${credentialId(given)}`;
      const { name } = await rest.get(serviceToken, path);
      await cli.confirm(`Revoke the token ${name}?`);
      const { body } = await rest.send(serviceToken, "DELETE", path);
      cli.show(body, () => clean(`revoked ${body.name}`));
    });
}
