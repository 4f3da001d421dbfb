import { Argument, type CommandUnknownOpts } from "@commander-js/extra-typings";
import { objectTypeNames } from "@portcullis/policy";
import { z } from "zod";
import type { Cli } from "../cli.ts";
import { findObject, principalId } from "../lookup.ts";
import { objectText, pathsOfObjects } from "../names.ts";
import { allPages } from "../pages.ts";
import { consistencyOf, objectHelp, permissionArgument, whoHelp } from "../question.ts";

const page = z.object({ ids: z.array(z.string()), cursor: z.string().nullable() });

export function addListObjects(program: CommandUnknownOpts, cli: Cli): void {
  program
    .command("list-objects")
    .description("On which objects of a type may somebody do something?")
    .argument("<who>", whoHelp)
    .addArgument(permissionArgument())
    .addArgument(new Argument("<type>", "a type of object").choices(objectTypeNames))
    .option("--under <object>", `only what is at or below it: ${objectHelp}`)
    .option("--fully-consistent", "as of now, whatever it costs")
    .option("--at-least-as-fresh <revision>", "no older than a write: its x-portcullis-revision")
    .action(async (who, permission, type, options) => {
      const rest = await cli.rest();
      const question = {
        permission,
        type,
        principal_id: await principalId(rest, who, "WHO"),
        ...(options.under !== undefined && { under: await findObject(rest, options.under, "--under") }),
        ...consistencyOf(options),
      };
      const ids = await cli.working("objects", (progress) =>
        allPages(async (cursor) => {
          const { body } = await rest.send(page, "POST", "/v1/access/list-objects", {
            ...question,
            limit: 1000,
            cursor,
          });
          progress.expect(body.ids.length);
          progress.advance(body.ids.length);
          return { items: body.ids, cursor: body.cursor };
        }),
      );
      const objects = ids.map((id) => ({ type, id }));
      const paths = cli.flags().json ? new Map() : await pathsOfObjects(rest, objects);
      cli.showTable({ ids }, ["OBJECT", "ID"], () =>
        objects.map((object) => [objectText(object, paths), object.id]),
      );
    });
}
