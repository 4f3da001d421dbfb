// Who there is: members and groups, found by name.

import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { legible } from "../ui/legible.ts";
import { get, send } from "./http.ts";

export type PrincipalKind = "user" | "service_account";
export type SubjectKind = PrincipalKind | "group";

/** Somebody, or a group, to whom access can be given. */
export interface DirectoryEntry {
  readonly kind: SubjectKind;
  readonly id: string;
  readonly name: string | null;
  readonly email: string | null;
  readonly description: string | null;
  readonly built_in: boolean;
}

export interface Member {
  readonly id: string;
  readonly kind: PrincipalKind;
  readonly name: string | null;
  readonly email: string | null;
  readonly joined: string;
  readonly last_used_at: string | null;
  readonly group_ids: readonly string[];
}

interface Page {
  readonly q?: string | undefined;
  readonly cursor?: string | undefined;
}

const pageSize = 50;

export function directoryQuery(q: string, kinds: readonly SubjectKind[]) {
  return queryOptions({
    queryKey: ["directory", q, kinds],
    queryFn: ({ signal }) =>
      get<{ entries: readonly DirectoryEntry[]; cursor: string | null }>("/v1/access/directory", {
        query: { q, kind: kinds, limit: 25 },
        signal,
      }),
    placeholderData: keepPreviousData,
  });
}

export function membersQuery(kind: PrincipalKind, { q, cursor }: Page) {
  return queryOptions({
    queryKey: ["members", kind, q, cursor],
    queryFn: ({ signal }) =>
      get<{ members: readonly Member[]; cursor: string | null; total: number }>("/v1/access/members", {
        query: { kind, q, cursor, limit: pageSize },
        signal,
      }),
    placeholderData: keepPreviousData,
  });
}

/** Somebody as the public API shows them. */
export interface User {
  readonly id: string;
  readonly given_name: string | null;
  readonly family_name: string | null;
  readonly email: string | null;
}

/** People are known by their name, or else by their e-mail address. */
export function labelOf(one: { readonly name: string | null; readonly email?: string | null }): string {
  return legible(one.name ?? one.email ?? "Without a name");
}

/** The address to show beside what somebody is called, as two may have one name; null where there is none, or it is that. */
export function emailBeside(label: string, email: string | null): string | null {
  return email === label ? null : email;
}

export function nameOf(user: User): string {
  const parts = [user.given_name, user.family_name].filter((part) => part !== null && part !== "");
  return labelOf({ name: parts.length === 0 ? null : parts.join(" "), email: user.email });
}

interface Invited {
  readonly send_email_error: string | null;
  readonly added_users: readonly {
    readonly id: string;
    readonly email: string | null;
    readonly api_key: string | null;
  }[];
}

export function invite(what: {
  readonly emails?: readonly string[];
  readonly service_accounts?: readonly { readonly name: string; readonly token_name?: string }[];
  readonly group_ids: readonly string[];
}): Promise<Invited> {
  return send("PATCH", "/v1/organization/members", { body: { invite_users: what } });
}

export function removeMember(id: string): Promise<unknown> {
  return send("PATCH", "/v1/organization/members", { body: { remove_users: { ids: [id] } } });
}
