import type { Principal } from "./principal.ts";

/** What an organisation's identity provider says of a user. It gives no access, and takes none. */
export interface ProvisionedRecord {
  readonly userName: string;
  readonly externalId: string | null;
  /** All else that is kept and shown; identity gives it no meaning. */
  readonly attributes: Readonly<Record<string, unknown>>;
  /** By which addresses the user is found, in the form in which they are compared; sorted, each once. */
  readonly emailKeys: readonly string[];
}

export interface ProvisionedUser {
  readonly principal: Principal;
  /** Is a member now. */
  readonly active: boolean;
  /** Null for a member of whom no provider has said anything. */
  readonly record: (ProvisionedRecord & { readonly created: Date; readonly updated: Date }) | null;
}

export const attributesBytesMax = 32 * 1024;

/** The form in which two user names are compared. */
export function userNameKey(text: string): string {
  return text.toLowerCase();
}

/** What the event log shows of a record. */
export function recordForTheLog({ userName, externalId, attributes }: ProvisionedRecord): object {
  return { userName, externalId, attributes };
}
