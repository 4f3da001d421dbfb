import { z } from "zod";
import type { Caller } from "../caller.ts";
import type { Owners } from "../owners.ts";
import { present } from "../wire.ts";
import { csrfTokenOf } from "./csrf.ts";

/** Who is signed in, and what the console's pages need for their requests. */
export const session = z.object({
  principal_id: z.uuid(),
  org_id: z.uuid(),
  org_name: z.string(),
  name: z.string().nullable(),
  email: z.string().nullable(),
  kind: z.enum(["user", "service_account"]),
  owner: z.boolean(),
  has_grant: z.boolean(),
  csrf_token: z.string(),
  expires_at: z.iso.datetime(),
});

/** The session that the caller bears. */
export async function showSession(
  caller: Caller,
  { identity, tokens }: Pick<Owners, "identity" | "tokens">,
): Promise<z.infer<typeof session>> {
  const [{ organization }, { members }, { credential }] = await Promise.all([
    identity.getOrganization({ id: caller.org }, caller.hop),
    identity.getMembers({ orgId: caller.org, principalIds: [caller.principal] }, caller.hop),
    tokens.getCredential(
      { orgId: caller.org, kind: "session", id: present(caller.context.actor).credentialId },
      caller.hop,
    ),
  ]);
  const { givenName, familyName, email } = present(members[0]);
  const names = [givenName, familyName].filter((name) => name !== undefined && name !== "");
  return {
    principal_id: caller.principal,
    org_id: caller.org,
    org_name: present(organization).name,
    name: names.length === 0 ? null : names.join(" "),
    email: email ?? null,
    kind: caller.kind,
    owner: caller.owner,
    has_grant: caller.hasGrant,
    csrf_token: csrfTokenOf(caller.credential),
    expires_at: present(present(credential).expiresAt).toISOString(),
  };
}
