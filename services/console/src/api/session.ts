import { queryOptions } from "@tanstack/react-query";
import { askSession, get, type OwnSession, post, rememberSession, send, sessionPath } from "./http.ts";

/** Who is signed in, and where. */
export interface Session extends OwnSession {
  readonly org_name: string;
  readonly name: string | null;
  readonly email: string | null;
  readonly kind: "user" | "service_account";
  /** A member of the Owners group, nested groups included. */
  readonly owner: boolean;
  /** Without any grant one sees only oneself. */
  readonly has_grant: boolean;
  readonly expires_at: string;
}

export interface SignInOptions {
  readonly single_sign_on: { readonly name: string; readonly url: string } | null;
}

export interface OrganizationChoice {
  readonly email: string;
  readonly organizations: readonly { readonly id: string; readonly name: string }[];
  readonly return_to: string;
}

export const sessionQuery = queryOptions({
  queryKey: ["session"],
  queryFn: ({ signal }) => askSession<Session>(signal),
  staleTime: 60_000,
});

export const signInOptionsQuery = queryOptions({
  queryKey: ["sign-in options"],
  queryFn: ({ signal }) => get<SignInOptions>("/v1/access/session/options", { signal }),
});

export const organizationChoiceQuery = queryOptions({
  queryKey: ["organizations to sign in to"],
  queryFn: ({ signal }) => get<OrganizationChoice>("/v1/access/session/organizations", { signal }),
  // Good until one is chosen, and for no other visit of the page.
  staleTime: Infinity,
  gcTime: 0,
});

export function signIn(apiKey: string): Promise<Session> {
  return post<Session>(sessionPath, { api_key: apiKey }).then(begun);
}

export function chooseOrganization(orgId: string): Promise<Session> {
  return post<Session>("/v1/access/session/organization", { org_id: orgId }).then(begun);
}

export function signOut(everywhere: boolean): Promise<unknown> {
  return send("DELETE", sessionPath, { query: { everywhere: everywhere ? true : undefined } });
}

function begun(session: Session): Session {
  rememberSession(session);
  return session;
}
