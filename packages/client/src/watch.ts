import { setTimeout as delay } from "node:timers/promises";
import type { Stub } from "@portcullis/chassis/rpc/client";
import type { DecisionService, WatchResponse } from "@portcullis/proto/decision/v1/decision";
import { type NoAnswer, type NoAnswerKind, noAnswer } from "./no-answer.ts";
import type { WatchedEvent, Watching } from "./portcullis.ts";

/** What passes; whatever else ends a watch has to be dealt with. */
const passing: readonly NoAnswerKind[] = ["unavailable", "exhausted", "timeout", "cancelled"];
const usualPauseMs = 1000;

interface Watched {
  readonly decision: Pick<Stub<typeof DecisionService>, "watch">;
  readonly orgId: string;
  readonly onNoAnswer: (error: NoAnswer) => void;
}

/** Tells each event once, and goes on behind the last one after whatever passes. Throws if it can't even begin. */
export async function* watch(
  { decision, orgId, onNoAnswer }: Watched,
  { from = "", signal }: Watching,
): AsyncGenerator<WatchedEvent, void, undefined> {
  let revision = from;
  let hasBegun = false;
  for (;;) {
    let pauseMs = usualPauseMs;
    try {
      for await (const message of decision.watch({ orgId, revision, who: undefined }, signal && { signal })) {
        hasBegun = true;
        ({ revision } = message);
        const event = eventFromWire(message);
        if (event !== null) yield event;
      }
    } catch (thrown) {
      const error = noAnswer(thrown);
      if (!hasBegun || signal?.aborted === true || !passing.includes(error.kind)) throw error;
      onNoAnswer(error);
      pauseMs = error.retryAfterMs ?? usualPauseMs;
    }
    // All lose the same server at once, and should not come back at once. An abort is told by the next round.
    await delay(pauseMs * (0.5 + Math.random()), undefined, signal && { signal }).catch(() => undefined);
  }
}

function eventFromWire({ event, revision }: WatchResponse): WatchedEvent | null {
  if (event?.subject === undefined || event.at === undefined) return null;
  const { action, subject, at, context } = event;
  return {
    revision,
    action,
    subject: { type: subject.type, id: subject.id },
    actor: context?.actor?.principalId || null,
    at,
    before: fromJson(event.beforeJson),
    after: fromJson(event.afterJson),
  };
}

function fromJson(json: string): unknown {
  return json === "" ? null : JSON.parse(json);
}
