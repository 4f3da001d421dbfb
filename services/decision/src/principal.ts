import type { Facts } from "@portcullis/facts";
import { type Credential, isNeeds, type Needs, type OrgId, type PrincipalId } from "@portcullis/policy";
import { holderOf, parsed } from "./credentials.ts";
import type { Who } from "./wire.ts";

/** A principal that is named, or found as the holder of a credential. */
export interface Principal {
  readonly org: OrgId;
  find(facts: Facts): Identified | Needs;
}

interface Identified {
  readonly principal: PrincipalId;
  /** The credential that it was found by. */
  readonly credential: Credential | null;
}

/** Throws for a credential that is none; `find` throws for one that is not live. */
export function principalOf(who: Who): Principal {
  if (who.kind === "principal") {
    const identified: Identified = { principal: who.principal, credential: null };
    return { org: who.org, find: () => identified };
  }
  const credential = parsed(who.secret, who.org);
  return {
    org: credential.org,
    find(facts) {
      const holder = holderOf(credential, facts, Date.now());
      return isNeeds(holder) ? holder : { principal: holder.principal, credential: holder.credential };
    },
  };
}
