import type { CredentialKind } from "@portcullis/credential";
import type { CredentialDigest, CredentialId, OrgId, PrincipalId } from "@portcullis/policy";

/** An API key or service token, as it is kept: without its secret. */
export interface Credential {
  readonly id: CredentialId;
  readonly org: OrgId;
  readonly kind: CredentialKind;
  readonly principal: PrincipalId;
  /** Need not be unique. */
  readonly name: string;
  readonly preview: string;
  readonly digest: CredentialDigest;
  readonly created: Date;
  readonly expiresAt: Date | null;
  readonly revokedAt: Date | null;
}

export interface NewCredential {
  readonly org: OrgId;
  readonly kind: CredentialKind;
  readonly principal: PrincipalId;
  readonly name: string;
  readonly expiresAt: Date | null;
}

/** What the event log may show of a credential: no digest, which would let a reader recognise a secret. */
export function forTheLog(credential: Credential): object {
  const { digest: _, ...rest } = credential;
  return rest;
}
