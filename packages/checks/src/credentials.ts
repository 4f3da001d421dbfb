import { Fault } from "@portcullis/chassis/fault";
import {
  type CredentialKind,
  digestOf,
  type ParsedCredential,
  parseCredential,
} from "@portcullis/credential";
import type { Facts } from "@portcullis/facts";
import type {
  Credential,
  CredentialDigest,
  FactKey,
  Member,
  Needs,
  OrgId,
  PrincipalId,
} from "@portcullis/policy";
import { LRUCache } from "lru-cache";

/** A live credential, and the active member who holds it. */
export interface Holder {
  readonly credential: Credential;
  readonly principal: PrincipalId;
  readonly member: Member;
}

/** One text for the malformed, the unknown, the expired and the revoked, and for whoever is no longer a member. */
export function badCredential(): Fault {
  return new Fault("unauthenticated", "the credential is not valid");
}

/** Reading a secret takes longer than deciding. What was read is remembered by its digest, never by itself. */
const remembered = new LRUCache<CredentialDigest, ParsedCredential>({ max: 10_000 });

/** What a secret claims to be; whether it is live is a matter of facts. */
export function parsed(secret: string, org: OrgId | null): ParsedCredential {
  const digest = digestOf(secret);
  const known = remembered.get(digest);
  const credential = known ?? parseCredential(secret);
  if (credential === null || (org !== null && credential.org !== org)) throw badCredential();
  if (known === undefined) remembered.set(digest, credential);
  return credential;
}

/** Who holds a credential, as the facts have it. Throws for a credential that is not live. */
export function holderOf(
  { org, digest, kind }: ParsedCredential,
  facts: Facts,
  nowMs: number,
): Holder | Needs {
  const credential = facts.credential(digest);
  if (credential === undefined) return needs({ kind: "credential", org, digest });
  if (credential === null || !isLive(credential, kind, nowMs)) throw badCredential();
  const { principal } = credential;
  const member = facts.member(principal);
  if (member === undefined) return needs({ kind: "member", org, principal });
  if (member === null) throw badCredential();
  return { credential, principal, member };
}

function isLive(credential: Credential, kind: CredentialKind, nowMs: number): boolean {
  return credential.kind === kind && (credential.expiresAtMs === null || nowMs < credential.expiresAtMs);
}

function needs(key: FactKey): Needs {
  return { kind: "needs", keys: [key] };
}
