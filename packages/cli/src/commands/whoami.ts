import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { z } from "zod";
import type { Cli } from "../cli.ts";
import { whoAmI } from "../lookup.ts";
import { personText } from "../names.ts";
import { permission } from "../shapes.ts";
import { fieldsText } from "../table.ts";

const held = z.object({ permissions: z.array(permission) });

export function addWhoami(program: CommandUnknownOpts, cli: Cli): void {
  program
    .command("whoami")
    .description("Whose key is this, and what may it do on the organization?")
    .action(async () => {
      const { adminUrl, from } = await cli.account();
      const rest = await cli.rest();
      const who = await whoAmI(rest);
      const [organization = { id: "", name: "" }] = who.organizations;
      const { body } = await rest.send(held, "POST", "/v1/access/permissions", {
        object: { type: "organization", id: organization.id },
      });
      const told = {
        principal_id: who.id,
        email: who.email,
        name: [who.given_name, who.family_name].filter(Boolean).join(" ") || null,
        organization,
        permissions: body.permissions,
        admin_url: adminUrl,
        key_from: from,
      };
      cli.show(told, () =>
        fieldsText(
          {
            who: personText(who),
            id: who.id,
            organization: organization.name,
            "may there": body.permissions.join(", ") || "nothing",
            admin: adminUrl,
            "key from": from,
          },
          cli.paint,
        ),
      );
    });
}
