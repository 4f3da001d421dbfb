import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { z } from "zod";
import type { Cli } from "../cli.ts";
import { grantPath, wayOf } from "../explanation.ts";
import { findObject } from "../lookup.ts";
import { allPages } from "../pages.ts";
import { plain } from "../paint.ts";
import { consistencyOf, objectHelp, permissionArgument } from "../question.ts";

const listed = z.looseObject({
  principal: z.object({ type: z.string(), id: z.string(), name: z.string().nullable() }),
  reason: z.string(),
  paths: z.array(grantPath),
});
const page = z.object({ principals: z.array(listed), cursor: z.string().nullable() });

export function addListPrincipals(program: CommandUnknownOpts, cli: Cli): void {
  program
    .command("list-principals")
    .description("Who may do something to an object, and how?")
    .addArgument(permissionArgument())
    .argument("<object>", objectHelp)
    .option("--fully-consistent", "as of now, whatever it costs")
    .option("--at-least-as-fresh <revision>", "no older than a write: its x-portcullis-revision")
    .action(async (permission, what, options) => {
      const rest = await cli.rest();
      const question = {
        permission,
        object: await findObject(rest, what, "OBJECT"),
        ...consistencyOf(options),
      };
      const principals = await cli.working("principals", (progress) =>
        allPages(async (cursor) => {
          const { body } = await rest.send(page, "POST", "/v1/access/list-principals", {
            ...question,
            limit: 1000,
            cursor,
          });
          progress.expect(body.principals.length);
          progress.advance(body.principals.length);
          return { items: body.principals, cursor: body.cursor };
        }),
      );
      cli.showTable({ principals }, ["WHO", "ID", "HOW"], () =>
        principals.map(({ principal, reason, paths: [first] }) => [
          principal.name ?? principal.id,
          principal.id,
          first === undefined ? reason : wayOf(first, question.permission, plain).join(", "),
        ]),
      );
    });
}
