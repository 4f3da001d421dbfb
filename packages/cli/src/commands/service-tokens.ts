import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import type { z } from "zod";
import type { Cli } from "../cli.ts";
import { principalId } from "../lookup.ts";
import { allObjects } from "../pages.ts";
import { whoHelp } from "../question.ts";
import { repeated } from "../repeated.ts";
import { secret, serviceToken } from "../shapes.ts";
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

const kind: CredentialKind<z.infer<typeof serviceToken>> = {
  noun: "token",
  path: "/v1/service_token",
  rotationPath: "/v1/access/service-tokens",
  shape: serviceToken,
  made: serviceToken.extend(secret),
  heads: ["NAME", "ID", "TOKEN", "EXPIRES", "LAST USED", "SERVICE ACCOUNT"],
  whose: (one) => one.service_account_name,
};

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
      const objects = await allObjects(rest, kind.shape, kind.path);
      cli.showTable({ objects }, kind.heads, () => objects.map((one) => rowOf(kind, one)));
    });

  addShow(tokens, cli, kind);

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
      const { body } = await rest.send(kind.made, "POST", kind.path, content);
      showSecret(body, cli);
    });

  addRotate(tokens, cli, kind, "Make a token in place of another one, which goes on for a while");
  addDelete(tokens, cli, kind);
}
