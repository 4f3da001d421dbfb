import { createRequire } from "node:module";
import { Command, type CommandUnknownOpts, Help } from "@commander-js/extra-typings";
import type { Cli, Flags } from "./cli.ts";
import { addAcls } from "./commands/acls.ts";
import { addApiKeys } from "./commands/api-keys.ts";
import { addApply } from "./commands/apply.ts";
import { addAuditLog } from "./commands/audit-log.ts";
import { addCheck } from "./commands/check.ts";
import { addCompletion } from "./commands/completion.ts";
import { addDoctor } from "./commands/doctor.ts";
import { addExplain } from "./commands/explain.ts";
import { addExport } from "./commands/export.ts";
import { addGroups } from "./commands/groups.ts";
import { addListObjects } from "./commands/list-objects.ts";
import { addListPrincipals } from "./commands/list-principals.ts";
import { addLogin } from "./commands/login.ts";
import { addLogout } from "./commands/logout.ts";
import { addMembers } from "./commands/members.ts";
import { addPlan } from "./commands/plan.ts";
import { addRoles } from "./commands/roles.ts";
import { addServiceTokens } from "./commands/service-tokens.ts";
import { addWhoami } from "./commands/whoami.ts";

const { version } = createRequire(import.meta.url)("../package.json") as { version: string };

/** In the order of the help. */
const commands = [
  addLogin,
  addLogout,
  addWhoami,
  addCheck,
  addExplain,
  addListObjects,
  addListPrincipals,
  addMembers,
  addGroups,
  addRoles,
  addAcls,
  addApiKeys,
  addServiceTokens,
  addAuditLog,
  addExport,
  addPlan,
  addApply,
  addDoctor,
  addCompletion,
] as const;

export function buildProgram(open: (flags: () => Flags) => Cli): {
  readonly command: CommandUnknownOpts;
  readonly cli: Cli;
} {
  const program = new Command("portcullis")
    .description("Administers access from a terminal or a script.")
    .version(version, "--version", "tell the version")
    .helpOption("-h, --help", "tell how")
    .helpCommand(false)
    .option("--json", "answer in JSON, for scripts")
    .option("-q, --quiet", "only the answer: no hints, no progress")
    .option("-y, --yes", "ask nothing before something is changed")
    .option("--debug", "tell each request, and more of an error")
    .showHelpAfterError(false)
    // One line, which the caller writes.
    .configureOutput({ outputError() {} })
    .exitOverride();
  program.configureHelp({
    // Those that all commands have stand with each, for people and for completion.
    visibleOptions(command) {
      const own = Help.prototype.visibleOptions.call(this, command);
      return command.parent === null ? own : [...own, ...program.options.filter(isOfAll)];
    },
  });
  const cli = open(() => program.opts());
  for (const add of commands) add(program, cli, version);
  return { command: program, cli };
}

function isOfAll(option: { readonly long?: string | undefined }): boolean {
  return option.long !== "--version";
}
