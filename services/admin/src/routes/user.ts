import type { Principal } from "@portcullis/proto/identity/v1/identity";
import { z } from "zod";
import { may, noSuchObject } from "../access.ts";
import { sees } from "../caller.ts";
import { anyText, id, listQuery, several } from "../input.ts";
import type { Owners } from "../owners.ts";
import { type Route, route } from "../route.ts";
import { pageToWire, timeText } from "../wire.ts";

/** Somebody, as the public API shows them. */
export const user = z.object({
  id: z.uuid(),
  given_name: z.string().nullable(),
  family_name: z.string().nullable(),
  email: z.string().nullable(),
  avatar_url: z.string().nullable(),
  created: z.iso.datetime().nullable(),
});

/** The organisation's members, people and service accounts alike: both have a `user_id`. */
export function userRoutes({ identity }: Owners): readonly Route[] {
  return [
    route({
      method: "GET",
      path: "/v1/user",
      summary: "List users",
      query: z.object({
        ...listQuery,
        given_name: several(anyText),
        family_name: several(anyText),
        email: several(anyText),
      }),
      response: z.object({ objects: z.array(user) }),
      requires: () => may("member.read_self"),
      async handle({ query }, caller) {
        // Who holds no grant sees only themself.
        const seesAll = sees(caller, "org_member");
        const ids = seesAll ? query.ids : [caller.principal];
        if (!seesAll && query.ids.length > 0 && !query.ids.includes(caller.principal)) {
          return { body: { objects: [] } };
        }
        const { members } = await identity.listMembers(
          {
            orgId: caller.org,
            page: pageToWire(query),
            ids,
            emails: query.email,
            givenNames: query.given_name,
            familyNames: query.family_name,
            kind: "",
          },
          caller.hop,
        );
        return { body: { objects: members.map(showUser) } };
      },
    }),
    route({
      method: "GET",
      path: "/v1/user/:user_id",
      summary: "Get a user",
      params: z.object({ user_id: id }),
      response: user,
      requires: ({ params }, caller) =>
        params.user_id === caller.principal ? may("member.read_self") : may("member.read", { knownTo: [] }),
      async handle({ params }, caller) {
        const { members } = await identity.getMembers(
          { orgId: caller.org, principalIds: [params.user_id] },
          caller.hop,
        );
        const [member] = members;
        if (member === undefined) throw noSuchObject();
        return { body: showUser(member) };
      },
    }),
  ];
}

/** Somebody in the words of the public API. */
export function showUser(message: Principal): z.infer<typeof user> {
  return {
    id: message.id,
    given_name: message.givenName ?? null,
    family_name: message.familyName ?? null,
    email: message.email ?? null,
    avatar_url: message.avatarUrl ?? null,
    created: timeText(message.created),
  };
}
