import { text as readAll } from "node:stream/consumers";
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import password from "@inquirer/password";
import { keepAccount, readAdminUrl, readAdminUrlAlone, readKey } from "../account.ts";
import { clean } from "../clean.ts";
import type { Cli } from "../cli.ts";
import { whoAmI } from "../lookup.ts";
import { personText } from "../names.ts";

const bytesMax = 1000;

export function addLogin(program: CommandUnknownOpts, cli: Cli): void {
  program
    .command("login")
    .description("Keep a key for what comes; it is asked for, or read from standard input")
    .option("--url <address>", "where admin is; PORTCULLIS_ADMIN_URL, or this machine, when left out")
    .action(async ({ url }) => {
      const { environment, stdin, stderr } = cli.surroundings;
      const adminUrl = url === undefined ? await readAdminUrlAlone(environment) : readAdminUrl(url, "--url");
      // Never as an argument: others see those.
      const given =
        stdin.isTTY === true
          ? await password(
              { message: `API key for ${adminUrl}`, toggleMask: false },
              { input: stdin, output: stderr },
            )
          : (await readAll(stdin)).slice(0, bytesMax);
      const key = readKey(given, "API key");
      const rest = await cli.restAs({ adminUrl, key });
      const who = await whoAmI(rest);
      const file = await keepAccount(environment, { adminUrl, key });
      const organization = who.organizations[0]?.name ?? "";
      cli.show({ admin_url: adminUrl, principal_id: who.id, organization, file }, () =>
        clean(`logged in to ${organization} as ${personText(who)}`),
      );
    });
}
