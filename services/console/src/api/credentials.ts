// API keys and service tokens. Their secrets come once, in the answer that makes them.

import type { ObjectType, Permission } from "@portcullis/policy";
import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import type { ObjectRef } from "./access.ts";
import { get, post, send } from "./http.ts";

export interface Scope {
  readonly permissions: readonly Permission[] | null;
  readonly object_types: readonly ObjectType[] | null;
  readonly objects: readonly ObjectRef[] | null;
}

interface Credential {
  readonly id: string;
  readonly created: string | null;
  readonly name: string;
  readonly preview_name: string;
  readonly expires_at: string | null;
  readonly last_used_at: string | null;
  readonly scope: Scope | null;
}

export interface ApiKey extends Credential {
  readonly user_id: string | null;
  readonly user_email: string | null;
  readonly user_given_name: string | null;
  readonly user_family_name: string | null;
}

export interface ServiceToken extends Credential {
  readonly service_account_id: string | null;
  readonly service_account_name: string | null;
}

export type AnyCredential = ApiKey | ServiceToken;

/** What is made: with its secret. */
type Made = Credential & { readonly key: string };

/** What may be said of a credential when it is made. */
export interface Limits {
  readonly name: string;
  readonly expires_at?: string;
  readonly scope?: {
    readonly permissions?: readonly Permission[];
    readonly object_types?: readonly ObjectType[];
    readonly objects?: readonly ObjectRef[];
  };
}

/** The two kinds of credentials: where they are, and what they are called. */
export const credentialKinds = {
  apiKey: { path: "/v1/api_key", rotatePath: "/v1/access/api-keys", noun: "API key" },
  serviceToken: { path: "/v1/service_token", rotatePath: "/v1/access/service-tokens", noun: "service token" },
} as const;

export type CredentialKind = keyof typeof credentialKinds;

const pageSize = 50;

export function apiKeysQuery(of: "own" | "organization", after: string | undefined) {
  return queryOptions({
    queryKey: ["credentials", "apiKey", of, after],
    queryFn: ({ signal }) => listPage<ApiKey>("apiKey", { scope: of, starting_after: after }, signal),
    placeholderData: keepPreviousData,
  });
}

export function serviceTokensQuery(after: string | undefined) {
  return queryOptions({
    queryKey: ["credentials", "serviceToken", after],
    queryFn: ({ signal }) => listPage<ServiceToken>("serviceToken", { starting_after: after }, signal),
    placeholderData: keepPreviousData,
  });
}

export function createApiKey(limits: Limits): Promise<Made> {
  return post(credentialKinds.apiKey.path, limits);
}

export function createServiceToken(limits: Limits & { readonly service_account_id: string }): Promise<Made> {
  return post(credentialKinds.serviceToken.path, limits);
}

export function rotate(kind: CredentialKind, id: string, overlapSeconds: number): Promise<Made> {
  const path = `${credentialKinds[kind].rotatePath}/${encodeURIComponent(id)}/rotate`;
  return post(path, { overlap_seconds: overlapSeconds });
}

export function revoke(kind: CredentialKind, id: string): Promise<unknown> {
  return send("DELETE", `${credentialKinds[kind].path}/${encodeURIComponent(id)}`);
}

async function listPage<T extends Credential>(
  kind: CredentialKind,
  query: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal,
) {
  const { objects } = await get<{ objects: readonly T[] }>(credentialKinds[kind].path, {
    query: { ...query, limit: pageSize + 1 },
    signal,
  });
  const shown = objects.slice(0, pageSize);
  return { objects: shown, next: objects.length > pageSize ? (shown.at(-1)?.id ?? null) : null };
}
