import { Fault } from "@portcullis/chassis/fault";
import { type FactKey, factOwners, type Owner, owners } from "@portcullis/policy";
import { bulkhead, handleWhen, isBulkheadRejectedError, retry, wrap } from "cockatiel";
import { chunksOf } from "./chunks.ts";
import { factReads } from "./metrics.ts";
import { entriesMax, type FactOwners, type FactRequest, type FactSource, type LoadedFact } from "./source.ts";

/** A slow owner gets no more loads than this at a time. */
const loadsMax = 64;

/** The farthest source: asks the owners, each for all of its facts at once. */
export function fromOwners(services: FactOwners): FactSource {
  const policies = Object.fromEntries(
    owners.map((owner) => [
      owner,
      wrap(bulkhead(loadsMax), retry(handleWhen(isPassing), { maxAttempts: 1 })),
    ]),
  );

  async function loadFrom(owner: Owner, keys: readonly FactKey[]): Promise<readonly (LoadedFact | Fault)[]> {
    try {
      const load = () => services[owner].load(keys);
      const { facts, incarnation } = await (policies[owner]?.execute(load) ?? load());
      factReads.owner.hit += facts.length;
      return facts.map((fact) => ({ ...fact, incarnation, layer: "owner" }));
    } catch (error) {
      factReads.owner.failed += keys.length;
      const fault = loadFault(error, owner);
      return keys.map(() => fault);
    }
  }

  return {
    async load(requests) {
      const results: (LoadedFact | Fault)[] = [];
      const loads = owners.flatMap((owner) =>
        chunksOf(indexesOf(requests, owner), entriesMax).map(async (indexes) => {
          const keys = indexes.flatMap((index) => requests[index]?.key ?? []);
          const loaded = await loadFrom(owner, keys);
          for (const [nth, fact] of loaded.entries()) results[indexes[nth] ?? -1] = fact;
        }),
      );
      await Promise.all(loads);
      return results;
    },
  };
}

function indexesOf(requests: readonly FactRequest[], owner: Owner): number[] {
  return requests.flatMap(({ key }, index) => (factOwners[key.kind] === owner ? [index] : []));
}

function isPassing(error: unknown): boolean {
  return error instanceof Fault && (error.kind === "unavailable" || error.kind === "timeout");
}

function loadFault(error: unknown, owner: Owner): Fault {
  if (isBulkheadRejectedError(error)) {
    return new Fault("exhausted", `too many facts of ${owner} are being read`, { retryAfterMs: 100 });
  }
  return new Fault("unavailable", `${owner} can't be asked`, { cause: error, retryAfterMs: 1000 });
}
