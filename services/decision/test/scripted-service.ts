import { descriptor } from "@portcullis/chassis/descriptor";
import type { Log } from "@portcullis/chassis/log";
import { implement, type RunningServer, serve } from "@portcullis/chassis/rpc/server";
import { loadStreamOver } from "@portcullis/facts/load-stream";
import type { ScriptedOwner } from "@portcullis/facts/testing";
import { factKeyFromWire, factKeyToWire, factToWire } from "@portcullis/facts/wire";
import type { OrgId } from "@portcullis/policy";
import { factsCallers } from "@portcullis/proto/callers";
import { Event } from "@portcullis/proto/events/v1/events";
import { FactsService, type LoadRequest, type LoadResponse } from "@portcullis/proto/facts/v1/facts";

/** A scripted owner behind the real contract, on a real socket. */
export async function serveScripted(
  owner: ScriptedOwner,
  { serviceCredential, log }: { serviceCredential: string; log: Log },
): Promise<RunningServer> {
  async function load({ keys: messages }: LoadRequest): Promise<LoadResponse> {
    const keys = messages.map((key, index) => factKeyFromWire(key, `keys[${index}]`));
    const { facts, incarnation } = await owner.load(keys);
    return { facts: facts.map(({ key, lo, hi, value }) => factToWire(key, lo, hi, value)), incarnation };
  }
  const facts = implement(FactsService, factsCallers, {
    load,
    loadStream: loadStreamOver(load),
    async heads({ orgIds }) {
      const { heads, incarnation } = await owner.heads(orgIds as OrgId[]);
      return { positions: heads, incarnation };
    },
    async readLog({ orgId, after }) {
      const { entries, head, incarnation } = await owner.readLog(orgId as OrgId, after);
      const events = entries.map(({ position, touches, kinds }) => ({
        ...Event.decode(new Uint8Array()),
        orgId,
        owner: owner.owner,
        position,
        touches: touches.map(factKeyToWire),
        touchedKinds: [...kinds],
      }));
      return { events, head, incarnation };
    },
  });
  return await serve({ listen: "127.0.0.1:0", serviceCredential, descriptor: await descriptor(), log }, [
    facts,
  ]);
}
