import type { Facts } from "@portcullis/facts";
import {
  type Credential,
  isNeeds,
  type Needs,
  type OrgId,
  type PrincipalId,
  type Scope,
} from "@portcullis/policy";
import type { NoteUse } from "./credential-uses.ts";
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
  /** What that credential is narrowed to: whatever is decided about its holder is decided within it. */
  readonly scope: Scope | null;
}

/** Throws for a credential that is none; `find` throws for one that is not live. */
export type PrincipalOf = (who: Who) => Principal;

/** Finds principals, and notes whose credentials were good. */
export function findPrincipals(noteUse: NoteUse): PrincipalOf {
  return (who) => {
    if (who.kind === "principal") {
      const identified: Identified = { principal: who.principal, credential: null, scope: null };
      return { org: who.org, find: () => identified };
    }
    const shown = parsed(who.secret, who.org);
    return {
      org: shown.org,
      find(facts) {
        const nowMs = Date.now();
        const holder = holderOf(shown, facts, nowMs);
        if (isNeeds(holder)) return holder;
        const { principal, credential } = holder;
        noteUse(shown.org, credential.id, nowMs);
        return { principal, credential, scope: credential.scope };
      },
    };
  };
}
