import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { Option } from "@commander-js/extra-typings";
import { invalid } from "@portcullis/chassis/fault";
import { z } from "zod";
import { clean } from "../clean.ts";
import type { Cli } from "../cli.ts";
import { findGroup, isId, principalId, searchMembers } from "../lookup.ts";
import { namesOfPrincipals } from "../names.ts";
import { whoHelp } from "../question.ts";
import { eachOf, repeated } from "../repeated.ts";
import { user } from "../shapes.ts";
import { fieldsText } from "../table.ts";

const changed = z.looseObject({
  added_users: z.array(z.looseObject({ id: z.string(), email: z.string().nullable() })),
});

export function addMembers(program: CommandUnknownOpts, cli: Cli): void {
  const members = program.command("members").description("People and service accounts").helpCommand(false);

  members
    .command("list")
    .description("List members by name")
    .option("--search <text>", "only those with this in their names or addresses")
    .addOption(new Option("--kind <kind>", "only these").choices(["user", "service_account"] as const))
    .action(async ({ search, kind }) => {
      const rest = await cli.rest();
      const found = await searchMembers(rest, { q: search, kind });
      cli.showTable({ members: found }, ["NAME", "E-MAIL", "KIND", "ID", "LAST USED"], () =>
        found.map((one) => [one.name, one.email, one.kind, one.id, one.last_used_at]),
      );
    });

  members
    .command("show")
    .description("Show a member")
    .argument("<who>", whoHelp)
    .action(async (who) => {
      const rest = await cli.rest();
      const shown = await rest.get(user, `/v1/user/${await principalId(rest, who, "WHO")}`);
      cli.show(shown, () =>
        fieldsText(
          {
            name: [shown.given_name, shown.family_name].filter(Boolean).join(" ") || null,
            "e-mail": shown.email,
            id: shown.id,
          },
          cli.paint,
        ),
      );
    });

  members
    .command("invite")
    .description("Make people members, by their e-mail addresses")
    .argument("[emails...]", "e-mail addresses")
    .option("--service-account <name>", "make a service account instead; may be repeated", repeated)
    .option("--group <group>", "into this group; may be repeated", repeated)
    .action(async (emails, options) => {
      const accounts = options.serviceAccount ?? [];
      if (emails.length + accounts.length === 0) {
        throw invalid("EMAILS", "is required, or --service-account");
      }
      const rest = await cli.rest();
      const groupIds = await eachOf(
        options.group,
        async (named) => (await findGroup(rest, named, "--group")).id,
      );
      const { body } = await rest.send(changed, "PATCH", "/v1/organization/members", {
        invite_users: {
          emails,
          service_accounts: accounts.map((name) => ({ name })),
          group_ids: groupIds,
        },
      });
      cli.show(body, () =>
        body.added_users.length === 0
          ? "they were members already"
          : body.added_users.map(({ id, email }) => clean(`added ${email ?? id}`)).join("\n"),
      );
    });

  members
    .command("remove")
    .description("End memberships, and with them all access, keys and tokens")
    .argument("<who...>", whoHelp)
    .action(async (who) => {
      const rest = await cli.rest();
      const ids = await Promise.all(who.map((one) => principalId(rest, one, "WHO")));
      const names = await namesOfPrincipals(rest, ids.filter(isId));
      const told = ids.map((id) => names.get(id) ?? id).join(", ");
      await cli.confirm(`Remove ${told} from the organization?`);
      const { body } = await rest.send(changed, "PATCH", "/v1/organization/members", {
        remove_users: { ids },
      });
      cli.show(body, () => clean(`removed ${told}`));
    });
}
