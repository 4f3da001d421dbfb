import { Fault } from "@portcullis/chassis/fault";
import { z } from "zod";
import { may } from "../access.ts";
import { change, showChange } from "../change.ts";
import { EventStream, type SentEvent } from "../event-stream.ts";
import { anyText, read } from "../input.ts";
import type { Decision } from "../owners.ts";
import { type Route, route } from "../route.ts";

const query = z.strictObject({
  org_id: anyText.optional(),
  org_name: anyText.optional(),
  revision: anyText.optional(),
});

// What a client sends by itself when it connects again.
const resumed = z.object({ "last-event-id": anyText.optional() });

/** Every change as it comes. */
export function watchRoutes(decision: Decision): readonly Route[] {
  return [
    route({
      method: "GET",
      path: "/v1/access/watch",
      summary: "Follow the changes of an organization from a revision on, as Server-Sent Events",
      query,
      response: change,
      streams: true,
      requires: () => may("audit_log.read"),
      async handle({ query, headers }, caller) {
        if (caller.impersonated) throw new Fault("denied", "not allowed: nobody watches as somebody else");
        const revision = read(resumed, headers)["last-event-id"] ?? query.revision ?? "";
        const { requestId, signal } = caller.hop;
        return {
          body: await EventStream.open((over) =>
            changes(
              decision.watch(
                { orgId: caller.org, revision, who: { $case: "credential", value: caller.credential } },
                { requestId, signal: AbortSignal.any([signal, over]) },
              ),
            ),
          ),
        };
      },
    }),
  ];
}

type Messages = ReturnType<Decision["watch"]>;

async function* changes(
  messages: Messages,
): AsyncGenerator<SentEvent<z.infer<typeof change>>, void, undefined> {
  for await (const { event, revision } of messages) {
    yield { id: revision, data: event === undefined ? null : showChange(event) };
  }
}
