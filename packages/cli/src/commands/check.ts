import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { z } from "zod";
import type { Cli } from "../cli.ts";
import { exitCodes } from "../exit-code.ts";
import { objectHelp, permissionArgument, readQuestion, whoHelp } from "../question.ts";

const checked = z.looseObject({ allowed: z.boolean() });

export function addCheck(program: CommandUnknownOpts, cli: Cli): void {
  program
    .command("check")
    .description("May somebody do something? Ends with 0 for yes and 1 for no")
    .argument("<who>", whoHelp)
    .addArgument(permissionArgument())
    .argument("<object>", `${objectHelp}; for create, TYPE@OBJECT: what would be made, and where`)
    .option("--fully-consistent", "as of now, whatever it costs")
    .option("--at-least-as-fresh <revision>", "no older than a write: its x-portcullis-revision")
    .action(async (who, permission, what, options) => {
      const rest = await cli.rest();
      const question = await readQuestion(rest, { who, permission, what }, options);
      const { body } = await rest.send(checked, "POST", "/v1/access/check", question);
      cli.show(body, () => (body.allowed ? cli.paint("green", "allowed") : cli.paint("red", "denied")));
      cli.end(body.allowed ? exitCodes.ok : exitCodes.no);
    });
}
