// An identity provider for tests: a real one, at which whoever comes is one of its accounts by a click.

import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Provider } from "oidc-provider";
import { generate } from "selfsigned";

/** What the provider says of somebody. */
export interface Account {
  readonly email?: string;
  readonly email_verified?: unknown;
}

export interface IdentityProviderOptions {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly redirectUris: readonly string[];
  /** By their names; may grow. */
  readonly accounts: Readonly<Record<string, Account>>;
}

export interface IdentityProvider extends AsyncDisposable {
  readonly issuer: string;
  /** A file with the certificate of who vouches for the provider's, for `NODE_EXTRA_CA_CERTS`. */
  readonly authority: string;
}

/** Speaks HTTPS on the loopback interface, as every provider must. */
export async function startIdentityProvider(options: IdentityProviderOptions): Promise<IdentityProvider> {
  await using parts = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), "portcullis-provider-"));
  parts.defer(() => rm(folder, { recursive: true }));
  const { private: key, cert } = await generate([{ name: "commonName", value: "127.0.0.1" }], {
    extensions: [
      { name: "basicConstraints", cA: true },
      { name: "subjectAltName", altNames: [{ type: 7, ip: "127.0.0.1" }] },
    ],
  });
  const authority = join(folder, "authority.pem");
  await writeFile(authority, cert);
  const server = createServer({ key, cert });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  parts.defer(() => {
    server.closeAllConnections();
    return new Promise<void>((resolve) => server.close(() => resolve()));
  });
  const issuer = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  server.on("request", handler(issuer, options));
  const running = parts.move();
  return { issuer, authority, [Symbol.asyncDispose]: () => running.disposeAsync() };
}

type Handle = (request: IncomingMessage, response: ServerResponse) => void;

function handler(
  issuer: string,
  { clientId, clientSecret, redirectUris, accounts }: IdentityProviderOptions,
): Handle {
  const provider = new Provider(issuer, {
    clients: [{ client_id: clientId, client_secret: clientSecret, redirect_uris: [...redirectUris] }],
    claims: { email: ["email", "email_verified"] },
    // As the large ones do: what is asked for by a scope stands in the ID token.
    conformIdTokenClaims: false,
    ttl: { Interaction: 600, Grant: 600, Session: 600, AccessToken: 600, IdToken: 600 },
    pkce: { required: () => true },
    features: { devInteractions: { enabled: false } },
    cookies: { keys: ["only for tests"] },
    interactions: { url: (_context, { uid }) => `/interaction/${uid}` },
    findAccount: (_context, sub) => ({
      accountId: sub,
      claims: () => ({ sub, ...accounts[sub] }),
    }),
    // Nobody is asked whether we may know the address.
    async loadExistingGrant({ oidc }) {
      const grant = new provider.Grant({
        clientId: oidc.client?.clientId ?? "",
        accountId: oidc.session?.accountId ?? "",
      });
      grant.addOIDCScope("openid email");
      await grant.save();
      return grant;
    },
  });
  const answer = provider.callback();
  return (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "/", issuer);
    const account = searchParams.get("account");
    if (!pathname.startsWith("/interaction/")) void answer(request, response);
    else if (account === null)
      response.setHeader("content-type", "text/html").end(page(pathname, Object.keys(accounts)));
    else {
      const result = account === "" ? { error: "access_denied" } : { login: { accountId: account } };
      void provider.interactionFinished(request, response, result);
    }
  };
}

/** A link for each account, and one for nobody. */
function page(path: string, accounts: readonly string[]): string {
  const links = ["", ...accounts].map(
    (account) => `<a href="${path}?account=${encodeURIComponent(account)}">${account || "nobody"}</a>`,
  );
  return `<!doctype html><title>Sign in</title>${links.join("<br>")}`;
}
