import { z } from "zod";
import { may } from "../../access.ts";
import type { Owners } from "../../owners.ts";
import { type Route, route } from "../../route.ts";
import { present } from "../../wire.ts";
import { showOrganization } from "../organization.ts";
import { showUser, user } from "../user.ts";

const login = z.object({
  org_info: z.array(
    z.object({
      id: z.uuid(),
      name: z.string(),
      /** Where the SDK sends everything else. */
      api_url: z.string(),
      proxy_url: z.string(),
      is_universal_api: z.boolean().nullable(),
      git_metadata: z.null(),
    }),
  ),
});

const self = user.extend({ organizations: z.array(z.object({ id: z.uuid(), name: z.string() })) });

/** What an SDK asks first: whose key it holds, and where to go with it. */
export function loginRoutes({ identity }: Pick<Owners, "identity">): readonly Route[] {
  return [
    route({
      method: "POST",
      path: "/api/apikey/login",
      summary: "Tell the organization of an API key, and where it is served",
      response: login,
      requires: () => may("organization.read"),
      async handle({ origin }, caller) {
        const { organization } = await identity.getOrganization({ id: caller.org }, caller.hop);
        const shown = showOrganization(present(organization));
        return {
          body: {
            org_info: [
              {
                id: shown.id,
                name: shown.name,
                api_url: shown.api_url ?? origin,
                proxy_url: shown.proxy_url ?? origin,
                is_universal_api: shown.is_universal_api,
                git_metadata: null,
              },
            ],
          },
        };
      },
    }),
    route({
      method: "GET",
      path: "/ping",
      summary: "Tell the organization of a credential",
      response: z.object({ org_id: z.uuid() }),
      requires: () => may("organization.read"),
      handle: (_ask, caller) => Promise.resolve({ body: { org_id: caller.org } }),
    }),
    ...(["GET", "POST"] as const).map((method) =>
      route({
        method,
        path: "/api/self/me",
        summary: "Tell who bears a credential",
        response: self,
        requires: () => may("member.read_self"),
        async handle(_ask, caller) {
          const [{ organization }, { members }] = await Promise.all([
            identity.getOrganization({ id: caller.org }, caller.hop),
            identity.getMembers({ orgId: caller.org, principalIds: [caller.principal] }, caller.hop),
          ]);
          const { id, name } = present(organization);
          return { body: { ...showUser(present(members[0])), organizations: [{ id, name }] } };
        },
      }),
    ),
  ];
}
