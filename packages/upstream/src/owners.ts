// The owners, as a decision service speaks for them.

import { Fault } from "@portcullis/chassis/fault";
import type { HeadDemand, Heads, OwnersLogs } from "@portcullis/facts";
import { type OrgId, type Owner, owners } from "@portcullis/policy";
import type { Head, WantedHead } from "@portcullis/proto/upstream/v1/upstream";
import { asking, contractBroken, type UpstreamStub } from "./stub.ts";
import { stretchFromWire } from "./wire.ts";

/** As a demand when somebody makes none. */
const newest: HeadDemand = { maxAgeMs: 0, seen: null };

/** The logs of one organisation. Heads that are asked for in one tick are one call. */
export function logsOver(stub: UpstreamStub, org: OrgId): OwnersLogs {
  let waiting: Asked[] = [];

  async function ask(): Promise<void> {
    const asked = waiting;
    waiting = [];
    try {
      const request = { orgId: org, heads: asked.map(({ wanted }) => wanted) };
      const { heads } = await asking((hop) => stub.heads(request, hop));
      if (heads.length !== asked.length) throw contractBroken();
      for (const [index, head] of heads.entries()) asked[index]?.resolve(head);
    } catch (error) {
      for (const { reject } of asked) reject(error);
    }
  }

  function headOf(wanted: WantedHead): Promise<Head> {
    return new Promise((resolve, reject) => {
      // Later than the tick, as each owner's heads are asked for in a tick's work of their own.
      if (waiting.length === 0) setImmediate(() => void ask());
      waiting.push({ wanted, resolve, reject });
    });
  }

  const logsOf = (owner: Owner): OwnersLogs[Owner] => ({
    async heads(orgs, demands = []): Promise<Heads> {
      if (orgs.length !== 1 || orgs[0] !== org) throw new Error("an upstream speaks of one organisation");
      const { maxAgeMs, seen } = demands[0] ?? newest;
      const { incarnation, position, ageMs } = await headOf({
        owner,
        incarnation: seen?.incarnation ?? "",
        position: seen?.app ?? 0,
        maxAgeMs: Math.floor(maxAgeMs),
      });
      if (incarnation === "") throw unavailable(owner);
      return { incarnation, heads: [position], agesMs: [ageMs] };
    },

    async readLog(_org, after) {
      const { stretch } = await asking((hop) => stub.readLog({ orgId: org, owner, after }, hop));
      if (stretch === undefined) throw contractBroken();
      const { entries } = stretch;
      if (entries.some(({ position }, index) => position !== after + 1 + index)) throw contractBroken();
      return stretchFromWire(stretch);
    },
  });
  return Object.fromEntries(owners.map((owner) => [owner, logsOf(owner)])) as Record<
    Owner,
    OwnersLogs[Owner]
  >;
}

interface Asked {
  readonly wanted: WantedHead;
  readonly resolve: (head: Head) => void;
  readonly reject: (error: unknown) => void;
}

function unavailable(owner: Owner): Fault {
  return new Fault("unavailable", `${owner} is not available`, { retryAfterMs: 1000 });
}
