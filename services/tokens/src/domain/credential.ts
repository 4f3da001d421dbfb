import type { CredentialKind } from "@portcullis/credential";
import type { CredentialDigest, CredentialId, OrgId, PrincipalId, Scope } from "@portcullis/policy";

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
  /** When another one was made in its place. */
  readonly rotatedAt: Date | null;
  /** Null: whatever its principal may do. */
  readonly scope: Scope | null;
}

export interface NewCredential {
  readonly org: OrgId;
  readonly kind: CredentialKind;
  readonly principal: PrincipalId;
  readonly name: string;
  readonly expiresAt: Date | null;
  readonly scope: Scope | null;
}

/** How long a credential and the one in its place both work, at most. */
export const overlapSecondsMax = 7 * 24 * 60 * 60;

/** When the one in its place expires: after as long a life as it was given itself. */
export function expiryOfSuccessor({ created, expiresAt }: Credential, now: Date): Date | null {
  if (expiresAt === null) return null;
  return new Date(now.getTime() + expiresAt.getTime() - created.getTime());
}

/** When it expires itself once another one is in its place: after the overlap, and no later than it would have. */
export function expiryWhenRotated({ expiresAt }: Credential, now: Date, overlapSeconds: number): Date {
  const overlapEnds = new Date(now.getTime() + overlapSeconds * 1000);
  return expiresAt === null || overlapEnds < expiresAt ? overlapEnds : expiresAt;
}

/** What the event log may show of a credential: no digest, which would let a reader recognise a secret. */
export function forTheLog(credential: Credential): object {
  const { digest: _, ...rest } = credential;
  return rest;
}
