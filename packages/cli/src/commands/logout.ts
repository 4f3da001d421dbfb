import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { forgetAccount } from "../account.ts";
import type { Cli } from "../cli.ts";

export function addLogout(program: CommandUnknownOpts, cli: Cli): void {
  program
    .command("logout")
    .description("Forget the key that login kept; it goes on to be good")
    .action(async () => {
      const wasThere = await forgetAccount(cli.surroundings.environment);
      cli.show({ logged_out: wasThere }, () => (wasThere ? "logged out" : "nobody was logged in"));
    });
}
