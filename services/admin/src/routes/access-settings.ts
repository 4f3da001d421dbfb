import { z } from "zod";
import { may } from "../access.ts";
import { anyText, maybe } from "../input.ts";
import { accessSettings, settingsOf } from "../organization-settings.ts";
import type { Owners } from "../owners.ts";
import { type Route, route } from "../route.ts";
import { present, renames } from "../wire.ts";

const settings = z.object({ creator_owner_grant: z.boolean(), grant_cap: z.boolean() });

const changes = z.strictObject({
  creator_owner_grant: maybe(z.boolean()),
  grant_cap: maybe(z.boolean()),
  org_id: maybe(anyText),
  org_name: maybe(anyText),
});

/** What an organisation decides for itself about access, beside what the public API knows of. */
export function settingsRoutes({ identity }: Pick<Owners, "identity">): readonly Route[] {
  return [
    route({
      method: "GET",
      path: "/v1/access/settings",
      summary: "Get the organization's settings of access control",
      response: settings,
      requires: () => may("organization.read"),
      async handle(_ask, caller) {
        return { body: await settingsOf(identity, caller) };
      },
    }),
    route({
      method: "PATCH",
      path: "/v1/access/settings",
      summary: "Change the organization's settings of access control",
      body: changes,
      response: settings,
      requires: () => may("organization.update"),
      async handle({ body: { creator_owner_grant, grant_cap } }, caller) {
        const updated = await identity.updateOrganization(
          {
            context: caller.context,
            id: caller.org,
            name: undefined,
            settingsJson: JSON.stringify({ creator_owner_grant, grant_cap }),
          },
          caller.hop,
        );
        return { body: accessSettings(present(updated.organization)), revisions: [updated.revision] };
      },
      fieldOf: renames([/^settings_json.*/, "body"]),
    }),
  ];
}
