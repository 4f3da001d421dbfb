import { type ObjectType, organizationFace, type Permission } from "@portcullis/policy";
import type { Role, RolePermission } from "@portcullis/proto/grants/v1/grants";
import { z } from "zod";
import { type Access, may, objectRef } from "../access.ts";
import { type Caller, sees } from "../caller.ts";
import type { GrantCap } from "../grant-cap.ts";
import {
  anyText,
  description,
  id,
  listOf,
  listQuery,
  maybe,
  name,
  objectType,
  permission,
} from "../input.ts";
import { listNothing } from "../listing.ts";
import { ownerOfNew } from "../organization-settings.ts";
import type { Owners } from "../owners.ts";
import { type Route, route } from "../route.ts";
import { idOrNull, pageToWire, present, renames, timeText } from "../wire.ts";

const role = z.object({
  id: z.uuid(),
  org_id: z.uuid().nullable(),
  user_id: z.uuid().nullable(),
  created: z.iso.datetime().nullable(),
  name: z.string(),
  description: z.string().nullable(),
  deleted_at: z.iso.datetime().nullable(),
  member_permissions: z.array(z.object({ permission, restrict_object_type: objectType.nullable() })),
  member_roles: z.array(z.uuid()),
});

const params = z.object({ role_id: id });

const wholePermission = z.strictObject({ permission, restrict_object_type: maybe(objectType) });

/** Clients in use still send the older shape, a bare name. */
const rolePermission = z.preprocess(
  (value) => (typeof value === "string" ? { permission: value } : value),
  wholePermission,
);
type RolePermissionInput = z.infer<typeof wholePermission>;

const content = z.strictObject({
  name,
  description: maybe(description),
  member_permissions: maybe(listOf(rolePermission)),
  member_roles: maybe(listOf(id)),
  org_name: maybe(anyText),
});

const changes = z.strictObject({
  name: maybe(name),
  description: maybe(description),
  add_member_permissions: maybe(listOf(rolePermission)),
  remove_member_permissions: maybe(listOf(rolePermission)),
  add_member_roles: maybe(listOf(id)),
  remove_member_roles: maybe(listOf(id)),
  /** Older shapes: whole lists that replace. */
  member_permissions: maybe(listOf(rolePermission)),
  member_roles: maybe(listOf(id)),
});

const fieldOf = renames(
  [/^names\[0\]/, "role_name"],
  [/^(add_|remove_)permissions/, "$1member_permissions"],
  [/^(replace_)?permissions(\.permissions)?/, "member_permissions"],
  [/^(add_|remove_)member_role_ids/, "$1member_roles"],
  [/^(replace_)?member_role_ids(\.ids)?/, "member_roles"],
);

/** Roles, the system's among them. */
export function roleRoutes({ grants, identity }: Owners, access: Access, cap: GrantCap): readonly Route[] {
  const place = (caller: Caller) =>
    ({ type: "role", parent: organizationFace("organization", caller.org) }) as const;
  const toWire = async (body: z.infer<typeof content>, caller: Caller) => ({
    context: caller.context,
    orgId: caller.org,
    name: body.name,
    description: body.description,
    permissions: (body.member_permissions ?? []).map(permissionToWire),
    memberRoleIds: body.member_roles ?? [],
    ownerId: await ownerOfNew(identity, caller),
  });
  const mayCreate = (caller: Caller) => may("role.create", place(caller));
  const find = ({ params }: { params: { role_id: string } }, caller: Caller) =>
    grants.getRole({ orgId: caller.org, id: params.role_id }, caller.hop).then(({ role }) => present(role));
  /** Whoever holds a role would get what is added to it. A new role is held by nobody yet. */
  const checkAdded = (
    standing: Role,
    given: Pick<Role, "permissions" | "memberRoleIds">,
    caller: Caller,
  ): Promise<void> => {
    const memberRoles = new Set(standing.memberRoleIds);
    return cap.checkRole(caller, {
      permissions: given.permissions.filter(
        (one) => !standing.permissions.some((other) => isSamePermission(one, other)),
      ),
      memberRoleIds: given.memberRoleIds.filter((id) => !memberRoles.has(id)),
    });
  };
  const findByName = async ({ body }: { body: { name: string } }, caller: Caller) => {
    const { roles: found } = await grants.listRoles(
      { orgId: caller.org, page: undefined, ids: [], names: [body.name] },
      caller.hop,
    );
    return found[0] ?? null;
  };
  return [
    route({
      method: "GET",
      path: "/v1/role",
      summary: "List roles",
      query: z.object({ ...listQuery, role_name: anyText.optional() }),
      response: z.object({ objects: z.array(role) }),
      requires: () => may("member.read_self"),
      async handle({ query }, caller) {
        if (!sees(caller, "role")) return { body: { objects: listNothing(query) } };
        const { roles: found } = await grants.listRoles(
          {
            orgId: caller.org,
            page: pageToWire(query),
            ids: query.ids,
            names: query.role_name === undefined ? [] : [query.role_name],
          },
          caller.hop,
        );
        return { body: { objects: found.map(show) } };
      },
      fieldOf,
    }),
    route({
      method: "POST",
      path: "/v1/role",
      summary: "Create a role",
      body: content,
      response: role,
      requires: (_ask, caller) => mayCreate(caller),
      async handle({ body }, caller) {
        const made = await grants.createRole(await toWire(body, caller), caller.hop);
        if (made.foundExisting) await access.demand(caller, [may("role.read")]);
        return {
          body: show(present(made.role)),
          foundExisting: made.foundExisting,
          revisions: [made.revision],
        };
      },
      fieldOf,
    }),
    route({
      method: "PUT",
      path: "/v1/role",
      summary: "Create or replace a role",
      body: content,
      response: role,
      find: findByName,
      requires: ({ found }, caller) =>
        found === null
          ? mayCreate(caller)
          : may("role.update", objectRef("role", found.id), { like: mayCreate(caller) }),
      standing: ({ found }) => (found === null ? null : show(found)),
      async handle({ body, found }, caller) {
        let standing = found;
        if (standing === null) {
          const made = await grants.createRole(await toWire(body, caller), caller.hop);
          if (!made.foundExisting) return { body: show(present(made.role)), revisions: [made.revision] };
          // Somebody made one of this name meanwhile, and to create is not to update.
          standing = present(made.role);
          await access.demand(caller, [may("role.update", objectRef("role", standing.id))]);
        }
        const given = (body.member_permissions ?? []).map(permissionToWire);
        await checkAdded(standing, { permissions: given, memberRoleIds: body.member_roles ?? [] }, caller);
        const replaced = await grants.replaceRole(
          { ...(await toWire(body, caller)), standingId: standing.id },
          caller.hop,
        );
        return {
          body: show(present(replaced.role)),
          foundExisting: replaced.foundExisting,
          revisions: [replaced.revision],
        };
      },
      fieldOf,
    }),
    route({
      method: "GET",
      path: "/v1/role/:role_id",
      summary: "Get a role",
      params,
      response: role,
      requires: () => may("role.read", { knownTo: [] }),
      async handle(ask, caller) {
        return { body: show(await find(ask, caller)) };
      },
      fieldOf,
    }),
    route({
      method: "PATCH",
      path: "/v1/role/:role_id",
      summary: "Change a role",
      params,
      body: changes,
      response: role,
      requires: ({ params }) => may("role.update", objectRef("role", params.role_id)),
      standing: async (ask, caller) => show(await find(ask, caller)),
      async handle({ params, body }, caller) {
        const permissions = [...(body.member_permissions ?? []), ...(body.add_member_permissions ?? [])];
        const memberRoleIds = [...(body.member_roles ?? []), ...(body.add_member_roles ?? [])];
        if (permissions.length + memberRoleIds.length > 0) {
          const given = { permissions: permissions.map(permissionToWire), memberRoleIds };
          await checkAdded(await find({ params }, caller), given, caller);
        }
        const updated = await grants.updateRole(
          {
            context: caller.context,
            orgId: caller.org,
            id: params.role_id,
            name: body.name,
            description: body.description,
            replacePermissions: body.member_permissions && {
              permissions: body.member_permissions.map(permissionToWire),
            },
            replaceMemberRoleIds: body.member_roles && { ids: body.member_roles },
            addPermissions: (body.add_member_permissions ?? []).map(permissionToWire),
            removePermissions: (body.remove_member_permissions ?? []).map(permissionToWire),
            addMemberRoleIds: body.add_member_roles ?? [],
            removeMemberRoleIds: body.remove_member_roles ?? [],
          },
          caller.hop,
        );
        return { body: show(present(updated.role)), revisions: [updated.revision] };
      },
      fieldOf,
    }),
    route({
      method: "DELETE",
      path: "/v1/role/:role_id",
      summary: "Delete a role",
      params,
      response: role,
      requires: ({ params }) => may("role.delete", objectRef("role", params.role_id)),
      standing: async (ask, caller) => show(await find(ask, caller)),
      async handle({ params }, caller) {
        const deleted = await grants.deleteRole(
          { context: caller.context, orgId: caller.org, id: params.role_id },
          caller.hop,
        );
        return { body: show(present(deleted.role)), revisions: [deleted.revision] };
      },
      fieldOf,
    }),
  ];
}

function isSamePermission(one: RolePermission, other: RolePermission): boolean {
  return one.permission === other.permission && one.restrictObjectType === other.restrictObjectType;
}

function permissionToWire(given: RolePermissionInput): RolePermission {
  return { permission: given.permission, restrictObjectType: given.restrict_object_type ?? "" };
}

function show(message: Role): z.infer<typeof role> {
  return {
    id: message.id,
    org_id: idOrNull(message.orgId),
    user_id: idOrNull(message.creatorId),
    created: timeText(message.created),
    name: message.name,
    description: message.description ?? null,
    deleted_at: timeText(message.deletedAt),
    member_permissions: message.permissions.map((granted) => ({
      permission: granted.permission as Permission,
      restrict_object_type: idOrNull(granted.restrictObjectType) as ObjectType | null,
    })),
    member_roles: message.memberRoleIds,
  };
}
