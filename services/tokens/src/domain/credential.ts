import type { CredentialKind } from "@portcullis/credential";
import type { CredentialDigest, CredentialId, OrgId, PrincipalId, Scope } from "@portcullis/policy";

/** An API key, service token or session, as it is kept: without its secret. */
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
  /** The API key that a session was made from: it is worth no more than that, and for no longer. */
  readonly madeFrom: CredentialId | null;
}

export interface NewCredential {
  readonly org: OrgId;
  readonly kind: CredentialKind;
  readonly principal: PrincipalId;
  readonly name: string;
  readonly expiresAt: Date | null;
  readonly scope: Scope | null;
  readonly madeFrom: CredentialId | null;
}

/** Somebody who signs in. */
export interface NewSession {
  readonly org: OrgId;
  readonly principal: PrincipalId;
  /** The API key that was shown; null: somebody else vouched for the person. */
  readonly apiKey: CredentialId | null;
}

/** A session's whole life; no use of it makes it longer. */
const sessionLifeMs = 12 * 60 * 60 * 1000;

/** So many sessions of a principal are live at most: with one more the oldest ends. */
export const sessionsMax = 100;

/** When a session expires that is begun now: with the key that it is made from, if that is sooner. */
export function expiryOfSession(apiKey: Credential | null, now: Date): Date {
  const lived = new Date(now.getTime() + sessionLifeMs);
  const { expiresAt } = apiKey ?? { expiresAt: null };
  return expiresAt === null || lived < expiresAt ? lived : expiresAt;
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
