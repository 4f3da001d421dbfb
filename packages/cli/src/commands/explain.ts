import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import type { Cli } from "../cli.ts";
import { exitCodes } from "../exit-code.ts";
import { explanation, explanationText } from "../explanation.ts";
import { objectHelp, permissionArgument, readQuestion, whoHelp } from "../question.ts";

export function addExplain(program: CommandUnknownOpts, cli: Cli): void {
  program
    .command("explain")
    .description("Why may somebody do something, or what is missing? Ends as check does")
    .argument("<who>", whoHelp)
    .addArgument(permissionArgument())
    .argument("<object>", `${objectHelp}; for create, TYPE@OBJECT: what would be made, and where`)
    .option("--fully-consistent", "as of now, whatever it costs")
    .option("--at-least-as-fresh <revision>", "no older than a write: its x-portcullis-revision")
    .action(async (who, permission, what, options) => {
      const rest = await cli.rest();
      const question = await readQuestion(rest, { who, permission, what }, options);
      const { body } = await rest.send(explanation, "POST", "/v1/access/explain", question);
      cli.show(body, () => explanationText(body, permission, cli.paint));
      cli.end(body.allowed ? exitCodes.ok : exitCodes.no);
    });
}
