import { Fault } from "@portcullis/chassis/fault";
import type { Stub } from "@portcullis/chassis/rpc/client";
import type { FactOwner } from "@portcullis/facts";
import { askedFactFromWire, factKeyToWire, logEntryFromWire } from "@portcullis/facts/wire";
import type { OrgId, Owner } from "@portcullis/policy";
import type { FactsService } from "@portcullis/proto/facts/v1/facts";

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

/** What an owner knows, for facts. */
export function ownerOver(stub: Stub<typeof FactsService>, owner: Owner): FactOwner {
  return {
    async load(keys) {
      const request = { keys: keys.map(factKeyToWire) };
      const { facts: messages, incarnation } = await askOwner(
        owner,
        (hop) => stub.load(request, hop),
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
