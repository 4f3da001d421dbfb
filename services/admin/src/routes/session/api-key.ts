import { Fault, invalid } from "@portcullis/chassis/fault";
import { z } from "zod";
import { identify } from "../../caller.ts";
import { anyText } from "../../input.ts";
import { type OpenRoute, openRoute } from "../../open-route.ts";
import type { RateLimits } from "../../rate-limits.ts";
import { beginSession, mustKeepCookies, type SessionParts } from "../../session/begin-session.ts";
import { mustBeOwnPage } from "../../session/csrf.ts";
import { session } from "../../session/show-session.ts";
import { badCredential, wellFormed } from "../../session/shown-credential.ts";
import { present, renames } from "../../wire.ts";

/** Signing in with an API key. */
export function apiKeySignIn(parts: SessionParts & { readonly limits: RateLimits }): OpenRoute {
  return openRoute({
    method: "POST",
    path: "/v1/access/session",
    summary: "Sign in to the console with an API key",
    body: z.strictObject({ api_key: anyText }),
    response: session,
    async handle({ body, ...visit }) {
      const { hop, sourceAddress, origin, headers } = visit;
      mustBeOwnPage({ method: "POST", headers, origin });
      mustKeepCookies(origin);
      const secret = wellFormed(body.api_key.trim());
      const caller = await identify(parts.decision, {
        shown: { secret, by: "authorization" },
        hop,
        sourceAddress,
      });
      if (caller.credentialKind !== "api_key") throw invalid("api_key", "must be an API key");
      const { credentialId } = present(caller.context.actor);
      await parts.limits.withCredential(credentialId);
      const bearer = { org: caller.org, principal: caller.principal, apiKeyId: credentialId };
      return beginSession(parts, bearer, visit).catch((thrown: unknown) => {
        // It was good a moment ago.
        throw thrown instanceof Fault && thrown.field === "api_key_id" ? badCredential() : thrown;
      });
    },
    fieldOf: renames([/^principal_id/, "api_key"]),
  });
}
