// Permission groups as identity providers see them. Service accounts are none of a provider's business: those in a
// group are neither shown nor taken out.

import { Fault } from "@portcullis/chassis/fault";
import { isUuid } from "@portcullis/chassis/fields";
import { organizationFace } from "@portcullis/policy";
import type { Group, ListGroupsRequest } from "@portcullis/proto/groups/v1/groups";
import { z } from "zod";
import { may, noSuchObject, objectRef } from "../../access.ts";
import type { Caller } from "../../caller.ts";
import { invalidValue, ScimFault, scimRoot } from "../../dialect.ts";
import { anyText, isCleanText } from "../../input.ts";
import { ownerOfNew } from "../../organization-settings.ts";
import type { Owners } from "../../owners.ts";
import { type Answer, type Route, route } from "../../route.ts";
import { present, renames, timeText } from "../../wire.ts";
import { creatorsGrant } from "../group.ts";
import { equalities, type Filter, fits, mentions, parseFilter } from "./filter.ts";
import {
  type Listing,
  listQuery,
  listResponse,
  lookedAtMax,
  pageOf,
  resourceSchema,
  searchBody,
  showList,
  tooMany,
  viewQuery,
} from "./listing.ts";
import { applyPatch, parsePatch, patchBody } from "./patch.ts";
import { type Resource, readResource, resourceBody, select, selectionOf, selects } from "./resource.ts";
import { groupType, userType } from "./schema.ts";

const path = `${scimRoot}${groupType.endpoint}`;
const onePath = `${path}/:id`;
const params = z.object({ id: anyText.toLowerCase() });

const nameMax = 255;
const pageMax = 1000;
const idsMax = 10_000;

const fieldOf = renames(
  [/^name/, "displayName"],
  [/^external_id/, "externalId"],
  [/^(add_|remove_)?(principal|member_group)_ids(\[\d+\])?/, "members"],
);

type View = z.output<typeof viewQuery>;
type Filters = Pick<ListGroupsRequest, "ids" | "names" | "externalId" | "memberId">;

interface Members {
  readonly users: readonly string[];
  readonly groups: readonly string[];
}

interface Wanted {
  readonly displayName: string;
  readonly externalId: string | undefined;
  readonly memberIds: readonly string[];
}

export function scimGroupRoutes({ groups, grants, identity }: Owners): readonly Route[] {
  return [
    route({
      method: "GET",
      path,
      summary: "List groups to an identity provider",
      query: listQuery,
      response: listResponse,
      requires: () => may("group.read"),
      handle: ({ query, origin }, caller) => list({ filter: undefined, ...query }, origin, caller),
      fieldOf,
    }),
    route({
      method: "POST",
      path: `${path}/.search`,
      summary: "Search groups for an identity provider",
      body: searchBody,
      response: listResponse,
      requires: () => may("group.read"),
      handle: ({ body, origin }, caller) => list(body, origin, caller),
      fieldOf,
    }),
    route({
      method: "POST",
      path,
      summary: "Provision a group",
      status: 201,
      query: viewQuery,
      body: resourceBody(groupType),
      response: resourceSchema,
      find: async ({ body }) => wantedFrom(readResource(groupType, body)),
      requires: (_ask, caller) =>
        may("group.create", { type: "group", parent: organizationFace("organization", caller.org) }),
      async handle({ found: wanted, query, origin }, caller) {
        const members = await resolve(wanted.memberIds, caller);
        const made = await groups.createGroup(
          {
            context: caller.context,
            orgId: caller.org,
            name: wanted.displayName,
            description: undefined,
            externalId: wanted.externalId,
            principalIds: [...members.users],
            memberGroupIds: [...members.groups],
            ownerId: await ownerOfNew(identity, caller),
          },
          caller.hop,
        );
        if (made.foundExisting) throw taken();
        const group = present(made.group);
        return {
          ...(await answer(group, query, origin, caller)),
          location: locationOf(groupType.endpoint, group.id, origin),
          revisions: [made.revision, ...(await creatorsGrant(grants, caller))],
        };
      },
      fieldOf,
    }),
    route({
      method: "GET",
      path: onePath,
      summary: "Get a group for an identity provider",
      params,
      query: viewQuery,
      response: resourceSchema,
      requires: () => may("group.read", { knownTo: [] }),
      handle: async ({ params, query, origin }, caller) =>
        answer(await find(params.id, caller), query, origin, caller),
      fieldOf,
    }),
    route({
      method: "PUT",
      path: onePath,
      summary: "Replace a group for an identity provider",
      params,
      query: viewQuery,
      body: resourceBody(groupType),
      response: resourceSchema,
      find: async ({ body }) => wantedFrom(readResource(groupType, body)),
      requires: ({ params }) => may("group.update", objectRef("group", params.id)),
      async handle({ params, found: wanted, query, origin }, caller) {
        const group = await find(params.id, caller);
        return change(group, await membersOf(group, caller), wanted, { query, origin }, caller);
      },
      fieldOf,
    }),
    route({
      method: "PATCH",
      path: onePath,
      summary: "Change a group for an identity provider",
      params,
      query: viewQuery,
      body: patchBody,
      response: resourceSchema,
      find: async ({ body }) => parsePatch(groupType, body),
      requires: ({ params }) => may("group.update", objectRef("group", params.id)),
      async handle({ params, found: operations, query, origin }, caller) {
        const group = await find(params.id, caller);
        const members = await membersOf(group, caller);
        const wanted = wantedFrom(applyPatch(showGroup(group, members, origin), operations));
        return change(group, members, wanted, { query, origin }, caller);
      },
      fieldOf,
    }),
    route({
      method: "DELETE",
      path: onePath,
      summary: "Deprovision a group",
      status: 204,
      params,
      response: z.undefined(),
      requires: ({ params }) => may("group.delete", objectRef("group", params.id)),
      async handle({ params }, caller) {
        const { revision } = await groups.deleteGroup(
          { context: caller.context, orgId: caller.org, id: params.id },
          caller.hop,
        );
        return { body: undefined, revisions: [revision] };
      },
      fieldOf,
    }),
  ];

  async function list(listing: Listing, origin: string, caller: Caller) {
    const { skip, limit } = pageOf(listing);
    const filter = listing.filter === undefined ? null : parseFilter(groupType, listing.filter);
    const filters = filter === null ? everything : filtersOf(equalities(filter));
    const candidates = filters === null ? [] : await findAll(filters, caller);
    const fitting = filter === null ? candidates : await fittingOf(candidates, filter, origin, caller);
    const selection = selectionOf(groupType, listing.attributes, listing.excludedAttributes);
    const page = fitting.slice(skip, skip + limit);
    const shown = await showAll(page, selects(selection, "members"), origin, caller);
    return {
      body: showList(
        skip,
        fitting.length,
        shown.map((one) => select(groupType, one, selection)),
      ),
    };
  }

  async function fittingOf(
    candidates: readonly Group[],
    filter: Filter,
    origin: string,
    caller: Caller,
  ): Promise<readonly Group[]> {
    const shown = await showAll(candidates, mentions(filter, "members"), origin, caller);
    return candidates.filter((_group, index) => fits(filter, shown[index]));
  }

  async function findAll(filters: Filters, caller: Caller): Promise<readonly Group[]> {
    const all: Group[] = [];
    for (;;) {
      const page = { limit: pageMax, startingAfter: all.at(-1)?.id ?? "", endingBefore: "" };
      const { groups: found } = await groups.listGroups({ orgId: caller.org, page, ...filters }, caller.hop);
      all.push(...found);
      if (all.length > lookedAtMax) throw tooMany();
      if (found.length < pageMax) return all;
    }
  }

  async function find(id: string, caller: Caller): Promise<Group> {
    if (!isUuid(id)) throw noSuchObject();
    return present((await groups.getGroup({ orgId: caller.org, id }, caller.hop)).group);
  }

  /** Whom a provider sees in a group: users who are members now, and groups. */
  async function membersOf(group: Group, caller: Caller): Promise<Members> {
    const users = await usersAmong(group.principalIds, caller);
    return { users: group.principalIds.filter((id) => users.has(id)), groups: group.memberGroupIds };
  }

  async function usersAmong(ids: readonly string[], caller: Caller): Promise<ReadonlySet<string>> {
    const distinct = [...new Set(ids)];
    const users = new Set<string>();
    for (let from = 0; from < distinct.length; from += idsMax) {
      const principalIds = distinct.slice(from, from + idsMax);
      const { members } = await identity.getMembers({ orgId: caller.org, principalIds }, caller.hop);
      for (const { id, kind } of members) if (kind === "user") users.add(id);
    }
    return users;
  }

  /** What members are, whose ids are all that a provider needs to send. */
  async function resolve(ids: readonly string[], caller: Caller): Promise<Members> {
    const users = await usersAmong(ids, caller);
    const others = ids.filter((id) => !users.has(id));
    const found = others.length === 0 ? [] : await findAll({ ids: others, names: [] }, caller);
    const nested = new Set(found.map(({ id }) => id));
    const missing = others.find((id) => !nested.has(id));
    if (missing !== undefined) {
      throw invalidValue("members", `no such active user or group in the organization: \`${missing}\``);
    }
    return { users: [...users], groups: others };
  }

  /** All of it in one write, of which the owner does all or nothing. */
  async function change(
    group: Group,
    standing: Members,
    wanted: Wanted,
    { query, origin }: { readonly query: View; readonly origin: string },
    caller: Caller,
  ): Promise<Answer<z.infer<typeof resourceSchema>>> {
    if (group.builtIn !== "" && wanted.displayName !== group.name) {
      throw new ScimFault("mutability", "displayName: a built-in group can't be renamed");
    }
    const before = new Set([...standing.users, ...standing.groups]);
    const after = new Set(wanted.memberIds);
    const added = await resolve(
      wanted.memberIds.filter((id) => !before.has(id)),
      caller,
    );
    const request = {
      context: caller.context,
      orgId: caller.org,
      id: group.id,
      name: wanted.displayName === group.name ? undefined : wanted.displayName,
      description: undefined,
      externalId: wanted.externalId ?? "",
      replacePrincipalIds: undefined,
      replaceMemberGroupIds: undefined,
      addPrincipalIds: [...added.users],
      removePrincipalIds: standing.users.filter((id) => !after.has(id)),
      addMemberGroupIds: [...added.groups],
      removeMemberGroupIds: standing.groups.filter((id) => !after.has(id)),
    };
    const updated = await groups.updateGroup(request, caller.hop).catch((thrown: unknown) => {
      throw thrown instanceof Fault && thrown.kind === "refused" && thrown.field === "name"
        ? taken()
        : thrown;
    });
    return {
      ...(await answer(present(updated.group), query, origin, caller)),
      revisions: [updated.revision],
    };
  }

  async function answer(group: Group, view: View, origin: string, caller: Caller) {
    const selection = selectionOf(groupType, view.attributes, view.excludedAttributes);
    const [shown = {}] = await showAll([group], selects(selection, "members"), origin, caller);
    return { body: select(groupType, shown, selection) as z.infer<typeof resourceSchema> };
  }

  async function showAll(
    all: readonly Group[],
    withMembers: boolean,
    origin: string,
    caller: Caller,
  ): Promise<readonly Resource[]> {
    if (!withMembers) return all.map((group) => showGroup(group, { users: [], groups: [] }, origin));
    const users = await usersAmong(
      all.flatMap((group) => group.principalIds),
      caller,
    );
    return all.map((group) => {
      const members = {
        users: group.principalIds.filter((id) => users.has(id)),
        groups: group.memberGroupIds,
      };
      return showGroup(group, members, origin);
    });
  }
}

const everything: Filters = { ids: [], names: [] };

/** What the owner can look for by an index; null when no group can have what is asked for. */
function filtersOf(wanted: ReadonlyMap<string, string>): Filters | null {
  const [id, name] = [wanted.get("id"), wanted.get("displayName")];
  const [externalId, memberId] = [wanted.get("externalId"), wanted.get("members.value")?.toLowerCase()];
  if ([id, memberId].some((one) => one !== undefined && !isUuid(one))) return null;
  if (name !== undefined && (name.length > nameMax || !isCleanText(name))) return null;
  if (externalId !== undefined && !isCleanText(externalId)) return null;
  return {
    ids: id === undefined ? [] : [id],
    names: name === undefined ? [] : [name],
    externalId,
    memberId,
  };
}

/** Judges a whole group. */
function wantedFrom({ displayName, externalId, members }: Resource): Wanted {
  if (typeof displayName !== "string") throw invalidValue("displayName", "is required");
  for (const [field, text] of [
    ["displayName", displayName],
    ["externalId", externalId],
  ] as const) {
    if (typeof text === "string" && text.length > nameMax)
      throw invalidValue(field, `is ${text.length} characters long; at most ${nameMax} are allowed`);
  }
  const ids = ((members ?? []) as readonly { readonly value?: string }[]).map(({ value }, index) => {
    const id = value?.toLowerCase() ?? "";
    if (!isUuid(id)) {
      throw invalidValue(
        `members[${index}].value`,
        `no such active user or group: \`${id.slice(0, nameMax)}\``,
      );
    }
    return id;
  });
  return { displayName, externalId: externalId as string | undefined, memberIds: [...new Set(ids)] };
}

function showGroup(group: Group, members: Members, origin: string): Resource {
  const shown = [
    ...members.users.map((id) => ({ type: userType, id })),
    ...members.groups.map((id) => ({ type: groupType, id })),
  ].map(({ type, id }) => ({ value: id, type: type.name, $ref: locationOf(type.endpoint, id, origin) }));
  return {
    schemas: [groupType.schema.id],
    id: group.id,
    ...(group.externalId !== undefined && { externalId: group.externalId }),
    displayName: group.name,
    ...(shown.length > 0 && { members: shown }),
    meta: {
      resourceType: groupType.name,
      created: timeText(group.created),
      location: locationOf(groupType.endpoint, group.id, origin),
    },
  };
}

function locationOf(endpoint: string, id: string, origin: string): string {
  return `${origin}${scimRoot}${endpoint}/${id}`;
}

function taken(): ScimFault {
  return new ScimFault("uniqueness", "displayName: another group has this name", "conflict");
}
