import { Fault } from "@portcullis/chassis/fault";
import { z } from "zod";
import { type OpenRoute, openRoute, type SentOn, type Visit } from "../../open-route.ts";
import type { Owners } from "../../owners.ts";
import { beginSession, mustKeepCookies, type SessionParts } from "../../session/begin-session.ts";
import { type Choice, choosePath, secondsToChoose } from "../../session/choice.ts";
import { cookieOf } from "../../session/cookies.ts";
import { returnTo } from "../../session/return-to.ts";
import type { Sealing } from "../../session/sealed.ts";
import type { SingleSignOn, Transaction } from "../../session/single-sign-on.ts";

export const signOnPath = "/v1/access/session/sso";
export const callbackPath = `${signOnPath}/callback`;

/** What signing in at an identity provider takes. */
export interface SignOnParts {
  /** As people know the provider. */
  readonly name: string;
  readonly provider: SingleSignOn;
  readonly transactions: Sealing<Transaction>;
  readonly choices: Sealing<Choice>;
}

const secondsToSignIn = 10 * 60;

/** Signing in at an identity provider: the way there, and the way back. */
export function singleSignOnRoutes(
  parts: SessionParts & { readonly signOn: SignOnParts | null },
): readonly OpenRoute[] {
  return [
    openRoute({
      method: "GET",
      path: signOnPath,
      summary: "Go to the identity provider to sign in to the console",
      query: z.object({ return_to: returnTo }),
      async handle({ query, origin }) {
        const { provider, transactions } = configured(parts.signOn);
        mustKeepCookies(origin);
        const { url, transaction } = await provider.begin(query.return_to);
        const value = await transactions.seal(transaction, secondsToSignIn);
        return { goTo: url.href, cookies: [{ kind: "signIn", value, seconds: secondsToSignIn }] };
      },
    }),
    openRoute({
      method: "GET",
      path: callbackPath,
      summary: "Come back from the identity provider",
      async handle(visit): Promise<SentOn> {
        const { provider, transactions, choices } = configured(parts.signOn);
        const sealed = cookieOf(visit, "signIn", visit.origin);
        const transaction = sealed === undefined ? null : await transactions.open(sealed);
        if (transaction === null) {
          throw new Fault(
            "refused",
            "signing in took too long, or was begun in another browser: begin again",
          );
        }
        const email = await provider.finish(new URL(visit.url, visit.origin), transaction);
        const over = { kind: "signIn", value: null } as const;
        const { principal, orgs } = await membershipsOf(email, parts.owners, visit);
        const [org, ...others] = orgs;
        if (org === undefined) throw noMember();
        if (others.length > 0) {
          const value = await choices.seal(
            { principal, email, returnTo: transaction.returnTo },
            secondsToChoose,
          );
          return { goTo: choosePath, cookies: [over, { kind: "choice", value, seconds: secondsToChoose }] };
        }
        const bearer = { org, principal, apiKeyId: null };
        const { cookies } = await beginSession(parts, bearer, visit).catch((thrown: unknown) => {
          // A member a moment ago.
          throw thrown instanceof Fault && thrown.field === "principal_id" ? noMember() : thrown;
        });
        return { goTo: transaction.returnTo, cookies: [over, ...cookies] };
      },
    }),
  ];
}

function noMember(): Fault {
  return new Fault("denied", "your e-mail address is that of no member here: ask for an invitation");
}

function configured(signOn: SignOnParts | null): SignOnParts {
  if (signOn === null) throw new Fault("absent", "single sign-on is not set up here");
  return signOn;
}

/** Nobody comes into being by signing in: who was invited nowhere is told the same as who is unknown. */
async function membershipsOf(
  email: string,
  { identity }: Pick<Owners, "identity">,
  { hop }: Visit,
): Promise<{ readonly principal: string; readonly orgs: readonly string[] }> {
  const nobody = { principal: "", orgs: [] };
  try {
    const { user } = await identity.findUser({ email }, hop);
    if (user === undefined) return nobody;
    const { orgIds } = await identity.findMemberships({ principalId: user.id, limit: 2 }, hop);
    return { principal: user.id, orgs: orgIds };
  } catch (thrown) {
    // An address that identity would not take is nobody's either.
    if (thrown instanceof Fault && (thrown.kind === "absent" || thrown.kind === "invalid")) return nobody;
    throw thrown;
  }
}
