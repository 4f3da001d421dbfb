import { Fault } from "@portcullis/chassis/fault";
import type { Hop } from "@portcullis/chassis/rpc/call";
import type { Stub } from "@portcullis/chassis/rpc/client";
import type { UpstreamService } from "@portcullis/proto/upstream/v1/upstream";

export type UpstreamStub = Stub<typeof UpstreamService>;

/** The upstream is not waited for longer than this. What is asked is shared, so no caller's own deadline counts here. */
const callMs = 1000;

/** Asks the upstream. Whatever it refuses us, to our callers it is not there. */
export async function asking<Response>(call: (hop: Partial<Hop>) => Promise<Response>): Promise<Response> {
  try {
    return await call({ deadlineMs: Date.now() + callMs });
  } catch (cause) {
    throw unavailable(cause);
  }
}

/** What does not keep to the contract is as good as no answer. */
export function contractBroken(): Fault {
  return unavailable(new Error("decision gave an answer that its contract forbids"));
}

function unavailable(cause: unknown): Fault {
  return new Fault("unavailable", "decision is not available", { cause, retryAfterMs: 1000 });
}
