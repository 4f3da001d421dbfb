import { writeFile } from "node:fs/promises";
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { invalid } from "@portcullis/chassis/fault";
import { exportedFile } from "../access/export-file.ts";
import { fileText } from "../access/file.ts";
import { readOrganization } from "../access/organization.ts";
import type { Cli } from "../cli.ts";
import { pathsOfObjects } from "../names.ts";

export function addExport(program: CommandUnknownOpts, cli: Cli): void {
  program
    .command("export")
    .description("Write groups, roles and ACLs as YAML, for plan and apply")
    .option("-o, --out <file>", "into this file instead of standard output")
    .action(async ({ out }) => {
      const rest = await cli.rest();
      const organization = await readOrganization(rest, cli.progress);
      const objects = [...organization.access.values()].flatMap((atom) =>
        atom.kind === "acl" && atom.on.type !== "group" && atom.on.type !== "role"
          ? [{ type: atom.on.type, id: atom.on.key }]
          : [],
      );
      const file = exportedFile(organization, await pathsOfObjects(rest, objects));
      if (out === undefined) {
        cli.show(file, () => fileText(file).trimEnd());
        return;
      }
      await writeFile(out, fileText(file)).catch((error: NodeJS.ErrnoException) => {
        throw invalid("--out", `can't be written: ${error.code}`);
      });
      cli.show({ file: out }, () => `written to ${out}`);
    });
}
