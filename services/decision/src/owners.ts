import { Fault } from "@portcullis/chassis/fault";
import type { Stub } from "@portcullis/chassis/rpc/client";
import type { Questions } from "@portcullis/chassis/rpc/questions";
import { traceparent } from "@portcullis/chassis/trace";
import type { FactOwner } from "@portcullis/facts";
import { askedFactFromWire, factKeyToWire, logEntryFromWire } from "@portcullis/facts/wire";
import type { OrgId, Owner } from "@portcullis/policy";
import type {
  FactsService,
  LoadRequest,
  LoadResponse,
  LoadStreamRequest,
  LoadStreamResponse,
} from "@portcullis/proto/facts/v1/facts";

/** An owner is not waited for longer than this. Loads are shared, so no caller's own deadline counts here. */
const callMs = 1000;
/** Events name the facts that they touch, which may be thousands, so that many at once would take long. */
const eventsAtOnce = 200;

/** Asks an owner over gRPC. What does not keep to the contract is as good as no answer. */
export async function askOwner<Response extends { incarnation: string }>(
  owner: Owner,
  call: (hop: { deadlineMs: number }) => Promise<Response>,
  keepsContract: (response: Response) => boolean,
): Promise<Response> {
  let response: Response;
  try {
    response = await call({ deadlineMs: Date.now() + callMs });
  } catch (cause) {
    throw new Fault("unavailable", `${owner} is not available`, { cause, retryAfterMs: 1000 });
  }
  if (response.incarnation === "" || !keepsContract(response)) {
    const cause = new Error(`${owner} gave an answer that its contract forbids`);
    throw new Fault("unavailable", `${owner} is not available`, { cause });
  }
  return response;
}

/** Whether these are the events behind a position, without a gap. */
export function isStretchOf(
  events: readonly { readonly orgId: string; readonly position: number }[],
  org: OrgId,
  after: number,
): boolean {
  return events.every(({ orgId, position }, index) => orgId === org && position === after + 1 + index);
}

/** Loads over a stream of the owner's. */
export type Loads = Pick<Questions<LoadStreamRequest, LoadStreamResponse>, "ask">;

/** What an owner knows, for facts. */
export function ownerOver(stub: Stub<typeof FactsService>, loads: Loads, owner: Owner): FactOwner {
  return {
    async load(keys) {
      const request = { keys: keys.map(factKeyToWire) };
      const { facts: messages, incarnation } = await askOwner(
        owner,
        (hop) => loadOver(stub, loads, request, hop),
        ({ facts }) => facts.length === keys.length,
      );
      const facts = keys.map((key, index) => {
        const message = messages[index];
        const fact = message === undefined ? null : askedFactFromWire(message, key);
        if (fact !== null) return fact;
        throw new Fault("unavailable", `${owner} is not available`, {
          cause: new Error(`${owner} answered another fact than was asked for`),
        });
      });
      return { incarnation, facts };
    },

    async heads(orgs) {
      const { positions, incarnation } = await askOwner(
        owner,
        (hop) => stub.heads({ orgIds: [...orgs] }, hop),
        (response) => response.positions.length === orgs.length,
      );
      return { incarnation, heads: positions };
    },

    async readLog(org, after) {
      const { events, head, incarnation } = await askOwner(
        owner,
        (hop) => stub.readLog({ orgId: org, after, limit: eventsAtOnce, bare: true }, hop),
        (response) => isStretchOf(response.events, org, after),
      );
      return { incarnation, head, entries: events.map(logEntryFromWire) };
    },
  };
}

/**
 * Loads in a message of the stream; and by a call of its own where that brings nothing but may yet be answered, or where
 * it is traced, as a call says whose part it is.
 */
async function loadOver(
  stub: Stub<typeof FactsService>,
  loads: Loads,
  load: LoadRequest,
  hop: { deadlineMs: number },
): Promise<LoadResponse> {
  if (traceparent() === null) {
    const answer = await loads
      .ask((id) => ({ id, load }), hop.deadlineMs - Date.now())
      .catch((thrown: unknown) => {
        if (thrown instanceof Fault && thrown.kind !== "timeout") return null;
        throw thrown;
      });
    if (answer?.loaded !== undefined) return answer.loaded;
  }
  return stub.load(load, hop);
}
