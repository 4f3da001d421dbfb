import type { Config } from "./config.ts";
import { callbackPath, type SignOnParts } from "./routes/session/single-sign-on.ts";
import { choice } from "./session/choice.ts";
import { sealing } from "./session/sealed.ts";
import { singleSignOn, transaction } from "./session/single-sign-on.ts";

type SignOnConfig = Pick<
  Config,
  | "PORTCULLIS_OIDC_ISSUER"
  | "PORTCULLIS_OIDC_CLIENT_ID"
  | "PORTCULLIS_OIDC_CLIENT_SECRET"
  | "PORTCULLIS_OIDC_NAME"
  | "PORTCULLIS_COOKIE_SECRET"
  | "PORTCULLIS_PUBLIC_URL"
>;

/** What single sign-on is made of; null when it is not set up. The provider is asked when somebody comes. */
export function signOnOf(config: SignOnConfig): SignOnParts | null {
  const {
    PORTCULLIS_OIDC_ISSUER: issuer,
    PORTCULLIS_OIDC_CLIENT_ID: clientId,
    PORTCULLIS_OIDC_CLIENT_SECRET: clientSecret,
    PORTCULLIS_COOKIE_SECRET: cookieSecret,
    PORTCULLIS_PUBLIC_URL: publicUrl,
  } = config;
  if (!issuer || !clientId || !clientSecret || !cookieSecret || !publicUrl) return null;
  return {
    name: config.PORTCULLIS_OIDC_NAME,
    provider: singleSignOn({ issuer, clientId, clientSecret, redirectUri: `${publicUrl}${callbackPath}` }),
    transactions: sealing(cookieSecret, "sign-in", transaction),
    choices: sealing(cookieSecret, "choice of an organization", choice),
  };
}
