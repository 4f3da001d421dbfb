import type { Call } from "@portcullis/chassis/rpc/call";
import type { Facts } from "@portcullis/facts";
import {
  type Credential,
  isNeeds,
  type Needs,
  type OrgId,
  type PrincipalId,
  type Scope,
} from "@portcullis/policy";
import { badCredential, holderOf, parsed } from "./credentials.ts";
import type { NoteUse } from "./note-use.ts";
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

/** Whom a caller may name, and how. */
export type PrincipalsFor = (call: Pick<Call, "caller">) => PrincipalOf;

/** Finds principals, and notes whose credentials were good. A session is shown to the facade, so only our own services know one. */
export function findPrincipals(noteUse: NoteUse): PrincipalsFor {
  const forServices = find(noteUse, { sessions: true });
  const forOthers = find(noteUse, { sessions: false });
  return ({ caller }) => (caller.kind === "service" ? forServices : forOthers);
}

function find(noteUse: NoteUse, { sessions }: { readonly sessions: boolean }): PrincipalOf {
  return (who) => {
    if (who.kind === "principal") return new NamedPrincipal(who.org, who.principal);
    const shown = parsed(who.secret, who.org);
    if (shown.kind === "session" && !sessions) throw badCredential();
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

/** Who is named need not be found. */
class NamedPrincipal implements Principal, Identified {
  readonly org: OrgId;
  readonly principal: PrincipalId;
  readonly credential = null;
  readonly scope = null;

  constructor(org: OrgId, principal: PrincipalId) {
    this.org = org;
    this.principal = principal;
  }

  find(): Identified {
    return this;
  }
}
