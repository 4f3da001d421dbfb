import { Fault } from "@portcullis/chassis/fault";
import { z } from "zod";
import { may, noSuchObject } from "../../access.ts";
import type { Caller } from "../../caller.ts";
import { id } from "../../input.ts";
import type { Owners } from "../../owners.ts";
import { type Route, route } from "../../route.ts";
import { session, showSession } from "../../session/show-session.ts";
import { present, renames } from "../../wire.ts";

const ended = z.object({ ended: z.int() });

/** The session by which a request is authenticated, and all of somebody's. */
export function ownSessionRoutes({
  identity,
  tokens,
}: Pick<Owners, "identity" | "tokens">): readonly Route[] {
  const endAll = async (principalId: string, caller: Caller) => {
    const done = await tokens.endSessions(
      { context: caller.context, orgId: caller.org, principalId },
      caller.hop,
    );
    return { body: { ended: done.ended }, revisions: [done.revision] };
  };
  return [
    route({
      method: "GET",
      path: "/v1/access/session",
      summary: "Tell who is signed in to the console",
      response: session,
      requires: () => may("session.use"),
      async handle(_ask, caller) {
        mustBeSession(caller);
        return { body: await showSession(caller, { identity, tokens }) };
      },
    }),
    route({
      method: "DELETE",
      path: "/v1/access/session",
      summary: "Sign out of the console, or of all consoles",
      query: z.object({ everywhere: z.enum(["true", "false"]).default("false") }),
      response: ended,
      requires: ({ query }) => may(query.everywhere === "true" ? "session.end_own" : "session.use"),
      async handle({ query }, caller) {
        mustBeSession(caller);
        if (caller.impersonated) throw new Fault("denied", "not allowed: nobody signs out as somebody else");
        const cookies = [{ kind: "session", value: null }] as const;
        if (query.everywhere === "true") return { ...(await endAll(caller.principal, caller)), cookies };
        const { credentialId } = present(caller.context.actor);
        const { revision } = await tokens.revokeCredential(
          { context: caller.context, orgId: caller.org, kind: "session", id: credentialId },
          caller.hop,
        );
        return { body: { ended: 1 }, revisions: [revision], cookies };
      },
    }),
    route({
      method: "DELETE",
      path: "/v1/access/members/:user_id/sessions",
      summary: "Sign a member out of all consoles",
      params: z.object({ user_id: id }),
      response: ended,
      async find({ params }, caller) {
        const { members } = await identity.getMembers(
          { orgId: caller.org, principalIds: [params.user_id] },
          caller.hop,
        );
        if (members.length === 0) throw noSuchObject();
      },
      requires: ({ params }, caller) =>
        params.user_id === caller.principal
          ? may("session.end_own")
          : may("session.end_all", { knownTo: [may("member.read")] }),
      handle: ({ params }, caller) => endAll(params.user_id, caller),
      fieldOf: renames([/^principal_id/, "user_id"]),
    }),
  ];
}

function mustBeSession({ credentialKind }: Caller): void {
  if (credentialKind !== "session") {
    throw new Fault("unauthenticated", "this takes a session, and no other credential");
  }
}
