import type { PrincipalId, PrincipalKind } from "@portcullis/policy";
import type { EmailAddress } from "./email-address.ts";

/** A user, who may be a member of many organisations, or a service account, which belongs to one. */
export interface Principal {
  readonly id: PrincipalId;
  readonly kind: PrincipalKind;
  /** As it was given; null for service accounts. */
  readonly email: string | null;
  /** Of a service account: its name. */
  readonly givenName: string | null;
  readonly familyName: string | null;
  readonly avatarUrl: string | null;
  readonly created: Date;
}

export interface NewUser {
  readonly email: EmailAddress;
  readonly givenName: string | null;
  readonly familyName: string | null;
}

/** Whom to make members. */
export interface Invitation {
  readonly userIds: readonly PrincipalId[];
  readonly users: readonly NewUser[];
  readonly serviceAccounts: readonly { readonly name: string }[];
}

/** What the event log shows of a principal. Who follows the log finds those concerned by these ids. */
export function principalForTheLog({ id, kind, email, givenName, familyName }: Principal): object {
  return { id, kind, email, givenName, familyName };
}
