import { organizationFace } from "@portcullis/policy";
import type { Revision } from "@portcullis/proto/events/v1/events";
import type { Group } from "@portcullis/proto/groups/v1/groups";
import { z } from "zod";
import { type Access, may, objectRef } from "../access.ts";
import { type Caller, sees } from "../caller.ts";
import { anyText, description, id, listOf, listQuery, maybe, name } from "../input.ts";
import { listNothing } from "../listing.ts";
import { ownerOfNew } from "../organization-settings.ts";
import type { Owners } from "../owners.ts";
import { type Route, route } from "../route.ts";
import { idOrNull, pageToWire, present, renames, timeText } from "../wire.ts";

const group = z.object({
  id: z.uuid(),
  org_id: z.uuid(),
  user_id: z.uuid().nullable(),
  created: z.iso.datetime().nullable(),
  name: z.string(),
  description: z.string().nullable(),
  deleted_at: z.iso.datetime().nullable(),
  member_users: z.array(z.uuid()),
  member_groups: z.array(z.uuid()),
});

const params = z.object({ group_id: id });

const content = z.strictObject({
  name,
  description: maybe(description),
  member_users: maybe(listOf(id)),
  member_groups: maybe(listOf(id)),
  org_name: maybe(anyText),
  /** An older shape. */
  org_id: maybe(id),
});

const changes = z.strictObject({
  name: maybe(name),
  description: maybe(description),
  add_member_users: maybe(listOf(id)),
  remove_member_users: maybe(listOf(id)),
  add_member_groups: maybe(listOf(id)),
  remove_member_groups: maybe(listOf(id)),
  /** Older shapes: whole lists that replace. */
  member_users: maybe(listOf(id)),
  member_groups: maybe(listOf(id)),
});

const fieldOf = renames(
  [/^names\[0\]/, "group_name"],
  [/^(add_|remove_)principal_ids/, "$1member_users"],
  [/^(replace_)?principal_ids(\.ids)?/, "member_users"],
  [/^(add_|remove_)member_group_ids/, "$1member_groups"],
  [/^(replace_)?member_group_ids(\.ids)?/, "member_groups"],
);

/** Permission groups. */
export function groupRoutes({ groups, grants, identity }: Owners, access: Access): readonly Route[] {
  const place = (caller: Caller) =>
    ({ type: "group", parent: organizationFace("organization", caller.org) }) as const;
  const toWire = async (body: z.infer<typeof content>, caller: Caller) => ({
    context: caller.context,
    orgId: caller.org,
    name: body.name,
    description: body.description,
    principalIds: body.member_users ?? [],
    memberGroupIds: body.member_groups ?? [],
    ownerId: await ownerOfNew(identity, caller),
  });
  const mayCreate = (caller: Caller) => may("group.create", place(caller));
  const find = ({ params }: { params: { group_id: string } }, caller: Caller) =>
    groups
      .getGroup({ orgId: caller.org, id: params.group_id }, caller.hop)
      .then(({ group }) => present(group));
  const findByName = async ({ body }: { body: { name: string } }, caller: Caller) => {
    const { groups: found } = await groups.listGroups(
      { orgId: caller.org, page: undefined, ids: [], names: [body.name] },
      caller.hop,
    );
    return found[0] ?? null;
  };
  return [
    route({
      method: "GET",
      path: "/v1/group",
      summary: "List groups",
      query: z.object({ ...listQuery, group_name: anyText.optional() }),
      response: z.object({ objects: z.array(group) }),
      requires: () => may("member.read_self"),
      async handle({ query }, caller) {
        if (!sees(caller, "group")) return { body: { objects: listNothing(query) } };
        const { groups: found } = await groups.listGroups(
          {
            orgId: caller.org,
            page: pageToWire(query),
            ids: query.ids,
            names: query.group_name === undefined ? [] : [query.group_name],
          },
          caller.hop,
        );
        return { body: { objects: found.map(show) } };
      },
      fieldOf,
    }),
    route({
      method: "POST",
      path: "/v1/group",
      summary: "Create a group",
      body: content,
      response: group,
      requires: (_ask, caller) => mayCreate(caller),
      async handle({ body }, caller) {
        const made = await groups.createGroup(await toWire(body, caller), caller.hop);
        if (made.foundExisting) await access.demand(caller, [may("group.read")]);
        return {
          body: show(present(made.group)),
          foundExisting: made.foundExisting,
          revisions: [made.revision, ...(made.foundExisting ? [] : await creatorsGrant(grants, caller))],
        };
      },
      fieldOf,
    }),
    route({
      method: "PUT",
      path: "/v1/group",
      summary: "Create or replace a group",
      body: content,
      response: group,
      find: findByName,
      requires: ({ found }, caller) =>
        found === null
          ? mayCreate(caller)
          : may("group.update", objectRef("group", found.id), { like: mayCreate(caller) }),
      standing: ({ found }) => (found === null ? null : show(found)),
      async handle({ body, found }, caller) {
        let standing = found;
        if (standing === null) {
          const made = await groups.createGroup(await toWire(body, caller), caller.hop);
          if (!made.foundExisting) {
            const revisions = [made.revision, ...(await creatorsGrant(grants, caller))];
            return { body: show(present(made.group)), revisions };
          }
          // Somebody made one of this name meanwhile, and to create is not to update.
          standing = present(made.group);
          await access.demand(caller, [may("group.update", objectRef("group", standing.id))]);
        }
        const replaced = await groups.replaceGroup(
          { ...(await toWire(body, caller)), standingId: standing.id },
          caller.hop,
        );
        return {
          body: show(present(replaced.group)),
          foundExisting: replaced.foundExisting,
          revisions: [replaced.revision],
        };
      },
      fieldOf,
    }),
    route({
      method: "GET",
      path: "/v1/group/:group_id",
      summary: "Get a group",
      params,
      response: group,
      requires: () => may("group.read", { knownTo: [] }),
      async handle(ask, caller) {
        return { body: show(await find(ask, caller)) };
      },
      fieldOf,
    }),
    route({
      method: "PATCH",
      path: "/v1/group/:group_id",
      summary: "Change a group",
      params,
      body: changes,
      response: group,
      requires: ({ params }) => may("group.update", objectRef("group", params.group_id)),
      standing: async (ask, caller) => show(await find(ask, caller)),
      async handle({ params, body }, caller) {
        const updated = await groups.updateGroup(
          {
            context: caller.context,
            orgId: caller.org,
            id: params.group_id,
            name: body.name,
            description: body.description,
            replacePrincipalIds: body.member_users && { ids: body.member_users },
            replaceMemberGroupIds: body.member_groups && { ids: body.member_groups },
            addPrincipalIds: body.add_member_users ?? [],
            removePrincipalIds: body.remove_member_users ?? [],
            addMemberGroupIds: body.add_member_groups ?? [],
            removeMemberGroupIds: body.remove_member_groups ?? [],
          },
          caller.hop,
        );
        return { body: show(present(updated.group)), revisions: [updated.revision] };
      },
      fieldOf,
    }),
    route({
      method: "DELETE",
      path: "/v1/group/:group_id",
      summary: "Delete a group",
      params,
      response: group,
      requires: ({ params }) => may("group.delete", objectRef("group", params.group_id)),
      standing: async (ask, caller) => show(await find(ask, caller)),
      async handle({ params }, caller) {
        const deleted = await groups.deleteGroup(
          { context: caller.context, orgId: caller.org, id: params.group_id },
          caller.hop,
        );
        return { body: show(present(deleted.group)), revisions: [deleted.revision] };
      },
      fieldOf,
    }),
  ];
}

/** Has the creator's grant stand before the answer is sent. What can't be done now is done a moment later. */
export async function creatorsGrant(
  grants: Owners["grants"],
  caller: Caller,
): Promise<readonly (Revision | undefined)[]> {
  try {
    return [(await grants.followGroups({ orgId: caller.org }, caller.hop)).revision];
  } catch {
    return [];
  }
}

function show(message: Group): z.infer<typeof group> {
  return {
    id: message.id,
    org_id: message.orgId,
    user_id: idOrNull(message.creatorId),
    created: timeText(message.created),
    name: message.name,
    description: message.description ?? null,
    deleted_at: timeText(message.deletedAt),
    member_users: message.principalIds,
    member_groups: message.memberGroupIds,
  };
}
