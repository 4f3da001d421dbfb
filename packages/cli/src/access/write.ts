// The writes of a plan, one after the other.

import { Fault } from "@portcullis/chassis/fault";
import { z } from "zod";
import type { Rest } from "../rest.ts";
import { group, role } from "../shapes.ts";
import type { AclAtom } from "./atom.ts";
import type { Organization } from "./organization.ts";
import type { GroupChange, RoleChange, Step } from "./step.ts";

export interface Writer {
  write(step: Step): Promise<void>;
}

const anything = z.unknown();
const made = z.looseObject({ id: z.string() });

type Kind = "group" | "role";

interface Thing {
  readonly id: string;
  /** Null: it was made just now, and nobody else can know of it. */
  readonly tag: string | null;
}

/**
 * Looks once more at all that the steps change, which must be as the organisation was read; from then on nobody else's
 * change of it is overwritten.
 */
export async function openWriter(
  rest: Rest,
  steps: readonly Step[],
  organization: Organization,
): Promise<Writer> {
  const things = { group: new Map<string, Thing>(), role: new Map<string, Thing>() };
  for (const { id, name } of organization.groups.values()) things.group.set(name, { id, tag: null });
  for (const { id, name } of organization.roles.values()) things.role.set(name, { id, tag: null });
  for (const step of steps) {
    if (step.do === "update_group" || step.do === "delete_group") {
      await lookAgain("group", step.group, organization.groups.get(step.group));
    } else if (step.do === "update_role" || step.do === "delete_role") {
      await lookAgain("role", step.role, organization.roles.get(step.role));
    }
  }

  async function lookAgain(
    kind: Kind,
    name: string,
    known: { readonly id: string } | undefined,
  ): Promise<void> {
    if (known === undefined) throw changedMeanwhile(kind, name);
    const schema: z.ZodType<{ id: string }> = kind === "group" ? group : role;
    const { body, headers } = await rest.fetch(schema, `/v1/${kind}/${known.id}`);
    if (stateText(body) !== stateText(known)) throw changedMeanwhile(kind, name);
    things[kind].set(name, { id: known.id, tag: headers.get("etag") });
  }

  const idOf = (kind: Kind, name: string): string => {
    const thing = things[kind].get(name);
    if (thing === undefined) throw changedMeanwhile(kind, name);
    return thing.id;
  };

  async function change(kind: Kind, name: string, method: "PATCH" | "DELETE", body?: object): Promise<void> {
    const { id, tag } = things[kind].get(name) ?? { id: idOf(kind, name), tag: null };
    try {
      const answer = await rest.send(made, method, `/v1/${kind}/${id}`, body, tag ?? undefined);
      things[kind].set(name, { id, tag: answer.headers.get("etag") });
    } catch (error) {
      if (error instanceof Fault && error.kind === "conflict") throw changedMeanwhile(kind, name);
      throw error;
    }
  }

  async function create(kind: Kind, name: string, body: object): Promise<void> {
    const answer = await rest.send(made, "POST", `/v1/${kind}`, { name, ...body });
    if (answer.headers.get("x-bt-found-existing") === "true") throw changedMeanwhile(kind, name);
    things[kind].set(name, { id: answer.body.id, tag: answer.headers.get("etag") });
  }

  const aclBody = ({ on, holder, grant, expiresAt }: AclAtom) => ({
    object_type: on.type,
    object_id: on.type === "group" || on.type === "role" ? idOf(on.type, on.key) : on.key,
    ...(holder.kind === "group" ? { group_id: idOf("group", holder.key) } : { user_id: holder.key }),
    ...("role" in grant
      ? { role_id: idOf("role", grant.role) }
      : { permission: grant.permission, restrict_object_type: grant.only }),
    expires_at: expiresAt,
  });
  const groupIds = (names: readonly string[]) => names.map((name) => idOf("group", name));
  const roleIds = (names: readonly string[]) => names.map((name) => idOf("role", name));
  const permissionsBody = (atoms: RoleChange["addPermissions"]) =>
    atoms.map(({ permission, only }) => ({ permission, restrict_object_type: only }));
  const groupBody = (given: GroupChange) => ({
    add_member_users: given.addMembers,
    remove_member_users: given.removeMembers,
    add_member_groups: groupIds(given.addGroups),
    remove_member_groups: groupIds(given.removeGroups),
    description: given.description,
  });
  const roleBody = (given: RoleChange) => ({
    add_member_permissions: permissionsBody(given.addPermissions),
    remove_member_permissions: permissionsBody(given.removePermissions),
    add_member_roles: roleIds(given.addRoles),
    remove_member_roles: roleIds(given.removeRoles),
    description: given.description,
  });

  return {
    async write(step) {
      switch (step.do) {
        case "remove_acls":
          await rest.send(anything, "POST", "/v1/acl/batch_update", { remove_acls: step.acls.map(aclBody) });
          return;
        case "add_acls":
          await rest.send(anything, "POST", "/v1/acl/batch_update", { add_acls: step.acls.map(aclBody) });
          return;
        case "update_group":
          return change("group", step.group, "PATCH", groupBody(step));
        case "create_group":
          return create("group", step.group, {
            description: step.description,
            member_users: step.addMembers,
            member_groups: groupIds(step.addGroups),
          });
        case "delete_group":
          return change("group", step.group, "DELETE");
        case "update_role":
          return change("role", step.role, "PATCH", roleBody(step));
        case "create_role":
          return create("role", step.role, {
            description: step.description,
            member_permissions: permissionsBody(step.addPermissions),
            member_roles: roleIds(step.addRoles),
          });
        case "delete_role":
          return change("role", step.role, "DELETE");
      }
    },
  };
}

/** In one order, whatever the order of the lists. */
function stateText(thing: object): string {
  return JSON.stringify(thing, (_key, value: unknown) =>
    Array.isArray(value) ? value.map((one) => JSON.stringify(one)).toSorted() : value,
  );
}

function changedMeanwhile(kind: Kind, name: string): Fault {
  return new Fault("conflict", `somebody else changed the ${kind} \`${name}\` meanwhile`);
}

/** A write in words. */
export function stepText(step: Step): string {
  switch (step.do) {
    case "remove_acls":
      return `removed ${step.acls.length} ACLs`;
    case "add_acls":
      return `added ${step.acls.length} ACLs`;
    case "update_group":
      return `updated group ${step.group}`;
    case "create_group":
      return `created group ${step.group}`;
    case "delete_group":
      return `deleted group ${step.group}`;
    case "update_role":
      return `updated role ${step.role}`;
    case "create_role":
      return `created role ${step.role}`;
    case "delete_role":
      return `deleted role ${step.role}`;
  }
}
