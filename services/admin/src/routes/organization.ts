import { invalid } from "@portcullis/chassis/fault";
import type { Organization } from "@portcullis/proto/identity/v1/identity";
import { z } from "zod";
import { may, noSuchObject } from "../access.ts";
import type { Caller } from "../caller.ts";
import { id, listQuery, maybe, name } from "../input.ts";
import type { Owners } from "../owners.ts";
import { type Route, route } from "../route.ts";
import { pageToWire, present, renames, timeText } from "../wire.ts";

const imageRenderingMode = z.enum(["auto", "click_to_load", "blocked"]);

const organization = z.object({
  id: z.uuid(),
  name: z.string(),
  api_url: z.string().nullable(),
  is_universal_api: z.boolean().nullable(),
  is_dataplane_private: z.boolean().nullable(),
  proxy_url: z.string().nullable(),
  realtime_url: z.string().nullable(),
  created: z.iso.datetime().nullable(),
  image_rendering_mode: imageRenderingMode.nullable(),
});

const params = z.object({ organization_id: id });

const url = name;

const settings = {
  api_url: maybe(url),
  is_universal_api: maybe(z.boolean()),
  is_dataplane_private: maybe(z.boolean()),
  proxy_url: maybe(url),
  realtime_url: maybe(url),
  image_rendering_mode: maybe(imageRenderingMode),
} as const;

const storedSettings = z.object(settings);

const fieldOf = renames([/^settings_json.*/, "body"], [/^id$/, "organization_id"]);

/** The organisation of the caller's credential: the only one that it sees. */
export function organizationRoutes({ identity }: Owners): readonly Route[] {
  const own = (caller: Caller) =>
    identity
      .getOrganization({ id: caller.org }, caller.hop)
      .then(({ organization }) => present(organization));
  return [
    route({
      method: "GET",
      path: "/v1/organization",
      summary: "List organizations",
      query: z.object(listQuery),
      response: z.object({ objects: z.array(organization) }),
      requires: () => may("organization.read"),
      async handle({ query }, caller) {
        const page = pageToWire(query);
        const cursor = page.startingAfter || page.endingBefore;
        if (cursor !== "" && cursor !== caller.org) {
          const field = page.startingAfter === "" ? "ending_before" : "starting_after";
          throw invalid(field, "is no object of this list");
        }
        const listed =
          cursor === "" && page.limit !== 0 && (query.ids.length === 0 || query.ids.includes(caller.org));
        return { body: { objects: listed ? [showOrganization(await own(caller))] : [] } };
      },
      fieldOf,
    }),
    route({
      method: "GET",
      path: "/v1/organization/:organization_id",
      summary: "Get an organization",
      params,
      response: organization,
      requires: () => may("organization.read"),
      async handle({ params }, caller) {
        if (params.organization_id !== caller.org) throw noSuchObject();
        return { body: showOrganization(await own(caller)) };
      },
      fieldOf,
    }),
    route({
      method: "PATCH",
      path: "/v1/organization/:organization_id",
      summary: "Change an organization's name and settings",
      params,
      body: z.strictObject({ name: maybe(name), ...settings }),
      response: organization,
      async find({ params }, caller) {
        if (params.organization_id !== caller.org) throw noSuchObject();
      },
      requires: () => may("organization.update"),
      standing: async (_ask, caller) => showOrganization(await own(caller)),
      async handle({ body: { name, ...given } }, caller) {
        const updated = await identity.updateOrganization(
          { context: caller.context, id: caller.org, name, settingsJson: JSON.stringify(given) },
          caller.hop,
        );
        return { body: showOrganization(present(updated.organization)), revisions: [updated.revision] };
      },
      fieldOf,
    }),
  ];
}

/** An organisation in the words of the public API. */
export function showOrganization(message: Organization): z.infer<typeof organization> {
  const stored = storedSettings.parse(message.settingsJson === "" ? {} : JSON.parse(message.settingsJson));
  return {
    id: message.id,
    name: message.name,
    api_url: stored.api_url ?? null,
    is_universal_api: stored.is_universal_api ?? null,
    is_dataplane_private: stored.is_dataplane_private ?? null,
    proxy_url: stored.proxy_url ?? null,
    realtime_url: stored.realtime_url ?? null,
    created: timeText(message.created),
    image_rendering_mode: stored.image_rendering_mode ?? null,
  };
}
