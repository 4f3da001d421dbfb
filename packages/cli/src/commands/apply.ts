import { writeFile } from "node:fs/promises";
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { Fault } from "@portcullis/chassis/fault";
import { type Access, isSameAccess } from "../access/atom.ts";
import { baseText } from "../access/base.ts";
import { isCreatorsGrant } from "../access/drift.ts";
import { madeAgainst } from "../access/file.ts";
import { labelsOf } from "../access/labels.ts";
import { type Organization, readOrganization } from "../access/organization.ts";
import { checkPlan, makePlan, type Plan, readSource, type Source } from "../access/plan.ts";
import { driftText, planText, shownPlan } from "../access/plan-text.ts";
import { checkRights } from "../access/rights.ts";
import { type Step, stepsBetween } from "../access/step.ts";
import { openWriter, stepText } from "../access/write.ts";
import { clean } from "../clean.ts";
import type { Cli } from "../cli.ts";
import type { Rest } from "../rest.ts";

export function addApply(program: CommandUnknownOpts, cli: Cli): void {
  program
    .command("apply")
    .description("Bring groups, roles and ACLs to what a file or a saved plan says")
    .argument("<file>", "a file as export writes it, or a saved plan; - is standard input")
    .option("--prune", "also remove groups, roles and ACLs that are not in the file")
    .option("--accept-drift", "go on though the organization has changed since the file was made")
    .option("--without-simulation", "go on though there are too many changes to simulate")
    .action(async (path, options) => {
      const rest = await cli.rest();
      const source = await readSource(path, cli);
      const plan = await makePlan(rest, source, { prune: options.prune === true, cli });
      const drift = driftText(plan, cli.paint);
      if (drift !== "") cli.warn(`${drift}\n`);
      cli.note(`${planText(plan, cli.paint)}\n`);
      checkPlan(plan, options);
      await checkRights(rest, plan.steps, plan.organization, labelsOf(plan.organization, plan.paths));
      const done: string[] = [];
      if (plan.steps.length > 0) {
        await cli.confirm(`Apply this to ${plan.organization.name}?`);
        await write(rest, plan, cli, (text) => done.push(text));
      }
      const after = await settle(rest, plan, cli, (text) => done.push(text));
      await remember(source, plan.organization.id, after);
      cli.show({ ...shownPlan(plan), done }, () => (done.length === 0 ? "nothing to do" : done.join("\n")));
    });
}

/** Does it, if all still is as it was when the plan was looked at. */
async function write(rest: Rest, plan: Plan, cli: Cli, tell: (text: string) => unknown): Promise<void> {
  const now = await readOrganization(rest, cli.progress);
  if (!isSameAccess(now.access, plan.organization.access)) {
    throw new Fault(
      "conflict",
      "the organization has changed while you looked at the plan: nothing was done",
    );
  }
  await writeAll(rest, plan.steps, now, cli, tell);
}

async function writeAll(
  rest: Rest,
  steps: readonly Step[],
  organization: Organization,
  cli: Cli,
  tell: (text: string) => unknown,
): Promise<void> {
  const writer = await openWriter(rest, steps, organization);
  using progress = cli.progress("applying");
  progress.expect(steps.length);
  let count = 0;
  for (const step of steps) {
    try {
      await writer.write(step);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      const sofar = `${count} of ${steps.length} writes were done; the same command again does the rest`;
      throw new Fault(error.kind, `${clean(stepText(step))}: not done: ${error.message} (${sofar})`, {
        cause: error,
      });
    }
    tell(clean(stepText(step)));
    count += 1;
    progress.advance();
  }
}

/**
 * With --prune takes away what the system granted to whoever made something. Answers what we have made of it all, which is
 * without what others have changed meanwhile.
 */
async function settle(rest: Rest, plan: Plan, cli: Cli, tell: (text: string) => unknown): Promise<Access> {
  if (plan.steps.length === 0) return plan.target;
  const after = await readOrganization(rest, cli.progress);
  const made = { base: plan.organization.access, target: plan.target };
  const granted = [...after.access].filter(([, atom]) => isCreatorsGrant(atom, made));
  if (granted.length === 0) return plan.target;
  if (!plan.prune) {
    cli.note("you were granted Owner on what you created, as the organization's settings say");
    return new Map([...plan.target, ...granted]);
  }
  const without = new Map([...after.access].filter(([, atom]) => !isCreatorsGrant(atom, made)));
  await writeAll(rest, stepsBetween(after.access, without), after, cli, tell);
  return plan.target;
}

/** From now on the file is made against what it has made. */
async function remember({ path, text, saved }: Source, organization: string, access: Access): Promise<void> {
  if (saved !== null || path === "-") return;
  const changed = madeAgainst(text, baseText({ organization, access }));
  if (changed !== null && changed !== text) await writeFile(path, changed);
}
