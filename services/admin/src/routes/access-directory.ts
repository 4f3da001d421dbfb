import { cursorBehind, readCursor } from "@portcullis/chassis/cursor";
import { invalid } from "@portcullis/chassis/fault";
import type { FoundGroup } from "@portcullis/proto/groups/v1/groups";
import type { FoundMember } from "@portcullis/proto/identity/v1/identity";
import { z } from "zod";
import { may } from "../access.ts";
import { type Caller, sees } from "../caller.ts";
import { anyText, countTextUpTo, name, several } from "../input.ts";
import type { Owners } from "../owners.ts";
import { showPerson } from "../person.ts";
import { type Route, route } from "../route.ts";
import { present, renames } from "../wire.ts";

const limitMax = 100;
const limitDefault = 25;

const kinds = ["user", "service_account", "group"] as const;
const [user, serviceAccount, group] = kinds;

// Strict: a filter whose name is misspelled must not be taken for none.
const query = z.strictObject({
  org_id: anyText.optional(),
  org_name: anyText.optional(),
  q: name.optional(),
  kind: several(z.enum(kinds)),
  limit: countTextUpTo(limitMax).optional(),
  cursor: anyText.optional(),
});

const entry = z.object({
  kind: z.enum(kinds),
  id: z.uuid(),
  name: z.string(),
  email: z.string().nullable(),
  description: z.string().nullable(),
  built_in: z.boolean(),
});
type Entry = z.infer<typeof entry>;

/** Whoever can be granted something, to choose from while typing. */
export function directoryRoutes({ identity, groups }: Owners): readonly Route[] {
  return [
    route({
      method: "GET",
      path: "/v1/access/directory",
      summary: "Find members and groups by name",
      query,
      response: z.object({ entries: z.array(entry), cursor: z.string().nullable() }),
      requires: () => may("member.read_self"),
      async handle({ query }, caller) {
        const limit = query.limit ?? limitDefault;
        const text = query.q ?? "";
        const wanted = new Set(query.kind.length === 0 ? kinds : query.kind);
        const question = ["directory", caller.org, text, ...kinds.filter((kind) => wanted.has(kind))];
        const behind = decode(query.cursor, question);
        const [people, teams] = await Promise.all([
          wanted.has(user) || wanted.has(serviceAccount)
            ? identity.searchMembers(
                {
                  orgId: caller.org,
                  text,
                  kind: wanted.has(user) ? (wanted.has(serviceAccount) ? "" : user) : serviceAccount,
                  among: visibleTo(caller),
                  after: behind.member,
                  limit,
                  count: false,
                },
                caller.hop,
              )
            : { members: [], more: false },
          wanted.has(group) && sees(caller, "group")
            ? groups.searchGroups(
                { orgId: caller.org, text, after: behind.group, limit, count: false, contents: false },
                caller.hop,
              )
            : { groups: [], more: false },
        ]);
        const all = [...people.members.map(showMember), ...teams.groups.map(showGroup)].toSorted(byName);
        const shown = all.slice(0, limit);
        const isWhole = all.length === shown.length && !people.more && !teams.more;
        const last = (isGroup: boolean) =>
          shown.findLast(({ shown: { kind } }) => (kind === group) === isGroup)?.shown.id;
        const next = { member: last(false) ?? behind.member, group: last(true) ?? behind.group };
        return {
          body: { entries: shown.map((one) => one.shown), cursor: isWhole ? null : encode(next, question) },
        };
      },
      fieldOf: renames([/^after$/, "cursor"]),
    }),
  ];
}

/** Of the members, whom the caller may see; undefined: all. */
export function visibleTo(caller: Caller): { ids: string[] } | undefined {
  return sees(caller, "org_member") ? undefined : { ids: [caller.principal] };
}

/** How far each of the two lists has been shown; empty: not at all. */
interface Behind {
  readonly member: string;
  readonly group: string;
}

function encode({ member, group: team }: Behind, question: readonly string[]): string {
  return [member, team].map((id) => (id === "" ? "" : cursorBehind(id, question))).join(".");
}

function decode(cursor: string | undefined, question: readonly string[]): Behind {
  if (cursor === undefined) return { member: "", group: "" };
  const parts = cursor.split(".").map((part) => readCursor(part, question) ?? "");
  const [member = "", team = ""] = parts;
  if (parts.length !== 2) throw invalid("cursor", "is not one that a page ended with");
  return { member, group: team };
}

interface Sorted {
  readonly shown: Entry;
  readonly key: Buffer;
}

function showMember({ principal, sortKey }: FoundMember): Sorted {
  const { id, kind, name: full, email } = showPerson(present(principal));
  const shown = { kind, id, name: full ?? email ?? "", email, description: null, built_in: false };
  return { shown, key: Buffer.from(sortKey) };
}

function showGroup({ id, name: title, description, builtIn, sortKey }: FoundGroup): Sorted {
  const shown: Entry = {
    kind: group,
    id,
    name: title,
    email: null,
    description: description ?? null,
    built_in: builtIn !== "",
  };
  return { shown, key: Buffer.from(sortKey) };
}

/** As either list is sorted by itself. */
function byName(one: Sorted, other: Sorted): number {
  return Buffer.compare(one.key, other.key) || (one.shown.id < other.shown.id ? -1 : 1);
}
