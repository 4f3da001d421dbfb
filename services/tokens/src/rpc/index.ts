import type { Handlers } from "@portcullis/chassis/rpc/server";
import type { TokensService } from "@portcullis/proto/tokens/v1/tokens";
import type { CredentialsStore } from "../store/credentials-store.ts";
import { createCredential } from "./create-credential.ts";
import { createSession } from "./create-session.ts";
import { endSessions } from "./end-sessions.ts";
import { getCredential } from "./get-credential.ts";
import { listCredentials } from "./list-credentials.ts";
import { listLastUses } from "./list-last-uses.ts";
import { recordUses } from "./record-uses.ts";
import { revokeCredential } from "./revoke-credential.ts";
import { rotateCredential } from "./rotate-credential.ts";

/** All handlers of the contract: one that is missing does not compile. */
export function handlers(store: CredentialsStore): Handlers<typeof TokensService> {
  return {
    createCredential: (request, call) => createCredential(store, request, call),
    rotateCredential: (request, call) => rotateCredential(store, request, call),
    revokeCredential: (request) => revokeCredential(store, request),
    getCredential: (request) => getCredential(store, request),
    listCredentials: (request) => listCredentials(store, request),
    createSession: (request, call) => createSession(store, request, call),
    endSessions: (request) => endSessions(store, request),
    listLastUses: (request) => listLastUses(store, request),
    recordUses: (request) => recordUses(store, request),
  };
}
