import { type CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import { invalid } from "@portcullis/chassis/fault";
import { objectTypeNames, permissions } from "@portcullis/policy";
import type { Cli } from "../cli.ts";
import { findGroup, findObject, findRole, isId, principalId } from "../lookup.ts";
import { namesOfPrincipals, objectText, pathsOfObjects } from "../names.ts";
import { allBare, objectsById } from "../pages.ts";
import { objectHelp, whoHelp } from "../question.ts";
import type { Rest } from "../rest.ts";
import { type Acl, acl, group, role } from "../shapes.ts";

const heads = ["ON", "WHO", "GRANT", "ONLY", "EXPIRES", "ID"] as const;

export function addAcls(program: CommandUnknownOpts, cli: Cli): void {
  const acls = program
    .command("acls")
    .description("Grants: who was granted what on which object")
    .helpCommand(false);

  acls
    .command("list")
    .description("List ACLs")
    .option("--on <object>", `only those on this object: ${objectHelp}`)
    .option("--to <who>", `only those to this member: ${whoHelp}`)
    .option("--to-group <group>", "only those to this group")
    .addOption(new Option("--permission <permission>", "only those of this permission").choices(permissions))
    .option("--role <role>", "only those of this role")
    .action(async (options) => {
      const rest = await cli.rest();
      const { on, to, toGroup, permission } = options;
      const object = on === undefined ? undefined : await findObject(rest, on, "--on");
      const query = {
        object_type: object?.type,
        object_id: object?.id,
        user_id: to === undefined ? undefined : await principalId(rest, to, "--to"),
        group_id: toGroup === undefined ? undefined : (await findGroup(rest, toGroup, "--to-group")).id,
        permission,
        role_id: options.role === undefined ? undefined : (await findRole(rest, options.role, "--role")).id,
      };
      const found = await cli.working("ACLs", (progress) =>
        allBare(rest, acl, "/v1/acl/list_org", { query, progress }),
      );
      const rows = cli.flags().json ? [] : await rowsOf(rest, found);
      cli.showTable({ objects: found }, heads, () => rows);
    });

  acls
    .command("show")
    .description("Show an ACL")
    .argument("<id>", "the id of an ACL")
    .action(async (given) => {
      const rest = await cli.rest();
      await showOne(rest, await rest.get(acl, `/v1/acl/${aclId(given)}`), cli);
    });

  acls
    .command("create")
    .description("Grant something on an object to a member or a group")
    .requiredOption("--on <object>", objectHelp)
    .option("--to <who>", `a member: ${whoHelp}`)
    .option("--to-group <group>", "a group")
    .addOption(new Option("--permission <permission>", "a permission").choices(permissions))
    .option("--role <role>", "a role instead of a permission")
    .addOption(
      new Option("--only <type>", "beside a permission: on objects of this type only").choices(
        objectTypeNames,
      ),
    )
    .option("--expires-at <time>", "grants nothing from then on: 2030-01-31T12:00:00Z")
    .action(async (options) => {
      const rest = await cli.rest();
      const { to, toGroup, permission, only } = options;
      if ((to === undefined) === (toGroup === undefined)) {
        throw invalid("--to", "is required, or else --to-group, and not both");
      }
      if ((permission === undefined) === (options.role === undefined)) {
        throw invalid("--permission", "is required, or else --role, and not both");
      }
      const object = await findObject(rest, options.on, "--on");
      const { body } = await rest.send(acl, "POST", "/v1/acl", {
        object_type: object.type,
        object_id: object.id,
        user_id: to === undefined ? null : await principalId(rest, to, "--to"),
        group_id: toGroup === undefined ? null : (await findGroup(rest, toGroup, "--to-group")).id,
        permission,
        role_id: options.role === undefined ? null : (await findRole(rest, options.role, "--role")).id,
        restrict_object_type: only,
        expires_at: options.expiresAt,
      });
      await showOne(rest, body, cli);
    });

  acls
    .command("update")
    .description("Give an ACL another expiry; nothing else of it can change")
    .argument("<id>", "the id of an ACL")
    .requiredOption("--expires-at <time>", "grants nothing from then on: 2030-01-31T12:00:00Z")
    .action(async (given, { expiresAt }) => {
      const rest = await cli.rest();
      const standing = await rest.get(acl, `/v1/acl/${aclId(given)}`);
      const { object_type, object_id, user_id, group_id, permission, role_id, restrict_object_type } =
        standing;
      const content = {
        object_type,
        object_id,
        user_id,
        group_id,
        permission,
        role_id,
        restrict_object_type,
        expires_at: expiresAt,
      };
      await showOne(rest, (await rest.send(acl, "POST", "/v1/acl", content)).body, cli);
    });

  acls
    .command("delete")
    .description("Take a grant away")
    .argument("<id>", "the id of an ACL")
    .action(async (given) => {
      const rest = await cli.rest();
      const id = aclId(given);
      const [row = []] = await rowsOf(rest, [await rest.get(acl, `/v1/acl/${id}`)]);
      const [on, who, grant] = row;
      await cli.confirm(`Take ${grant} on ${on} from ${who}?`);
      const { body } = await rest.send(acl, "DELETE", `/v1/acl/${id}`);
      cli.show(body, () => `deleted ${id}`);
    });
}

function aclId(given: string): string {
  if (isId(given)) return given.toLowerCase();
  throw invalid("ID", "must be the id of an ACL: acls list tells them");
}

async function showOne(rest: Rest, shown: Acl, cli: Cli): Promise<void> {
  const rows = cli.flags().json ? [] : await rowsOf(rest, [shown]);
  cli.showTable(shown, heads, () => rows);
}

async function rowsOf(rest: Rest, found: readonly Acl[]): Promise<readonly (readonly (string | null)[])[]> {
  const present = (ids: readonly (string | null)[]) => ids.filter((id) => id !== null);
  const objectOf = (one: Acl) => ({ type: one.object_type, id: one.object_id });
  const paths = await pathsOfObjects(rest, found.map(objectOf));
  const people = await namesOfPrincipals(rest, present(found.map(({ user_id }) => user_id)));
  const groups = await objectsById(rest, group, "/v1/group", present(found.map(({ group_id }) => group_id)));
  const roles = await objectsById(rest, role, "/v1/role", present(found.map(({ role_id }) => role_id)));
  const names = new Map([...people, ...[...groups, ...roles].map(({ id, name }) => [id, name] as const)]);
  const nameOf = (id: string) => names.get(id) ?? id;
  return found.map((one) => [
    objectText(objectOf(one), paths),
    one.user_id === null ? `group ${nameOf(one.group_id ?? "")}` : nameOf(one.user_id),
    one.permission ?? `role ${nameOf(one.role_id ?? "")}`,
    one.restrict_object_type,
    one.expires_at,
    one.id,
  ]);
}
