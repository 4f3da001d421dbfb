import { Fault } from "@portcullis/chassis/fault";
import { uuid } from "@portcullis/chassis/fields";
import type { Call } from "@portcullis/chassis/rpc/call";
import { mayAskAbout } from "@portcullis/checks";
import { encodeRevision, type FactOwners, historyOf, type Seen } from "@portcullis/facts";
import { objectToWire } from "@portcullis/facts/wire";
import type { OrgId, Owner } from "@portcullis/policy";
import type { SimulateRequest, SimulateResponse } from "@portcullis/proto/decision/v1/decision";
import { bulkhead, isBulkheadRejectedError } from "cockatiel";
import { changesFromWire, refusalFault, type SentChange } from "../proposal-wire.ts";
import { compare, look, type Scene, type SimulationLimits } from "../simulation.ts";
import { type SurroundingOwners, surroundingsOf, withAclsNamed } from "../surroundings.ts";

const limits: SimulationLimits = { acls: 1000, principals: 1000, objects: 1000, pairs: 10_000 };
/** Whose facts are looked at. */
const lookedAt: readonly Owner[] = ["identity", "groups", "grants"];
/** How often a state is looked for that stands still while it is read. */
const readingsMax = 10;

/** So many simulations are in work at a time, and so many more wait their turn: questions of others come first. */
const inWorkMax = 2;
const waitingMax = 16;

/** The handler of the RPC, for one process. */
export function simulator(
  owners: SurroundingOwners,
): (request: SimulateRequest, call: Call) => Promise<SimulateResponse> {
  const turns = bulkhead(inWorkMax, waitingMax);
  return async (request, call) => {
    try {
      return await turns.execute(() => simulate(owners, request, call));
    } catch (thrown) {
      if (!isBulkheadRejectedError(thrown)) throw thrown;
      throw new Fault("exhausted", "too many simulations at once", { retryAfterMs: 1000 });
    }
  };
}

async function simulate(
  owners: SurroundingOwners,
  request: SimulateRequest,
  call: Call,
): Promise<SimulateResponse> {
  call.signal.throwIfAborted();
  const org = uuid<OrgId>(request.orgId, "org_id");
  mayAskAbout(org, call);
  const changes = changesFromWire(request.changes);
  const nowMs = Date.now();
  const { scene, revision } = await lookAtOneState(org, changes, owners, { nowMs, call });
  const { differences, cutOff, pairsExamined } = await compare(scene, {
    limits,
    nowMs,
    signal: call.signal,
  });
  return {
    differences: differences.map(({ principal, object, gained, lost }) => ({
      principalId: principal,
      object: objectToWire(object),
      gained: [...gained],
      lost: [...lost],
    })),
    cutOff: [...cutOff],
    pairsExamined,
    revision,
  };
}

/** Whatever was read is of one state if no log moved from before the reading until after it. */
async function lookAtOneState(
  org: OrgId,
  sent: readonly SentChange[],
  owners: SurroundingOwners,
  { nowMs, call }: { readonly nowMs: number; readonly call: Call },
): Promise<{ readonly scene: Scene; readonly revision: string }> {
  const around = surroundingsOf(org, owners, call);
  let revision = await revisionNow(org, owners.facts);
  for (let readings = 0; readings < readingsMax; readings += 1) {
    call.signal.throwIfAborted();
    const seen = await outcomeOf(async () => {
      const changes = await withAclsNamed(sent, org, owners, call);
      const scene = await look(org, changes, around, { limits, nowMs });
      if (scene.kind === "refused") throw refusalFault(scene, sent);
      return scene;
    });
    const then = await revisionNow(org, owners.facts);
    if (then === revision) {
      if (seen instanceof Fault) throw seen;
      return { scene: seen, revision };
    }
    revision = then;
  }
  throw new Fault("unavailable", "the organization changes too fast to be seen in one state", {
    retryAfterMs: 1000,
  });
}

/** What is refused is refused for the state that it was read in, so a refusal too counts only when that stood still. */
async function outcomeOf(read: () => Promise<Scene>): Promise<Scene | Fault> {
  try {
    return await read();
  } catch (thrown) {
    if (thrown instanceof Fault && (thrown.kind === "invalid" || thrown.kind === "refused")) return thrown;
    throw thrown;
  }
}

async function revisionNow(org: OrgId, owners: FactOwners): Promise<string> {
  const seen = await Promise.all(
    lookedAt.map(async (owner): Promise<Seen> => {
      const { incarnation, heads } = await owners[owner].heads([org]);
      return { owner, history: historyOf(incarnation), position: heads[0] ?? 0 };
    }),
  );
  return encodeRevision({ org, seen });
}
