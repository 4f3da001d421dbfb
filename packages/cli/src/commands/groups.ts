import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { invalid } from "@portcullis/chassis/fault";
import { z } from "zod";
import { clean } from "../clean.ts";
import type { Cli } from "../cli.ts";
import { findGroup, principalId } from "../lookup.ts";
import { namesOfPrincipals } from "../names.ts";
import { allPages, objectsById } from "../pages.ts";
import { whoHelp } from "../question.ts";
import { eachOf, repeated } from "../repeated.ts";
import type { Rest } from "../rest.ts";
import { type Group, group } from "../shapes.ts";
import { fieldsText } from "../table.ts";

const listed = z.looseObject({
  id: z.string(),
  name: z.string(),
  description: z.string().nullable(),
  member_count: z.number(),
  member_group_ids: z.array(z.string()),
});
const page = z.object({ groups: z.array(listed), cursor: z.string().nullable() });

const nameHelp = "the name or the id of a group";

export function addGroups(program: CommandUnknownOpts, cli: Cli): void {
  const groups = program.command("groups").description("Permission groups").helpCommand(false);

  groups
    .command("list")
    .description("List groups by name")
    .option("--search <text>", "only those with this in their names")
    .action(async ({ search }) => {
      const rest = await cli.rest();
      const found = await allPages(async (cursor) => {
        const query = { q: search, limit: 1000, cursor };
        const { groups: items, cursor: next } = await rest.get(page, "/v1/access/groups", query);
        return { items, cursor: next };
      });
      cli.showTable({ groups: found }, ["GROUP", "ID", "MEMBERS", "GROUPS", "DESCRIPTION"], () =>
        found.map((one) => [
          one.name,
          one.id,
          String(one.member_count),
          String(one.member_group_ids.length),
          one.description,
        ]),
      );
    });

  groups
    .command("show")
    .description("Show a group with its members")
    .argument("<group>", nameHelp)
    .action(async (named) => {
      const rest = await cli.rest();
      await show(rest, await findGroup(rest, named, "GROUP"), cli);
    });

  groups
    .command("create")
    .description("Create a group")
    .argument("<name>", "a name that no other group has")
    .option("--description <text>", "what it is for")
    .option("--member <who>", `${whoHelp}; may be repeated`, repeated)
    .option("--group <group>", "a group whose members are in it too; may be repeated", repeated)
    .action(async (name, options) => {
      const rest = await cli.rest();
      const { body, headers } = await rest.send(group, "POST", "/v1/group", {
        name,
        description: options.description,
        member_users: await people(rest, options.member, "--member"),
        member_groups: await groupIds(rest, options.group, "--group"),
      });
      // What was found under the name is not what was asked for.
      if (headers.get("x-bt-found-existing") === "true") throw invalid("NAME", "is taken by another group");
      await show(rest, body, cli);
    });

  groups
    .command("update")
    .description("Change a group")
    .argument("<group>", nameHelp)
    .option("--name <name>", "another name")
    .option("--description <text>", "what it is for")
    .option("--add-member <who>", `${whoHelp}; may be repeated`, repeated)
    .option("--remove-member <who>", `${whoHelp}; may be repeated`, repeated)
    .option("--add-group <group>", "may be repeated", repeated)
    .option("--remove-group <group>", "may be repeated", repeated)
    .action(async (named, options) => {
      const rest = await cli.rest();
      const { id } = await findGroup(rest, named, "GROUP");
      const { body } = await rest.send(group, "PATCH", `/v1/group/${id}`, {
        name: options.name,
        description: options.description,
        add_member_users: await people(rest, options.addMember, "--add-member"),
        remove_member_users: await people(rest, options.removeMember, "--remove-member"),
        add_member_groups: await groupIds(rest, options.addGroup, "--add-group"),
        remove_member_groups: await groupIds(rest, options.removeGroup, "--remove-group"),
      });
      await show(rest, body, cli);
    });

  groups
    .command("delete")
    .description("Delete a group, and all grants to it")
    .argument("<group>", nameHelp)
    .action(async (named) => {
      const rest = await cli.rest();
      const { id, name } = await findGroup(rest, named, "GROUP");
      await cli.confirm(`Delete the group ${name} and all grants to it?`);
      const { body } = await rest.send(group, "DELETE", `/v1/group/${id}`);
      cli.show(body, () => clean(`deleted ${name}`));
    });
}

function people(
  rest: Rest,
  given: readonly string[] | undefined,
  field: string,
): Promise<string[] | undefined> {
  return eachOf(given, (who) => principalId(rest, who, field));
}

function groupIds(
  rest: Rest,
  given: readonly string[] | undefined,
  field: string,
): Promise<string[] | undefined> {
  return eachOf(given, async (named) => (await findGroup(rest, named, field)).id);
}

async function show(rest: Rest, shown: Group, cli: Cli): Promise<void> {
  const isText = !cli.flags().json;
  const names = isText ? await namesOfPrincipals(rest, shown.member_users) : new Map<string, string>();
  const nested = isText ? await objectsById(rest, group, "/v1/group", shown.member_groups) : [];
  cli.show(shown, () =>
    fieldsText(
      {
        group: shown.name,
        id: shown.id,
        description: shown.description,
        members: shown.member_users.map((id) => names.get(id) ?? id).join(", ") || null,
        groups: nested.map(({ name }) => name).join(", ") || null,
      },
      cli.paint,
    ),
  );
}
