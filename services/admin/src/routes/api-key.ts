import { Fault } from "@portcullis/chassis/fault";
import type { Principal } from "@portcullis/proto/identity/v1/identity";
import type { Credential } from "@portcullis/proto/tokens/v1/tokens";
import { z } from "zod";
import { may, noSuchObject } from "../access.ts";
import type { Caller } from "../caller.ts";
import { anyText, id, listQuery, maybe, name } from "../input.ts";
import type { Owners } from "../owners.ts";
import { type Route, route } from "../route.ts";
import { idOrNull, pageToWire, present, renames, timeText } from "../wire.ts";
import { limits, limitsToWire, rotate, rotation, showLimits, shownLimits } from "./credential.ts";

const apiKey = z.object({
  id: z.uuid(),
  created: z.iso.datetime().nullable(),
  name: z.string(),
  preview_name: z.string(),
  user_id: z.uuid().nullable(),
  user_email: z.string().nullable(),
  user_given_name: z.string().nullable(),
  user_family_name: z.string().nullable(),
  org_id: z.uuid().nullable(),
  ...shownLimits,
});

const created = apiKey.extend({ key: z.string() });

const kind = "api_key";

const params = z.object({ api_key_id: id });

/** API keys: one's own, and for an Owner everybody's. */
export function apiKeyRoutes({ identity, tokens }: Owners): readonly Route[] {
  const find = ({ params }: { params: { api_key_id: string } }, caller: Caller) =>
    tokens
      .getCredential({ orgId: caller.org, id: params.api_key_id, kind }, caller.hop)
      .then(({ credential }) => present(credential));
  const mayManage = (key: Credential, caller: Caller) =>
    key.principalId === caller.principal
      ? may("api_key.manage_own")
      : may("api_key.manage_all", { knownTo: [] });
  const show = async (keys: readonly Credential[], caller: Caller): Promise<z.infer<typeof apiKey>[]> => {
    const principalIds = [...new Set(keys.map((key) => key.principalId))];
    if (principalIds.length === 0) return [];
    const { members } = await identity.getMembers({ orgId: caller.org, principalIds }, caller.hop);
    const holders = new Map(members.map((member) => [member.id, member]));
    return keys.map((key) => shownKey(key, holders.get(key.principalId)));
  };
  const showOne = async (key: Credential, caller: Caller) => present((await show([key], caller))[0]);
  return [
    route({
      method: "POST",
      path: "/v1/api_key",
      summary: "Create an API key for oneself",
      body: z.strictObject({
        name,
        org_name: maybe(anyText),
        org_id: maybe(id),
        ...limits,
      }),
      response: created,
      requires: () => may("api_key.manage_own"),
      async handle({ body }, caller) {
        notImpersonated(caller);
        if (caller.kind !== "user") {
          throw new Fault(
            "denied",
            "not allowed: only people have API keys, a service account has service tokens",
          );
        }
        const made = await tokens.createCredential(
          {
            context: caller.context,
            orgId: caller.org,
            kind,
            principalId: caller.principal,
            name: body.name,
            ...limitsToWire(body),
            replace: false,
          },
          caller.hop,
        );
        const shown = await showOne(present(made.credential), caller);
        return { body: { ...shown, key: made.secret }, revisions: [made.revision] };
      },
    }),
    route({
      method: "GET",
      path: "/v1/api_key",
      summary: "List one's own API keys, or as an Owner everybody's",
      query: z.object({
        ...listQuery,
        api_key_name: anyText.optional(),
        scope: z.enum(["own", "organization"]).default("own"),
      }),
      response: z.object({ objects: z.array(apiKey) }),
      requires: ({ query }) =>
        query.scope === "organization" ? may("api_key.manage_all") : may("api_key.manage_own"),
      async handle({ query }, caller) {
        const { credentials } = await tokens.listCredentials(
          {
            orgId: caller.org,
            page: pageToWire(query),
            kind,
            principalId: query.scope === "organization" ? "" : caller.principal,
            ids: query.ids,
            names: query.api_key_name === undefined ? [] : [query.api_key_name],
          },
          caller.hop,
        );
        return { body: { objects: await show(credentials, caller) } };
      },
      fieldOf: renames([/^names\[0\]/, "api_key_name"]),
    }),
    route({
      method: "GET",
      path: "/v1/api_key/:api_key_id",
      summary: "Get an API key, without its secret",
      params,
      response: apiKey,
      find,
      requires: ({ found }, caller) => mayManage(found, caller),
      async handle({ found }, caller) {
        return { body: await showOne(found, caller) };
      },
    }),
    route({
      method: "POST",
      path: "/v1/access/api-keys/:api_key_id/rotate",
      summary: "Make an API key in place of one of one's own, which goes on for a while",
      params,
      body: rotation,
      response: created,
      find,
      // Whoever gets the new key acts as its holder: nobody but the holder may.
      requires: ({ found }, caller) =>
        found.principalId === caller.principal
          ? may("api_key.manage_own")
          : may("api_key.manage_own", { knownTo: [may("api_key.manage_all")] }),
      async handle({ body, found }, caller) {
        notImpersonated(caller);
        if (found.principalId !== caller.principal) {
          throw caller.owner
            ? new Fault("denied", "not allowed: nobody makes API keys of a user but that user")
            : noSuchObject();
        }
        const made = await rotate(tokens, found, body.overlapSeconds, caller);
        const shown = await showOne(present(made.credential), caller);
        return { body: { ...shown, key: made.secret }, revisions: [made.revision] };
      },
    }),
    route({
      method: "DELETE",
      path: "/v1/api_key/:api_key_id",
      summary: "Revoke an API key",
      params,
      response: apiKey,
      find,
      requires: ({ found }, caller) => mayManage(found, caller),
      standing: ({ found }, caller) => showOne(found, caller),
      async handle({ found }, caller) {
        const shown = await showOne(found, caller);
        const revoked = await tokens.revokeCredential(
          { context: caller.context, orgId: caller.org, id: found.id, kind },
          caller.hop,
        );
        return { body: shown, revisions: [revoked.revision] };
      },
    }),
  ];
}

function shownKey(key: Credential, holder: Principal | undefined): z.infer<typeof apiKey> {
  return {
    id: key.id,
    created: timeText(key.created),
    name: key.name,
    preview_name: key.preview,
    user_id: idOrNull(key.principalId),
    user_email: holder?.email ?? null,
    user_given_name: holder?.givenName ?? null,
    user_family_name: holder?.familyName ?? null,
    org_id: key.orgId,
    ...showLimits(key),
  };
}

/** It would outlive the impersonation, and act under the user's name alone. */
function notImpersonated(caller: Caller): void {
  if (caller.impersonated) {
    throw new Fault("denied", "not allowed: nobody makes API keys of a user but that user");
  }
}
