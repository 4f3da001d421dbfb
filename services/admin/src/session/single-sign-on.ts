// OpenID Connect: the browser goes to the identity provider with a question that only this sign-in asked, and comes back
// with a code, which we exchange for the provider's word on whose e-mail address it is.

import { Fault } from "@portcullis/chassis/fault";
import {
  AuthorizationResponseError,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  type ClientAuth,
  ClientSecretBasic,
  ClientSecretPost,
  type Configuration,
  calculatePKCECodeChallenge,
  discovery,
  enableNonRepudiationChecks,
  ResponseBodyError,
  randomNonce,
  randomPKCECodeVerifier,
  randomState,
} from "openid-client";
import { z } from "zod";

/** The identity provider, and who we are to it. */
export interface ProviderOptions {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Where the provider sends the browser back to. */
  readonly redirectUri: string;
}

/** What is known of a sign-in under way, and of nothing else. */
export const transaction = z.object({
  state: z.string(),
  nonce: z.string(),
  codeVerifier: z.string(),
  returnTo: z.string(),
});

export type Transaction = z.infer<typeof transaction>;

export interface SingleSignOn {
  /** Where the browser goes, and what must be kept until it is back. */
  begin(returnTo: string): Promise<{ readonly url: URL; readonly transaction: Transaction }>;
  /** The address that the provider has verified. `came` is the address at which the browser came back. */
  finish(came: URL, transaction: Transaction): Promise<string>;
}

/** No request to the provider takes longer. */
const patienceSeconds = 5;
/** So often it is asked for its addresses and keys anew. */
const discoveredAgainAfterMs = 60 * 60_000;

export function singleSignOn(options: ProviderOptions): SingleSignOn {
  const { redirectUri } = options;
  const provider = remembered(() => discover(options));
  return {
    async begin(returnTo) {
      const configuration = await provider();
      const [state, nonce, codeVerifier] = [randomState(), randomNonce(), randomPKCECodeVerifier()];
      const url = buildAuthorizationUrl(configuration, {
        redirect_uri: redirectUri,
        scope: "openid email",
        state,
        nonce,
        code_challenge: await calculatePKCECodeChallenge(codeVerifier),
        code_challenge_method: "S256",
      });
      return { url, transaction: { state, nonce, codeVerifier, returnTo } };
    },
    async finish(came, { state, nonce, codeVerifier }) {
      const configuration = await provider();
      const answer = new URL(redirectUri);
      answer.search = came.search;
      const tokens = await authorizationCodeGrant(configuration, answer, {
        expectedState: state,
        expectedNonce: nonce,
        pkceCodeVerifier: codeVerifier,
        idTokenExpected: true,
      }).catch((thrown: unknown) => {
        throw faultOf(thrown);
      });
      return verifiedAddress(tokens.claims());
    },
  };
}

const claims = z.object({ email: z.string().min(1).max(254), email_verified: z.literal(true) });

function verifiedAddress(told: unknown): string {
  const { success, data } = claims.safeParse(told);
  if (!success) {
    throw new Fault("denied", "the identity provider does not vouch for an e-mail address of yours");
  }
  return data.email;
}

async function discover({ issuer, clientId, clientSecret }: ProviderOptions): Promise<Configuration> {
  try {
    return await discovery(new URL(issuer), clientId, undefined, showing(clientSecret), {
      timeout: patienceSeconds,
      // An ID token's signature is checked though it comes from the provider itself.
      execute: [enableNonRepudiationChecks],
    });
  } catch (thrown) {
    throw providerDown(thrown);
  }
}

/** In the way that is the default between client and provider, unless this provider says that it knows only the other one. */
function showing(clientSecret: string): ClientAuth {
  const [basic, post] = [ClientSecretBasic(clientSecret), ClientSecretPost(clientSecret)];
  return (server, ...rest) => {
    const known = server.token_endpoint_auth_methods_supported;
    const auth = known === undefined || known.includes("client_secret_basic") ? basic : post;
    return auth(server, ...rest);
  };
}

/** Many at once make one attempt, and a failure is forgotten at once. */
function remembered<T>(make: () => Promise<T>): () => Promise<T> {
  let known: { readonly value: Promise<T>; readonly since: number } | null = null;
  return () => {
    if (known !== null && performance.now() - known.since < discoveredAgainAfterMs) return known.value;
    const value = make();
    const made = { value, since: performance.now() };
    known = made;
    value.catch(() => {
      if (known === made) known = null;
    });
    return value;
  };
}

/** What the provider said no to, what did not belong to this sign-in, and what the provider can't do now. */
function faultOf(thrown: unknown): Fault {
  if (thrown instanceof AuthorizationResponseError && !providersTrouble.has(thrown.error)) {
    return new Fault("denied", "the identity provider did not sign you in", { cause: thrown });
  }
  if (thrown instanceof ResponseBodyError && thrown.error === "invalid_grant") return foreign(thrown);
  return thrown instanceof Error && wrongAnswers.has(codeOf(thrown)) ? foreign(thrown) : providerDown(thrown);
}

/** Errors that the provider sends the browser back with when it is not about the person. */
const providersTrouble: ReadonlySet<string> = new Set(["server_error", "temporarily_unavailable"]);

/** Codes of the library for an answer to another question: its state, its nonce, or whom it is meant for. */
const wrongAnswers: ReadonlySet<string> = new Set([
  "OAUTH_INVALID_RESPONSE",
  "OAUTH_JWT_CLAIM_COMPARISON_FAILED",
  "OAUTH_JWT_TIMESTAMP_CHECK_FAILED",
]);

function codeOf(error: Error): string {
  return "code" in error ? String(error.code) : "";
}

function foreign(cause: unknown): Fault {
  return new Fault("refused", "this is no answer to a sign-in that was begun here: begin again", { cause });
}

function providerDown(cause: unknown): Fault {
  return new Fault("unavailable", "the identity provider can't be asked now: try again later", {
    cause,
    retryAfterMs: 5000,
  });
}
