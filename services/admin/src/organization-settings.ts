// Settings of an organisation that the facade itself goes by. identity keeps them among the others.

import type { Organization } from "@portcullis/proto/identity/v1/identity";
import type { Caller } from "./caller.ts";
import type { Owners } from "./owners.ts";
import { present } from "./wire.ts";

export interface AccessSettings {
  /** Whoever creates an object gets a direct Owner grant on it. */
  readonly creator_owner_grant: boolean;
  /** Nobody grants more than they hold. */
  readonly grant_cap: boolean;
}

/** The settings in force; what can't be read as one is taken for the stricter. */
export function accessSettings({ settingsJson }: Organization): AccessSettings {
  const stored = JSON.parse(settingsJson || "{}") as Record<string, unknown>;
  return {
    creator_owner_grant: (stored["creator_owner_grant"] ?? true) === true,
    grant_cap: (stored["grant_cap"] ?? false) !== false,
  };
}

/** The settings of the caller's organisation, asked as of now. */
export async function settingsOf(identity: Owners["identity"], caller: Caller): Promise<AccessSettings> {
  const { organization } = await identity.getOrganization({ id: caller.org }, caller.hop);
  return accessSettings(present(organization));
}

/** Who gets the Owner grant on what the caller is about to make: itself or, as an empty id, nobody. */
export async function ownerOfNew(identity: Owners["identity"], caller: Caller): Promise<string> {
  return (await settingsOf(identity, caller)).creator_owner_grant ? caller.principal : "";
}
