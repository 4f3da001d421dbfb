import { invalid } from "@portcullis/chassis/fault";
import type { Principal } from "@portcullis/proto/identity/v1/identity";
import type { Credential } from "@portcullis/proto/tokens/v1/tokens";
import { z } from "zod";
import { may } from "../access.ts";
import type { Caller } from "../caller.ts";
import { anyText, id, listQuery, maybe, name } from "../input.ts";
import type { Owners } from "../owners.ts";
import { type Route, route } from "../route.ts";
import { idOrNull, pageToWire, present, renames, timeText } from "../wire.ts";
import { limits, limitsToWire, rotate, rotation, showLimits, shownLimits } from "./credential.ts";

const serviceToken = z.object({
  id: z.uuid(),
  created: z.iso.datetime().nullable(),
  name: z.string(),
  preview_name: z.string(),
  service_account_id: z.uuid().nullable(),
  service_account_email: z.string().nullable(),
  service_account_name: z.string().nullable(),
  org_id: z.uuid().nullable(),
  ...shownLimits,
});

const created = serviceToken.extend({ key: z.string() });

const kind = "service_token";

const params = z.object({ service_token_id: id });

const content = z.strictObject({ name, org_name: maybe(anyText), service_account_id: id, ...limits });

const fieldOf = renames(
  [/^principal_id$/, "service_account_id"],
  [/^id$/, "service_token_id"],
  [/^names\[0\]/, "service_token_name"],
);

/** Tokens of service accounts; all of this is for Owners. */
export function serviceTokenRoutes({ identity, tokens }: Owners): readonly Route[] {
  const accountsOf = async (ids: readonly string[], caller: Caller) => {
    const principalIds = [...new Set(ids)];
    if (principalIds.length === 0) return new Map<string, Principal>();
    const { members } = await identity.getMembers({ orgId: caller.org, principalIds }, caller.hop);
    return new Map(members.map((member) => [member.id, member]));
  };
  const list = async (found: readonly Credential[], caller: Caller) => {
    const accounts = await accountsOf(
      found.map((token) => token.principalId),
      caller,
    );
    return found.map((token) => show(token, accounts.get(token.principalId)));
  };
  const get = async (tokenId: string, caller: Caller) => {
    const { credential } = await tokens.getCredential({ orgId: caller.org, id: tokenId, kind }, caller.hop);
    return present((await list([present(credential)], caller))[0]);
  };
  const revoke = async (tokenId: string, caller: Caller) => {
    const shown = await get(tokenId, caller);
    const revoked = await tokens.revokeCredential(
      { context: caller.context, orgId: caller.org, id: tokenId, kind },
      caller.hop,
    );
    return { body: shown, revisions: [revoked.revision] };
  };
  const create = (method: "POST" | "PUT", summary: string) =>
    route({
      method,
      path: "/v1/service_token",
      summary,
      body: content,
      response: created,
      requires: () => may("service_token.manage"),
      async handle({ body }, caller) {
        const account = (await accountsOf([body.service_account_id], caller)).get(body.service_account_id);
        if (account?.kind !== "service_account")
          throw invalid("service_account_id", "no such service account");
        const made = await tokens.createCredential(
          {
            context: caller.context,
            orgId: caller.org,
            kind,
            principalId: account.id,
            name: body.name,
            ...limitsToWire(body),
            replace: method === "PUT",
          },
          caller.hop,
        );
        return {
          body: { ...show(present(made.credential), account), key: made.secret },
          foundExisting: made.replaced,
          revisions: [made.revision],
        };
      },
      fieldOf,
    });
  return [
    create("POST", "Create a service token"),
    create("PUT", "Create a service token instead of those of the same name"),
    route({
      method: "DELETE",
      path: "/v1/service_token",
      summary: "Revoke a service token",
      body: z.strictObject({ id }),
      response: serviceToken,
      requires: () => may("service_token.manage"),
      standing: ({ body }, caller) => get(body.id, caller),
      handle: ({ body }, caller) => revoke(body.id, caller),
    }),
    route({
      method: "GET",
      path: "/v1/service_token",
      summary: "List service tokens",
      query: z.object({ ...listQuery, service_token_name: anyText.optional() }),
      response: z.object({ objects: z.array(serviceToken) }),
      requires: () => may("service_token.manage"),
      async handle({ query }, caller) {
        const { credentials } = await tokens.listCredentials(
          {
            orgId: caller.org,
            page: pageToWire(query),
            kind,
            principalId: "",
            ids: query.ids,
            names: query.service_token_name === undefined ? [] : [query.service_token_name],
          },
          caller.hop,
        );
        return { body: { objects: await list(credentials, caller) } };
      },
      fieldOf,
    }),
    route({
      method: "GET",
      path: "/v1/service_token/:service_token_id",
      summary: "Get a service token, without its secret",
      params,
      response: serviceToken,
      requires: () => may("service_token.manage", { knownTo: [] }),
      async handle({ params }, caller) {
        return { body: await get(params.service_token_id, caller) };
      },
      fieldOf,
    }),
    route({
      method: "POST",
      path: "/v1/access/service-tokens/:service_token_id/rotate",
      summary: "Make a service token in place of another one, which goes on for a while",
      params,
      body: rotation,
      response: created,
      requires: () => may("service_token.manage", { knownTo: [] }),
      async handle({ params, body }, caller) {
        const made = await rotate(tokens, { id: params.service_token_id, kind }, body.overlapSeconds, caller);
        const [shown] = await list([present(made.credential)], caller);
        return { body: { ...present(shown), key: made.secret }, revisions: [made.revision] };
      },
      fieldOf,
    }),
    route({
      method: "DELETE",
      path: "/v1/service_token/:service_token_id",
      summary: "Revoke a service token",
      params,
      response: serviceToken,
      requires: () => may("service_token.manage", { knownTo: [] }),
      standing: ({ params }, caller) => get(params.service_token_id, caller),
      handle: ({ params }, caller) => revoke(params.service_token_id, caller),
      fieldOf,
    }),
  ];
}

function show(token: Credential, account: Principal | undefined): z.infer<typeof serviceToken> {
  return {
    id: token.id,
    created: timeText(token.created),
    name: token.name,
    preview_name: token.preview,
    service_account_id: idOrNull(token.principalId),
    service_account_email: account?.email ?? null,
    service_account_name: account?.givenName ?? account?.familyName ?? null,
    org_id: token.orgId,
    ...showLimits(token),
  };
}
