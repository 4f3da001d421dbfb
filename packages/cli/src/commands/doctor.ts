import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { Fault } from "@portcullis/chassis/fault";
import { type Account, readAdminUrlAlone } from "../account.ts";
import { clean } from "../clean.ts";
import type { Cli } from "../cli.ts";
import { examine, type Finding } from "../doctor.ts";
import { exitCodes } from "../exit-code.ts";
import type { Style } from "../paint.ts";

const marks = {
  ok: ["✓", "green"],
  warning: ["!", "yellow"],
  failed: ["✗", "red"],
  skipped: ["-", "dim"],
} as const satisfies Record<Finding["status"], readonly [string, Style]>;

/** What this program can't see, for whoever runs the system. */
const hints = [
  "whether the logs are what was appended to them: npm run -s verify-log",
  "whether work is stuck: npm run -s dead-letters -- list",
] as const;

export function addDoctor(program: CommandUnknownOpts, cli: Cli, ownVersion: string): void {
  program
    .command("doctor")
    .description("Is this installation well, and what to do if not? Ends with 1 if something is wrong")
    .action(async () => {
      const account = await knownAccount(cli);
      const adminUrl =
        account instanceof Fault ? await readAdminUrlAlone(cli.surroundings.environment) : account.adminUrl;
      const findings = await examine({
        ownVersion,
        adminUrl,
        account,
        anonymous: await cli.restAs({ adminUrl, key: null }),
        rest: account instanceof Fault ? null : await cli.restAs(account),
      });
      const isWell = findings.every(({ status }) => status !== "failed");
      cli.show({ well: isWell, findings, hints }, () =>
        [
          ...findings.flatMap(({ check, status, detail, advice }) => {
            const [mark, style] = marks[status];
            const line = `${cli.paint(style, mark)} ${check.padEnd(9)}  ${clean(detail)}`;
            return advice === null ? [line] : [line, `             → ${advice}`];
          }),
          "",
          "on the machine of the databases, this tells more:",
          ...hints.map((hint) => `  ${hint}`),
        ].join("\n"),
      );
      cli.end(isWell ? exitCodes.ok : exitCodes.no);
    });
}

async function knownAccount(cli: Cli): Promise<Account | Fault> {
  try {
    return await cli.account();
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
}
