import { Fault, invalid } from "@portcullis/chassis/fault";
import { z } from "zod";
import { id } from "../../input.ts";
import { type OpenRoute, openRoute, type Visit } from "../../open-route.ts";
import { beginSession, type SessionParts } from "../../session/begin-session.ts";
import type { Choice } from "../../session/choice.ts";
import { cookieOf } from "../../session/cookies.ts";
import { mustBeOwnPage } from "../../session/csrf.ts";
import { session } from "../../session/show-session.ts";
import { present } from "../../wire.ts";
import type { SignOnParts } from "./single-sign-on.ts";

/** No more organisations than these are shown to choose from. */
const organizationsMax = 1000;

/** For who is a member of several organisations: which ones, and then one of them. */
export function choiceRoutes(
  parts: SessionParts & { readonly signOn: SignOnParts | null },
): readonly OpenRoute[] {
  const { identity } = parts.owners;
  const chooser = async ({ headers, origin, cookies }: Visit, method: string): Promise<Choice> => {
    mustBeOwnPage({ method, headers, origin });
    const sealed = cookieOf({ cookies }, "choice", origin);
    const choice =
      sealed === undefined || parts.signOn === null ? null : await parts.signOn.choices.open(sealed);
    if (choice === null) {
      throw new Fault("unauthenticated", "nobody has signed in, or too long ago: begin again");
    }
    return choice;
  };
  return [
    openRoute({
      method: "GET",
      path: "/v1/access/session/organizations",
      summary: "List the organizations to sign in to",
      response: z.object({
        email: z.string(),
        organizations: z.array(z.object({ id: z.uuid(), name: z.string() })),
        return_to: z.string(),
      }),
      async handle(visit) {
        const { principal, email, returnTo } = await chooser(visit, "GET");
        const { orgIds } = await identity.findMemberships(
          { principalId: principal, limit: organizationsMax },
          visit.hop,
        );
        const found = await Promise.all(
          orgIds.map((orgId) => identity.getOrganization({ id: orgId }, visit.hop)),
        );
        const organizations = found
          .map(({ organization }) => present(organization))
          .map(({ id, name }) => ({ id, name }))
          .toSorted((one, other) => one.name.localeCompare(other.name));
        return { body: { email, organizations, return_to: returnTo } };
      },
    }),
    openRoute({
      method: "POST",
      path: "/v1/access/session/organization",
      summary: "Sign in to one of several organizations",
      body: z.strictObject({ org_id: id }),
      response: session,
      async handle({ body, ...visit }) {
        const { principal } = await chooser(visit, "POST");
        const bearer = { org: body.org_id, principal, apiKeyId: null };
        const begun = await beginSession(parts, bearer, visit).catch((thrown: unknown) => {
          throw thrown instanceof Fault && thrown.field === "principal_id"
            ? invalid("org_id", "is no organization of yours")
            : thrown;
        });
        return { ...begun, cookies: [{ kind: "choice", value: null }, ...begun.cookies] };
      },
    }),
  ];
}
