import { Fault } from "@portcullis/chassis/fault";
import type { Stub } from "@portcullis/chassis/rpc/client";
import type { FactOwner } from "@portcullis/facts";
import { factFromWire, factKeyText, factKeyToWire, logEntryFromWire } from "@portcullis/facts/wire";
import type { Owner } from "@portcullis/policy";
import type { FactsService } from "@portcullis/proto/facts/v1/facts";

/** An owner is not waited for longer than this. Loads are shared, so no caller's own deadline counts here. */
const callMs = 1000;
/** Events come with all that auditors want to know, so that many at once would take long. */
const eventsAtOnce = 200;

/** An owner, asked over gRPC. What does not keep to the contract is as good as no answer. */
export function ownerOver(stub: Stub<typeof FactsService>, owner: Owner): FactOwner {
  async function ask<Response extends { incarnation: string }>(
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

  return {
    async load(keys) {
      const request = { keys: keys.map(factKeyToWire) };
      const { facts: messages, incarnation } = await ask(
        (hop) => stub.load(request, hop),
        ({ facts }) => facts.length === keys.length,
      );
      const facts = messages.map(factFromWire);
      for (const [index, { key, lo, hi }] of facts.entries()) {
        const asked = keys[index];
        if (
          asked === undefined ||
          key.org !== asked.org ||
          factKeyText(key) !== factKeyText(asked) ||
          lo > hi
        ) {
          throw new Fault("unavailable", `${owner} is not available`, {
            cause: new Error(`${owner} answered another fact than was asked for`),
          });
        }
      }
      return { incarnation, facts };
    },

    async heads(orgs) {
      const { positions, incarnation } = await ask(
        (hop) => stub.heads({ orgIds: [...orgs] }, hop),
        (response) => response.positions.length === orgs.length,
      );
      return { incarnation, heads: positions };
    },

    async readLog(org, after) {
      const { events, head, incarnation } = await ask(
        (hop) => stub.readLog({ orgId: org, after, limit: eventsAtOnce }, hop),
        (response) =>
          response.events.every(
            ({ orgId, position }, index) => orgId === org && position === after + 1 + index,
          ),
      );
      return { incarnation, head, entries: events.map(logEntryFromWire) };
    },
  };
}
