import type { Metadata } from "@grpc/grpc-js";
import { Fault } from "@portcullis/chassis/fault";
import type { Call, Caller } from "@portcullis/chassis/rpc/call";
import type { Authenticate } from "@portcullis/chassis/rpc/server";
import { type Asker, type FactReader, minimizeLatency } from "@portcullis/facts";
import { isNeeds, type Needs, type OrgId } from "@portcullis/policy";
import { badCredential, holderOf, parsed } from "./credentials.ts";
import type { NoteUse } from "./note-use.ts";

/** What deciding needs to know of a call: who asks, and whether they still wait. */
export type Asking = Pick<Call, "caller"> & Asker;

const bearer = "bearer ";

/**
 * Callers that are not our own services show a live service token of a service account that is a member. One with a scope
 * is refused: whoever asks about others does what no scope names.
 */
export function authenticateCallers(facts: FactReader, noteUse: NoteUse): Authenticate {
  function callerOf(metadata: Metadata): Caller | Promise<Caller> {
    const credential = parsed(bearerOf(metadata), null);
    if (credential.kind !== "service_token") throw noServiceToken();
    const found = facts.read(credential.org, minimizeLatency, (organization): Caller | Needs => {
      const nowMs = Date.now();
      const holder = holderOf(credential, organization, nowMs);
      if (isNeeds(holder)) return holder;
      if (holder.member.kind !== "service_account") throw badCredential();
      if (holder.credential.scope !== null) {
        throw new Fault("denied", "a service token with a scope may not ask here");
      }
      noteUse(credential.org, holder.credential.id, nowMs);
      return { kind: "other", principalId: holder.principal, orgId: credential.org };
    });
    return found instanceof Promise ? found.then(({ result }) => result) : found.result;
  }

  return (metadata) => {
    try {
      const caller = callerOf(metadata);
      return caller instanceof Promise ? caller.catch(refuse) : caller;
    } catch (thrown) {
      return refuse(thrown);
    }
  };
}

/** The field tells who shows no valid credential from a question about one that is not: texts are the same. */
function refuse(thrown: unknown): never {
  const isCaller = thrown instanceof Fault && thrown.kind === "unauthenticated";
  throw isCaller ? new Fault(thrown.kind, thrown.message, { field: "authorization" }) : thrown;
}

/** A caller with a service token may ask about the organisation of that token alone. */
export function mayAskAbout(org: OrgId, { caller }: Pick<Call, "caller">): void {
  if (caller.kind === "other" && caller.orgId !== org) {
    throw new Fault("denied", "this service token may not ask about another organization");
  }
}

function bearerOf(metadata: Metadata): string {
  const authorization = metadata.get("authorization")[0];
  // The word in upper or lower case, as HTTP has it.
  if (typeof authorization !== "string" || authorization.slice(0, bearer.length).toLowerCase() !== bearer) {
    throw noServiceToken();
  }
  return authorization.slice(bearer.length);
}

function noServiceToken(): Fault {
  return new Fault("unauthenticated", "a service token is required: `authorization: Bearer bt-st-...`");
}
