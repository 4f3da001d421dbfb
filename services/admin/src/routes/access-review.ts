import { cursorBehind, readCursor } from "@portcullis/chassis/cursor";
import { invalid } from "@portcullis/chassis/fault";
import { permissions } from "@portcullis/policy";
import type { HeldGrant, ListHeldGrantsRequest } from "@portcullis/proto/decision/v1/decision";
import type { Principal } from "@portcullis/proto/identity/v1/identity";
import { z } from "zod";
import { may, objectRef } from "../access.ts";
import type { Caller } from "../caller.ts";
import { anyText, countUpTo, id, maybe } from "../input.ts";
import { lastUses } from "../last-uses.ts";
import type { Decision, Owners } from "../owners.ts";
import { person, showPerson } from "../person.ts";
import { type Route, route } from "../route.ts";
import { idOrNull, present, renames, timeText } from "../wire.ts";
import { object } from "./access-check.ts";
import { grantPath, showPath } from "./access-explain.ts";

const limitMax = 1000;
const limitDefault = 100;

const asked = z
  .strictObject({
    object: maybe(object),
    group_id: maybe(id),
    limit: maybe(countUpTo(limitMax)),
    cursor: maybe(anyText),
    org_id: maybe(anyText),
    org_name: maybe(anyText),
  })
  .refine((given) => (given.object === undefined) !== (given.group_id === undefined), {
    path: ["object"],
    message: "is required, or else group_id, and not both",
  });

const word = z.enum(permissions);

const entry = z.object({
  /** Its kind is null when it is no member any more. */
  principal: person.extend({ kind: z.enum(["user", "service_account", "group"]).nullable() }),
  permissions: z.array(word),
  below: z.array(z.object({ object_type: z.string(), permissions: z.array(word) })),
  paths: z.array(grantPath),
  paths_cut: z.boolean(),
  /** Null: a member of the group that is reviewed. */
  acl_id: z.uuid().nullable(),
  /** Null: not known. */
  since: z.iso.datetime().nullable(),
  expires_at: z.iso.datetime().nullable(),
  last_used_at: z.iso.datetime().nullable(),
  marks: z.array(z.enum(["expired", "empty_group", "former_member", "duplicate", "everybody", "never_used"])),
});
type Entry = z.infer<typeof entry>;

/** Who has what and since when, for whoever looks whether they still should. */
export function reviewRoutes(owners: Owners, decision: Decision): readonly Route[] {
  return [
    route({
      method: "POST",
      path: "/v1/access/review",
      summary:
        "List who has what on an object, or what a group has and who is in it, with what is stale marked",
      body: asked,
      response: z.object({
        entries: z.array(entry),
        cursor: z.string().nullable(),
        everybody: z.array(word),
        revision: z.string(),
      }),
      requires: ({ body }) =>
        body.object === undefined
          ? [may("access.ask_all"), may("group.read", { knownTo: [] })]
          : may("access.ask", objectRef(body.object.type, body.object.id)),
      async handle({ body }, caller) {
        const parts = { owners, decision, limit: body.limit ?? limitDefault, caller };
        return {
          body:
            body.group_id === undefined
              ? await reviewObject(parts, present(body.object), body.cursor ?? "")
              : await reviewGroup(parts, body.group_id, body.cursor ?? ""),
        };
      },
      fieldOf: renames([/^after$/, "cursor"]),
    }),
  ];
}

interface Parts {
  readonly owners: Owners;
  readonly decision: Decision;
  readonly limit: number;
  readonly caller: Caller;
}

async function reviewObject(parts: Parts, about: z.infer<typeof object>, cursor: string) {
  const held = await heldGrants(parts, { $case: "object", value: about }, cursor);
  const entries = await showAll(parts, held.grants);
  const everybody = permissions.filter((each) => held.everybody.includes(each));
  return { entries, cursor: idOrNull(held.cursor), everybody, revision: held.revision };
}

/** First what it has, then who is in it. A cursor says by its first letter in which of the two it lies. */
async function reviewGroup(parts: Parts, groupId: string, cursor: string) {
  const { owners, limit, caller } = parts;
  const request = { orgId: caller.org, groupId, among: undefined };
  const question = ["review", caller.org, groupId];
  if (cursor !== "" && !/^[am]/.test(cursor)) throw invalid("cursor", "is not one that a page ended with");
  const place = cursor.slice(1);
  const after = cursor.startsWith("m") ? (readCursor(place, question) ?? "") : "";
  const inside = await owners.groups.listGroupPrincipals({ ...request, after, limit }, caller.hop);
  let entries: Entry[] = [];
  let revision = "";
  if (!cursor.startsWith("m")) {
    const held = await heldGrants(parts, { $case: "groupId", value: groupId }, place);
    entries = await showAll(parts, held.grants);
    if (held.cursor !== "") {
      return { entries, cursor: `a${held.cursor}`, everybody: [], revision: held.revision };
    }
    revision = held.revision;
  }
  const last = inside.principalIds.at(-1);
  return {
    entries: [...entries, ...(await showMembers(parts, groupId, inside.principalIds))],
    cursor: inside.more && last !== undefined ? `m${cursorBehind(last, question)}` : null,
    everybody: [],
    revision,
  };
}

function heldGrants(
  { decision, limit, caller }: Parts,
  what: NonNullable<ListHeldGrantsRequest["what"]>,
  cursor: string,
) {
  const consistency = { kind: { $case: "fullyConsistent", value: {} } } as const;
  return decision.listHeldGrants({ orgId: caller.org, what, limit, cursor, consistency }, caller.hop);
}

async function showMembers(
  { owners, caller }: Parts,
  groupId: string,
  principalIds: string[],
): Promise<Entry[]> {
  const known = await knowledgeOf(owners, { principalIds, aclIds: [], inGroups: principalIds }, caller);
  return principalIds.map((id) => ({
    principal: known.principal(id),
    permissions: [],
    below: [],
    paths: [],
    paths_cut: false,
    acl_id: null,
    since: timeText(known.added(id, groupId)),
    expires_at: null,
    last_used_at: known.lastUse(id),
    marks: known.neverUsed(id) ? ["never_used"] : [],
  }));
}

async function showAll({ owners, caller }: Parts, grants: readonly HeldGrant[]): Promise<Entry[]> {
  const holders = grants.map(({ holder }) => present(holder));
  const principalIds = distinct(holders.filter(({ type }) => type === "principal").map(({ id }) => id));
  const known = await knowledgeOf(
    owners,
    {
      principalIds,
      aclIds: distinct(grants.map(({ acl }) => present(acl).id)),
      inGroups: distinct(
        grants.filter(({ paths }) => paths.some(isByGroup)).map(({ holder }) => present(holder).id),
      ),
    },
    caller,
  );
  return grants.map((grant): Entry => {
    const { id, type, name } = present(grant.holder);
    const acl = present(grant.acl);
    const isPrincipal = type === "principal";
    const marks = entry.shape.marks.parse(grant.marks);
    return {
      principal: isPrincipal ? known.principal(id) : { id, kind: "group", name: idOrNull(name), email: null },
      permissions: wordsOf(grant.permissions),
      below: grant.below.map((each) => ({
        object_type: each.type,
        permissions: wordsOf(each.permissions),
      })),
      paths: grant.paths.map(showPath),
      paths_cut: grant.pathsCut,
      acl_id: acl.id,
      since: timeText(isPrincipal ? since(grant, known) : known.created(acl.id)),
      expires_at: timeText(acl.expiresAt),
      last_used_at: isPrincipal ? known.lastUse(id) : null,
      marks: isPrincipal && known.neverUsed(id) ? [...marks, "never_used"] : marks,
    };
  });
}

/**
 * When both the ACL and the first of the memberships that lead to it were there. When groups came to nest is not kept, so
 * it may have been later.
 */
function since({ acl, holder, paths, pathsCut }: HeldGrant, known: Knowledge): Date | undefined {
  const created = known.created(present(acl).id);
  const ways = paths.map(({ groups }) => groups[0]);
  if (created === undefined || ways.every((group) => group === undefined)) return created;
  if (pathsCut) return undefined;
  const times = ways.map((group) => known.added(present(holder).id, group?.id ?? ""));
  if (times.some((time) => time === undefined)) return undefined;
  const joined = Math.min(...times.map((time) => time?.getTime() ?? 0));
  return new Date(Math.max(joined, created.getTime()));
}

function isByGroup({ groups }: HeldGrant["paths"][number]): boolean {
  return groups.length > 0;
}

/** What the owners know of those who are reviewed. */
interface Knowledge {
  principal(id: string): Entry["principal"];
  created(aclId: string): Date | undefined;
  /** Since when a principal is directly in a group, where that is known. */
  added(principalId: string, groupId: string): Date | undefined;
  lastUse(principalId: string): string | null;
  /** A member, none of whose credentials was ever used. */
  neverUsed(principalId: string): boolean;
}

interface Concerned {
  readonly principalIds: string[];
  readonly aclIds: string[];
  /** Whose memberships of groups matter. */
  readonly inGroups: string[];
}

async function knowledgeOf(
  { identity, groups, grants, tokens }: Owners,
  { principalIds, aclIds, inGroups }: Concerned,
  caller: Caller,
): Promise<Knowledge> {
  const orgId = caller.org;
  const [{ members }, { acls }, { memberships }, uses] = await Promise.all([
    identity.getMembers({ orgId, principalIds }, caller.hop),
    aclIds.length === 0 ? { acls: [] } : grants.listAcls({ ...everyAcl, orgId, ids: aclIds }, caller.hop),
    groups.listMemberships({ orgId, principalIds: inGroups }, caller.hop),
    lastUses(tokens, principalIds, caller),
  ]);
  const people = new Map(members.map((one: Principal) => [one.id, showPerson(one)]));
  const created = new Map(acls.map((acl) => [acl.id, acl.created]));
  const added = new Map(memberships.map((one) => [`${one.principalId} ${one.groupId}`, one.added] as const));
  return {
    principal: (principal) => people.get(principal) ?? { id: principal, kind: null, name: null, email: null },
    created: (acl) => created.get(acl),
    added: (principal, group) => added.get(`${principal} ${group}`),
    lastUse: (principal) => uses.get(principal) ?? null,
    neverUsed: (principal) => people.has(principal) && !uses.has(principal),
  };
}

const everyAcl = {
  page: undefined,
  object: undefined,
  objectType: "",
  principalId: "",
  groupId: "",
  permission: "",
  restrictObjectType: "",
  roleId: "",
};

function wordsOf(words: readonly string[]): z.infer<typeof word>[] {
  return permissions.filter((each) => words.includes(each));
}

function distinct(ids: readonly string[]): string[] {
  return [...new Set(ids)];
}
