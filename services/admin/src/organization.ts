import { Fault } from "@portcullis/chassis/fault";
import type { Caller } from "./caller.ts";
import type { Owners } from "./owners.ts";

/** The organisation that a request names, in one way or the other. */
export interface NamedOrganization {
  readonly id?: string;
  readonly name?: string;
}

/** Every call is about the organisation of its credential; to name another one is not allowed. */
export async function isOwnOrganization(
  identity: Owners["identity"],
  caller: Caller,
  named: NamedOrganization,
): Promise<void> {
  if (named.id !== undefined && named.id.toLowerCase() !== caller.org) throw foreign("org_id");
  if (named.name === undefined) return;
  const { organization } = await identity.getOrganization({ id: caller.org }, caller.hop);
  if (organization?.name !== named.name) throw foreign("org_name");
}

function foreign(field: string): Fault {
  return new Fault("denied", `${field}: is not the organization of this credential`, { field });
}
