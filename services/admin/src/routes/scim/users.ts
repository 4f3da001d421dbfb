// Users as identity providers see them: members of the organisation, and who was one and is remembered.

import { isDeepStrictEqual } from "node:util";
import { Fault } from "@portcullis/chassis/fault";
import { isUuid } from "@portcullis/chassis/fields";
import type { Revision } from "@portcullis/proto/events/v1/events";
import type {
  FindProvisionedUsersRequest,
  Principal,
  ProvisionedUser,
} from "@portcullis/proto/identity/v1/identity";
import { z } from "zod";
import { type Demand, may, noSuchObject } from "../../access.ts";
import { type Caller, sees } from "../../caller.ts";
import { invalidValue, ScimFault, scimRoot } from "../../dialect.ts";
import { anyText, email, isCleanText } from "../../input.ts";
import type { Owners } from "../../owners.ts";
import { type Answer, type Route, route } from "../../route.ts";
import { present, renames, timeText } from "../../wire.ts";
import { equalities, fits, parseFilter } from "./filter.ts";
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
import { isPrimary, type Resource, readResource, resourceBody, select, selectionOf } from "./resource.ts";
import { userType } from "./schema.ts";

const path = `${scimRoot}${userType.endpoint}`;
const onePath = `${path}/:id`;
const params = z.object({ id: anyText.toLowerCase() });

const nameMax = 255;
const emailMax = 320;
const attributesBytesMax = 32 * 1024;
const pageMax = 1000;

const fieldOf = renames([/^users\[\d+\]\.email/, "emails"], [/^user\.email/, "emails"]);

type View = z.output<typeof viewQuery>;
type Filters = Pick<FindProvisionedUsersRequest, "ids" | "userName" | "externalId" | "email">;

/** What is to be kept of a user, and whether it is to be a member. */
interface Wanted {
  readonly userName: string;
  readonly externalId: string | undefined;
  readonly active: boolean;
  readonly attributes: Resource;
  readonly emails: readonly string[];
}

/** A user, and what a change would make of it. */
interface Changing {
  readonly user: ProvisionedUser;
  readonly wanted: Wanted;
}

/**
 * What providers say of people is for whoever provisions them: others see members under `/v1/user`.
 *
 * A user's membership is begun and ended as everywhere else; what the provider says beside that is a record. All of a
 * request is judged, then the membership is changed, then the record; each step can be repeated.
 */
export function scimUserRoutes({ identity }: Owners): readonly Route[] {
  return [
    route({
      method: "GET",
      path,
      summary: "List users to an identity provider",
      query: listQuery,
      response: listResponse,
      requires: () => may("member.invite"),
      handle: ({ query, origin }, caller) => list({ filter: undefined, ...query }, origin, caller),
      fieldOf,
    }),
    route({
      method: "POST",
      path: `${path}/.search`,
      summary: "Search users for an identity provider",
      body: searchBody,
      response: listResponse,
      requires: () => may("member.invite"),
      handle: ({ body, origin }, caller) => list(body, origin, caller),
      fieldOf,
    }),
    route({
      method: "POST",
      path,
      summary: "Provision a user",
      status: 201,
      query: viewQuery,
      body: resourceBody(userType),
      response: resourceSchema,
      find: async ({ body }) => wantedFrom(readResource(userType, body), true),
      // Whoever is a member already may be taken over only to be sent away.
      requires: ({ found }) => [may("member.invite"), ...(found.active ? [] : [may("member.remove")])],
      async handle({ found, query, origin }, caller) {
        const { user, revisions } = await create(found, caller);
        const shown = showUser(user, origin);
        return {
          ...answer(shown, query),
          location: locationOf(present(user.principal).id, origin),
          revisions,
        };
      },
      fieldOf,
    }),
    route({
      method: "GET",
      path: onePath,
      summary: "Get a user for an identity provider",
      params,
      query: viewQuery,
      response: resourceSchema,
      requires: () => may("member.invite", { knownTo: [] }),
      async handle({ params, query, origin }, caller) {
        const user = await findById(params.id, caller);
        if (user === null) throw noSuchObject();
        return answer(showUser(user, origin), query);
      },
      fieldOf,
    }),
    route({
      method: "PUT",
      path: onePath,
      summary: "Replace what an identity provider says of a user",
      params,
      query: viewQuery,
      body: resourceBody(userType),
      response: resourceSchema,
      async find({ params, body }, caller) {
        const sent = readResource(userType, body);
        const user = sees(caller, "org_member") ? await findById(params.id, caller) : null;
        return user === null ? null : { user, wanted: wantedFrom(sent, user.active) };
      },
      requires: ({ found }) => demandsOf(found),
      handle: ({ found, query, origin }, caller) => change(found, query, origin, caller),
      fieldOf,
    }),
    route({
      method: "PATCH",
      path: onePath,
      summary: "Change what an identity provider says of a user",
      params,
      query: viewQuery,
      body: patchBody,
      response: resourceSchema,
      async find({ params, body, origin }, caller) {
        const operations = parsePatch(userType, body);
        const user = sees(caller, "org_member") ? await findById(params.id, caller) : null;
        if (user === null) return null;
        const patched = applyPatch(showUser(user, origin), operations);
        return { user, wanted: wantedFrom(patched, user.active) };
      },
      requires: ({ found }) => demandsOf(found),
      handle: ({ found, query, origin }, caller) => change(found, query, origin, caller),
      fieldOf,
    }),
    route({
      method: "DELETE",
      path: onePath,
      summary: "Deprovision a user",
      status: 204,
      params,
      response: z.undefined(),
      requires: () => may("member.remove"),
      async handle({ params }, caller) {
        const user = await findById(params.id, caller);
        if (user === null) throw noSuchObject();
        const removed = user.active ? await remove(params.id, caller) : undefined;
        const { revision } = await identity.deleteProvisionedUser(
          { context: caller.context, orgId: caller.org, principalId: params.id },
          caller.hop,
        );
        return { body: undefined, revisions: [removed, revision] };
      },
      fieldOf,
    }),
  ];

  async function list(listing: Listing, origin: string, caller: Caller) {
    const { skip, limit } = pageOf(listing);
    const selection = selectionOf(userType, listing.attributes, listing.excludedAttributes);
    const show = (user: ProvisionedUser) => showUser(user, origin);
    const shown = (users: readonly Resource[]) => users.map((one) => select(userType, one, selection));
    if (listing.filter === undefined) {
      const { users, total } = await find({ ids: [] }, { after: "", skip, limit }, caller);
      return { body: showList(skip, total, shown(users.map(show))) };
    }
    const filter = parseFilter(userType, listing.filter);
    const filters = filtersOf(equalities(filter));
    const candidates = filters === null ? [] : await findAll(filters, caller);
    const fitting = candidates.map(show).filter((user) => fits(filter, user));
    return { body: showList(skip, fitting.length, shown(fitting.slice(skip, skip + limit))) };
  }

  function find(
    filters: Filters,
    page: Pick<FindProvisionedUsersRequest, "after" | "skip" | "limit">,
    caller: Caller,
  ) {
    return identity.findProvisionedUsers({ orgId: caller.org, ...filters, ...page }, caller.hop);
  }

  async function findAll(filters: Filters, caller: Caller): Promise<readonly ProvisionedUser[]> {
    const all: ProvisionedUser[] = [];
    for (;;) {
      const after = all.at(-1)?.principal?.id ?? "";
      const { users, total } = await find(filters, { after, skip: 0, limit: pageMax }, caller);
      all.push(...users);
      if (total > lookedAtMax || all.length > lookedAtMax) throw tooMany();
      if (users.length < pageMax) return all;
    }
  }

  async function findById(id: string, caller: Caller): Promise<ProvisionedUser | null> {
    if (!isUuid(id)) return null;
    const { users } = await find({ ids: [id] }, { after: "", skip: 0, limit: 1 }, caller);
    return users[0] ?? null;
  }

  /** Whoever is a member already, and of whom no provider has said anything, is taken over. */
  async function create(wanted: Wanted, caller: Caller) {
    const address = addressOf(wanted);
    const [byName, byAddress] = await Promise.all([
      findAll({ ids: [], userName: wanted.userName }, caller),
      findAll({ ids: [], email: address }, caller),
    ]);
    const known = [...byName, ...byAddress.filter((user) => isAddressOf(user, address))];
    if (known.some(({ record }) => record !== undefined)) throw taken();
    const [member, ...others] = new Map(known.map((user) => [user.principal?.id, user])).values();
    if (others.length > 0) throw taken();
    const [id, invited] =
      member !== undefined
        ? [present(member.principal).id, undefined]
        : wanted.active
          ? await invite(address, wanted, caller)
          : [await ensure(address, wanted), undefined];
    const removed = member !== undefined && !wanted.active ? await remove(id, caller) : undefined;
    const { user, revision } = await put(id, wanted, true, caller);
    return { user, revisions: [invited, removed, revision] };
  }

  async function invite(
    address: string,
    wanted: Wanted,
    caller: Caller,
  ): Promise<readonly [string, Revision | undefined]> {
    const { members, revision } = await identity.inviteMembers(
      {
        context: caller.context,
        orgId: caller.org,
        userIds: [],
        users: [{ email: address, ...namesIn(wanted.attributes) }],
        serviceAccounts: [],
      },
      caller.hop,
    );
    return [present(members[0]?.principal).id, revision];
  }

  /** A user who is to be remembered, and no member. */
  async function ensure(address: string, { attributes }: Wanted): Promise<string> {
    const { user } = await identity.ensureUser({ user: { email: address, ...namesIn(attributes) } });
    return present(user).id;
  }

  async function change(
    found: Changing | null,
    view: View,
    origin: string,
    caller: Caller,
  ): Promise<Answer<z.infer<typeof resourceSchema>>> {
    if (found === null) throw noSuchObject();
    const { user, wanted } = found;
    const { id } = present(user.principal);
    // Before the membership, which must not begin or end with a request that is refused.
    const namesakes = await findAll({ ids: [], userName: wanted.userName }, caller);
    if (namesakes.some(({ principal }) => principal?.id !== id)) throw taken();
    const moved =
      wanted.active === user.active
        ? undefined
        : wanted.active
          ? await returnAs(id, caller)
          : await remove(id, caller);
    const written = await put(id, wanted, false, caller);
    return { ...answer(showUser(written.user, origin), view), revisions: [moved, written.revision] };
  }

  async function returnAs(id: string, caller: Caller): Promise<Revision | undefined> {
    const { revision } = await identity.inviteMembers(
      { context: caller.context, orgId: caller.org, userIds: [id], users: [], serviceAccounts: [] },
      caller.hop,
    );
    return revision;
  }

  async function remove(id: string, caller: Caller): Promise<Revision | undefined> {
    const { revision } = await identity.removeMembers(
      { context: caller.context, orgId: caller.org, principalIds: [id], emails: [] },
      caller.hop,
    );
    return revision;
  }

  async function put(id: string, wanted: Wanted, mustBeNew: boolean, caller: Caller) {
    const record = {
      userName: wanted.userName,
      externalId: wanted.externalId,
      attributesJson: JSON.stringify(wanted.attributes),
      emails: [...wanted.emails],
      created: undefined,
      updated: undefined,
    };
    const request = { context: caller.context, orgId: caller.org, principalId: id, record, mustBeNew };
    const { user, revision } = await identity
      .putProvisionedUser(request, caller.hop)
      .catch((thrown: unknown) => {
        throw thrown instanceof Fault && thrown.kind === "refused" ? taken() : thrown;
      });
    return { user: present(user), revision };
  }
}

/** Nobody learns from a refusal whether a user is there: who sees none is told what somebody would be. */
function demandsOf(found: Changing | null): readonly Demand[] {
  if (found === null) return [may("member.invite")];
  const { user, wanted } = found;
  const removes = user.active && !wanted.active;
  return [
    ...(removes ? [may("member.remove")] : []),
    ...(removes && saysNothingNew(found) ? [] : [may("member.invite")]),
  ];
}

function saysNothingNew({ user, wanted }: Changing): boolean {
  const standing = wantedFrom(showUser(user, ""), user.active);
  return isDeepStrictEqual({ ...standing, active: wanted.active }, wanted);
}

/** Judges a whole user, so that nothing of it is refused when a part of it has been done. */
function wantedFrom(resource: Resource, activeNow: boolean): Wanted {
  const { schemas: _schemas, id: _id, meta: _meta, userName, externalId, active, ...attributes } = resource;
  if (typeof userName !== "string") throw invalidValue("userName", "is required");
  ensureShort("userName", userName, nameMax);
  if (typeof externalId === "string") ensureShort("externalId", externalId, nameMax);
  const { givenName, familyName } = namesIn(attributes);
  ensureShort("name.givenName", givenName ?? "", nameMax);
  ensureShort("name.familyName", familyName ?? "", nameMax);
  const emails = emailsIn(attributes).map(({ value }) => value);
  for (const [index, address] of emails.entries()) ensureShort(`emails[${index}].value`, address, emailMax);
  const ordered = Object.fromEntries(
    userType.attributes.filter(({ name }) => name in attributes).map(({ name }) => [name, attributes[name]]),
  );
  if (Buffer.byteLength(JSON.stringify(ordered)) > attributesBytesMax) {
    throw invalidValue("body", `all attributes together are larger than ${attributesBytesMax} bytes`);
  }
  return {
    userName,
    externalId: typeof externalId === "string" ? externalId : undefined,
    active: typeof active === "boolean" ? active : activeNow,
    attributes: ordered,
    emails,
  };
}

function ensureShort(field: string, text: string, most: number): void {
  if (text.length > most)
    throw invalidValue(field, `is ${text.length} characters long; at most ${most} are allowed`);
}

interface EmailValue {
  readonly value: string;
  readonly type?: string;
}

function emailsIn({ emails }: Resource): readonly EmailValue[] {
  return ((emails ?? []) as readonly Partial<EmailValue>[]).filter(
    (one): one is EmailValue => one.value !== undefined,
  );
}

/**
 * By which a new user is known everywhere. The name comes first: at many providers people may change their own addresses,
 * and must not become somebody else by that.
 */
function addressOf({ userName, attributes }: Wanted): string {
  if (email.safeParse(userName).success) return userName;
  const emails = emailsIn(attributes);
  const chosen = emails.find(isPrimary) ?? emails.find(({ type }) => type?.toLowerCase() === "work");
  if (chosen !== undefined) return chosen.value;
  throw invalidValue("emails", "a primary or work e-mail address is required where userName is none");
}

function isAddressOf({ principal }: ProvisionedUser, address: string): boolean {
  return principal?.email?.toLowerCase() === address.toLowerCase();
}

function namesIn({ name }: Resource): Pick<Principal, "givenName" | "familyName"> {
  const { givenName, familyName } = (name ?? {}) as Pick<Principal, "givenName" | "familyName">;
  return { givenName, familyName };
}

/** What the owner can look for by an index; null when nobody can have what is asked for. */
function filtersOf(wanted: ReadonlyMap<string, string>): Filters | null {
  const [id, userName] = [wanted.get("id"), wanted.get("userName")];
  const [externalId, address] = [wanted.get("externalId"), wanted.get("emails.value")];
  if (id !== undefined && !isUuid(id)) return null;
  if ([userName, externalId, address].some((text) => text !== undefined && !isCleanText(text))) return null;
  return {
    ids: id === undefined ? [] : [id],
    userName,
    externalId,
    email: address,
  };
}

function answer(resource: Resource, view: View): { body: z.infer<typeof resourceSchema> } {
  const selection = selectionOf(userType, view.attributes, view.excludedAttributes);
  return { body: select(userType, resource, selection) as z.infer<typeof resourceSchema> };
}

function showUser({ principal, active, record }: ProvisionedUser, origin: string): Resource {
  const { id, created } = present(principal);
  const said =
    record === undefined ? ownWords(present(principal)) : (JSON.parse(record.attributesJson) as Resource);
  const extensions = userType.extensions.map((extension) => extension.id).filter((urn) => urn in said);
  return {
    schemas: [userType.schema.id, ...extensions],
    id,
    ...(record?.externalId !== undefined && { externalId: record.externalId }),
    userName: record?.userName ?? principal?.email ?? "",
    ...said,
    active,
    meta: {
      resourceType: userType.name,
      created: timeText(record?.created ?? created),
      lastModified: timeText(record?.updated ?? created),
      location: locationOf(id, origin),
    },
  };
}

/** What there is to say of somebody of whom no provider has said anything. */
function ownWords({ email: address, givenName, familyName }: Principal): Resource {
  const name = {
    ...(familyName !== undefined && { familyName }),
    ...(givenName !== undefined && { givenName }),
  };
  return {
    ...(Object.keys(name).length > 0 && { name }),
    ...(address !== undefined && { emails: [{ value: address, type: "work", primary: true }] }),
  };
}

function locationOf(id: string, origin: string): string {
  return `${origin}${path}/${id}`;
}

function taken(): ScimFault {
  return new ScimFault("uniqueness", "userName: another user has this name or this address", "conflict");
}
