import { cursorBehind, readCursor } from "@portcullis/chassis/cursor";
import { z } from "zod";
import { type Access, may } from "../access.ts";
import { sees } from "../caller.ts";
import { anyText, countTextUpTo, name } from "../input.ts";
import { visibleLastUses } from "../last-uses.ts";
import type { Owners } from "../owners.ts";
import { person, showPerson } from "../person.ts";
import { type Route, route } from "../route.ts";
import { present, renames, timeText } from "../wire.ts";
import { visibleTo } from "./access-directory.ts";

const limitMax = 1000;
const limitDefault = 100;

const query = z.strictObject({
  org_id: anyText.optional(),
  org_name: anyText.optional(),
  q: name.optional(),
  kind: z.enum(["user", "service_account"]).optional(),
  limit: countTextUpTo(limitMax).optional(),
  cursor: anyText.optional(),
});

const member = person.extend({
  joined: z.iso.datetime().nullable(),
  /** Null also where the caller may not be told. */
  last_used_at: z.iso.datetime().nullable(),
  group_ids: z.array(z.uuid()),
});

/** The members as a list to look through. */
export function memberListRoutes({ identity, groups, tokens }: Owners, access: Access): readonly Route[] {
  return [
    route({
      method: "GET",
      path: "/v1/access/members",
      summary: "List members by name, with their groups and when they were active last",
      query,
      response: z.object({
        members: z.array(member),
        cursor: z.string().nullable(),
        total: z.number().int(),
      }),
      requires: () => may("member.read_self"),
      async handle({ query }, caller) {
        const text = query.q ?? "";
        const kind = query.kind ?? "";
        const question = ["members", caller.org, text, kind];
        const { members, more, total } = await identity.searchMembers(
          {
            orgId: caller.org,
            text,
            kind,
            among: visibleTo(caller),
            after: readCursor(query.cursor ?? "", question) ?? "",
            limit: query.limit ?? limitDefault,
            count: true,
          },
          caller.hop,
        );
        const people = members.map(({ principal, joined }) => ({
          ...showPerson(present(principal)),
          joined: timeText(joined),
        }));
        const principalIds = people.map(({ id }) => id);
        const [memberships, uses] = await Promise.all([
          sees(caller, "group")
            ? groups
                .listMemberships({ orgId: caller.org, principalIds }, caller.hop)
                .then((found) => Map.groupBy(found.memberships, ({ principalId }) => principalId))
            : null,
          visibleLastUses({ tokens, access }, principalIds, caller),
        ]);
        const shown = people.map((one) => ({
          ...one,
          last_used_at: uses.get(one.id) ?? null,
          group_ids: (memberships?.get(one.id) ?? []).map(({ groupId }) => groupId),
        }));
        const last = shown.at(-1);
        const cursor = more && last !== undefined ? cursorBehind(last.id, question) : null;
        return { body: { members: shown, cursor, total } };
      },
      fieldOf: renames([/^after$/, "cursor"]),
    }),
  ];
}
