import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { invalid } from "@portcullis/chassis/fault";
import { clean } from "../clean.ts";
import type { Cli } from "../cli.ts";
import { findRole, readObjectType } from "../lookup.ts";
import { allObjects, objectsById } from "../pages.ts";
import { permissionHelp, readPermission } from "../question.ts";
import { eachOf, repeated } from "../repeated.ts";
import type { Rest } from "../rest.ts";
import { type Role, role } from "../shapes.ts";
import { fieldsText } from "../table.ts";

const nameHelp = "the name or the id of a role";
const grantHelp = `PERMISSION, or PERMISSION:TYPE for objects of one type only (${permissionHelp}); may be repeated`;

export function addRoles(program: CommandUnknownOpts, cli: Cli): void {
  const roles = program.command("roles").description("Roles: named sets of permissions").helpCommand(false);

  roles
    .command("list")
    .description("List roles, the system's among them")
    .action(async () => {
      const rest = await cli.rest();
      const objects = await allObjects(rest, role, "/v1/role");
      cli.showTable({ objects }, ["ROLE", "ID", "PERMISSIONS", "ROLES"], () =>
        objects.map((one) => [one.name, one.id, permissionsText(one), String(one.member_roles.length)]),
      );
    });

  roles
    .command("show")
    .description("Show a role")
    .argument("<role>", nameHelp)
    .action(async (named) => {
      const rest = await cli.rest();
      await show(rest, await findRole(rest, named, "ROLE"), cli);
    });

  roles
    .command("create")
    .description("Create a role")
    .argument("<name>", "a name that no other role has")
    .option("--description <text>", "what it is for")
    .option("--permission <permission>", grantHelp, repeated)
    .option("--role <role>", "a role whose permissions it has too; may be repeated", repeated)
    .action(async (name, options) => {
      const rest = await cli.rest();
      const { body, headers } = await rest.send(role, "POST", "/v1/role", {
        name,
        description: options.description,
        member_permissions: grants(options.permission, "--permission"),
        member_roles: await roleIds(rest, options.role, "--role"),
      });
      // What was found under the name is not what was asked for.
      if (headers.get("x-bt-found-existing") === "true") throw invalid("NAME", "is taken by another role");
      await show(rest, body, cli);
    });

  roles
    .command("update")
    .description("Change a role, for whomever it is granted to")
    .argument("<role>", nameHelp)
    .option("--name <name>", "another name")
    .option("--description <text>", "what it is for")
    .option("--add-permission <permission>", grantHelp, repeated)
    .option("--remove-permission <permission>", grantHelp, repeated)
    .option("--add-role <role>", "may be repeated", repeated)
    .option("--remove-role <role>", "may be repeated", repeated)
    .action(async (named, options) => {
      const rest = await cli.rest();
      const { id } = await findRole(rest, named, "ROLE");
      const { body } = await rest.send(role, "PATCH", `/v1/role/${id}`, {
        name: options.name,
        description: options.description,
        add_member_permissions: grants(options.addPermission, "--add-permission"),
        remove_member_permissions: grants(options.removePermission, "--remove-permission"),
        add_member_roles: await roleIds(rest, options.addRole, "--add-role"),
        remove_member_roles: await roleIds(rest, options.removeRole, "--remove-role"),
      });
      await show(rest, body, cli);
    });

  roles
    .command("delete")
    .description("Delete a role, and all grants of it")
    .argument("<role>", nameHelp)
    .action(async (named) => {
      const rest = await cli.rest();
      const { id, name } = await findRole(rest, named, "ROLE");
      await cli.confirm(`Delete the role ${name} and all grants of it?`);
      const { body } = await rest.send(role, "DELETE", `/v1/role/${id}`);
      cli.show(body, () => clean(`deleted ${name}`));
    });
}

function grants(given: readonly string[] | undefined, field: string) {
  if (given === undefined) return undefined;
  return given.map((text) => {
    const [permission = "", only] = text.split(/:(.*)/s, 2);
    return {
      permission: readPermission(permission, field),
      restrict_object_type: only === undefined ? null : readObjectType(only, field),
    };
  });
}

function roleIds(
  rest: Rest,
  given: readonly string[] | undefined,
  field: string,
): Promise<string[] | undefined> {
  return eachOf(given, async (named) => (await findRole(rest, named, field)).id);
}

async function show(rest: Rest, shown: Role, cli: Cli): Promise<void> {
  const nested = cli.flags().json ? [] : await objectsById(rest, role, "/v1/role", shown.member_roles);
  cli.show(shown, () =>
    fieldsText(
      {
        role: shown.name,
        id: shown.id,
        of: shown.org_id === null ? "the system: it can't be changed" : "the organization",
        description: shown.description,
        permissions: permissionsText(shown) || null,
        roles: nested.map(({ name }) => name).join(", ") || null,
      },
      cli.paint,
    ),
  );
}

function permissionsText({ member_permissions }: Role): string {
  return member_permissions
    .map(({ permission, restrict_object_type: only }) =>
      only === null ? permission : `${permission}:${only}`,
    )
    .join(", ");
}
