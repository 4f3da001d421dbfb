import { writeFile } from "node:fs/promises";
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { invalid } from "@portcullis/chassis/fault";
import { isNone } from "../access/difference.ts";
import { checkDrift, makePlan, readSource } from "../access/plan.ts";
import { driftText, planText, shownPlan } from "../access/plan-text.ts";
import { savedPlanText } from "../access/saved-plan.ts";
import type { Cli } from "../cli.ts";
import { exitCodes } from "../exit-code.ts";

export function addPlan(program: CommandUnknownOpts, cli: Cli): void {
  program
    .command("plan")
    .description("What would apply do, and who would gain or lose access? Ends with 1 if there is something")
    .argument("<file>", "a file as export writes it, or a saved plan; - is standard input")
    .option("--prune", "also remove groups, roles and ACLs that are not in the file")
    .option("--accept-drift", "go on though the organization has changed since the file was made")
    .option("-o, --out <plan>", "keep the plan, for apply to do exactly this")
    .action(async (path, { prune, acceptDrift, out }) => {
      const rest = await cli.rest();
      const source = await readSource(path, cli);
      const plan = await makePlan(rest, source, { prune: prune === true, cli });
      const drift = driftText(plan, cli.paint);
      cli.show(shownPlan(plan), () => [drift, planText(plan, cli.paint)].filter(Boolean).join("\n\n"));
      if (acceptDrift !== true) checkDrift(plan);
      if (out !== undefined) {
        const { id } = plan.organization;
        const saved = savedPlanText({
          base: { organization: id, access: plan.organization.access },
          target: { organization: id, access: plan.target },
          prune: plan.prune,
        });
        await writeFile(out, saved).catch((error: NodeJS.ErrnoException) => {
          throw invalid("--out", `can't be written: ${error.code}`);
        });
      }
      cli.end(isNone(plan.difference) ? exitCodes.ok : exitCodes.no);
    });
}
