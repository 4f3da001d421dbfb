// Proto to domain and back; the only file that knows both.

import { uuid, word } from "@portcullis/chassis/fields";
import type { CredentialKind } from "@portcullis/credential";
import type { OrgId } from "@portcullis/policy";
import type { Credential as CredentialMessage } from "@portcullis/proto/tokens/v1/tokens";
import type { Credential } from "./domain/credential.ts";

const kinds = ["api_key", "service_token"] as const satisfies readonly CredentialKind[];

export function kindFromWire(value: string): CredentialKind {
  return word(value, "kind", kinds);
}

export function orgFromWire(value: string): OrgId {
  return uuid(value, "org_id");
}

export function credentialToWire(credential: Credential): CredentialMessage {
  return {
    id: credential.id,
    orgId: credential.org,
    kind: credential.kind,
    principalId: credential.principal,
    name: credential.name,
    preview: credential.preview,
    created: credential.created,
    expiresAt: credential.expiresAt ?? undefined,
    revokedAt: credential.revokedAt ?? undefined,
  };
}
