import { Fault } from "@portcullis/chassis/fault";
import type { z } from "zod";
import { identify } from "../caller.ts";
import type { Visit } from "../open-route.ts";
import type { Decision, Owners } from "../owners.ts";
import type { Answer } from "../route.ts";
import { present } from "../wire.ts";
import { type CookieChange, keepsCookies } from "./cookies.ts";
import { type session, showSession } from "./show-session.ts";

/** What sessions are made with. */
export interface SessionParts {
  readonly owners: Pick<Owners, "identity" | "tokens">;
  readonly decision: Decision;
}

/** Whom a session is for. */
interface Bearer {
  readonly org: string;
  readonly principal: string;
  /** The key that was shown: the session is never worth more than it. */
  readonly apiKeyId: string | null;
}

/** Signs somebody in: makes a session, and has the browser keep it. */
export async function beginSession(
  { owners, decision }: SessionParts,
  { org, principal, apiKeyId }: Bearer,
  visit: Visit,
): Promise<Answer<z.infer<typeof session>> & { readonly cookies: readonly CookieChange[] }> {
  const { hop, sourceAddress } = visit;
  const made = await owners.tokens.createSession(
    {
      context: {
        actor: { principalId: principal, credentialId: apiKeyId ?? "", impersonatedId: "" },
        requestId: hop.requestId,
        sourceAddress,
        unchangedSince: [],
      },
      orgId: org,
      principalId: principal,
      apiKeyId: apiKeyId ?? "",
    },
    hop,
  );
  const caller = await identify(decision, {
    shown: { secret: made.secret, by: "cookie" },
    hop,
    sourceAddress,
  });
  const seconds = Math.ceil((present(present(made.credential).expiresAt).getTime() - Date.now()) / 1000);
  return {
    body: await showSession(caller, owners),
    revisions: [made.revision],
    cookies: [{ kind: "session", value: made.secret, seconds: Math.max(1, seconds) }],
  };
}

/** No browser would keep the cookie, or everybody on the way could read it. */
export function mustKeepCookies(origin: string): void {
  if (!keepsCookies(origin)) {
    throw new Fault("refused", "signing in takes https, or the machine itself by plain http");
  }
}
