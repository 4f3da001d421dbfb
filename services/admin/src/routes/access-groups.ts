import { cursorBehind, readCursor } from "@portcullis/chassis/cursor";
import type { Principal } from "@portcullis/proto/identity/v1/identity";
import { z } from "zod";
import { may } from "../access.ts";
import { type Caller, sees } from "../caller.ts";
import { anyText, countTextUpTo, id, name } from "../input.ts";
import type { Owners } from "../owners.ts";
import { person, showPerson } from "../person.ts";
import { type Route, route } from "../route.ts";
import { present, renames, timeText } from "../wire.ts";

const limitMax = 1000;
const limitDefault = 100;

/** As many ids as one request to an owner may hold. */
const idsMax = 10_000;
/** A page of a large group ends, full or not, when so many names have been looked through, so many at a time. */
const namesMax = 20_000;
const namesAtOnce = 4000;

const query = z.strictObject({
  org_id: anyText.optional(),
  org_name: anyText.optional(),
  q: name.optional(),
  limit: countTextUpTo(limitMax).optional(),
  cursor: anyText.optional(),
});

const group = z.object({
  id: z.uuid(),
  name: z.string(),
  description: z.string().nullable(),
  built_in: z.boolean(),
  created: z.iso.datetime().nullable(),
  /** Those directly in it. */
  member_count: z.number().int(),
  member_group_ids: z.array(z.uuid()),
});

/** Groups, and who is in them, as lists to look through. */
export function groupListRoutes(owners: Owners): readonly Route[] {
  const { groups } = owners;
  return [
    route({
      method: "GET",
      path: "/v1/access/groups",
      summary: "List groups by name, with how many are in each and which groups nest in it",
      query,
      response: z.object({ groups: z.array(group), cursor: z.string().nullable(), total: z.number().int() }),
      requires: () => may("member.read_self"),
      async handle({ query }, caller) {
        const text = query.q ?? "";
        const question = ["groups", caller.org, text];
        const after = readCursor(query.cursor ?? "", question) ?? "";
        if (!sees(caller, "group")) return { body: { groups: [], cursor: null, total: 0 } };
        const limit = query.limit ?? limitDefault;
        const {
          groups: found,
          more,
          total,
        } = await groups.searchGroups(
          { orgId: caller.org, text, after, limit, count: true, contents: true },
          caller.hop,
        );
        const shown = found.map((one) => ({
          id: one.id,
          name: one.name,
          description: one.description ?? null,
          built_in: one.builtIn !== "",
          created: timeText(one.created),
          member_count: one.principalCount,
          member_group_ids: one.memberGroupIds,
        }));
        const last = shown.at(-1);
        const cursor = more && last !== undefined ? cursorBehind(last.id, question) : null;
        return { body: { groups: shown, cursor, total } };
      },
      fieldOf: renames([/^after$/, "cursor"]),
    }),
    route({
      method: "GET",
      path: "/v1/access/groups/:group_id/members",
      summary: "List the direct members of a group by name",
      params: z.object({ group_id: id }),
      query,
      response: z.object({ members: z.array(person), cursor: z.string().nullable() }),
      requires: () => [may("group.read", { knownTo: [] }), may("member.read", { knownTo: [] })],
      async handle({ params, query }, caller) {
        const text = query.q ?? "";
        const question = ["group members", caller.org, params.group_id, text];
        const { members, behind } = await listMembers(
          owners,
          {
            groupId: params.group_id,
            text,
            after: readCursor(query.cursor ?? "", question) ?? "",
            limit: query.limit ?? limitDefault,
          },
          caller,
        );
        return {
          body: {
            members: members.map(showPerson),
            cursor: behind === null ? null : cursorBehind(behind, question),
          },
        };
      },
      fieldOf: renames([/^after$/, "cursor"]),
    }),
  ];
}

interface Wanted {
  readonly groupId: string;
  readonly text: string;
  readonly after: string;
  readonly limit: number;
}

interface Page {
  readonly members: readonly Principal[];
  /** The id behind which the next page begins; null: there is none. */
  readonly behind: string | null;
}

/**
 * groups knows who is in, identity what they are called. Of a group whose ids fit into one request identity is asked for
 * the names of those; of a larger one groups is asked which of the next names are in, as then many are.
 */
async function listMembers(
  { identity, groups }: Pick<Owners, "identity" | "groups">,
  { groupId, text, after, limit }: Wanted,
  caller: Caller,
): Promise<Page> {
  const orgId = caller.org;
  const search = (from: string, count: number, among: { ids: string[] } | undefined) =>
    identity
      .searchMembers({ orgId, text, kind: "", among, after: from, limit: count, count: false }, caller.hop)
      .then(({ members, more }) => ({ members: members.map(({ principal }) => present(principal)), more }));
  const ids = await groups.listGroupPrincipals(
    { orgId, groupId, among: undefined, after: "", limit: idsMax },
    caller.hop,
  );
  if (!ids.more) {
    const { members, more } = await search(after, limit, { ids: ids.principalIds });
    return { members, behind: more ? (members.at(-1)?.id ?? null) : null };
  }
  const found: Principal[] = [];
  let behind = after;
  for (let names = 0; names < namesMax; names += namesAtOnce) {
    const { members, more } = await search(behind, namesAtOnce, undefined);
    const { principalIds } = await groups.listGroupPrincipals(
      { orgId, groupId, among: { ids: members.map(({ id }) => id) }, after: "", limit: namesAtOnce },
      caller.hop,
    );
    const inside = new Set(principalIds);
    found.push(...members.filter((member) => inside.has(member.id)));
    if (found.length > limit || (found.length === limit && more)) {
      const shown = found.slice(0, limit);
      return { members: shown, behind: shown.at(-1)?.id ?? null };
    }
    if (!more) return { members: found, behind: null };
    behind = members.at(-1)?.id ?? behind;
  }
  return { members: found, behind };
}
