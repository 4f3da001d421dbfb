import { Fault } from "@portcullis/chassis/fault";
import {
  chunksOf,
  entriesMax,
  type FactRequest,
  type FactSource,
  factReads,
  type LoadedFact,
} from "@portcullis/facts";
import { askedFactFromWire, factKeyToWire } from "@portcullis/facts/wire";
import type { OrgId } from "@portcullis/policy";
import type { LoadedFact as LoadedFactMessage } from "@portcullis/proto/upstream/v1/upstream";
import { asking, contractBroken, type UpstreamStub } from "./stub.ts";

/** Facts of one organisation, as a decision service has them. */
export function fromUpstream(stub: UpstreamStub, org: OrgId): FactSource {
  async function loadChunk(requests: readonly FactRequest[]): Promise<readonly (LoadedFact | Fault)[]> {
    const wanted = requests.map(({ key, incarnation, notBefore, isAhead }) => ({
      key: factKeyToWire(key),
      incarnation,
      notBefore,
      isAhead,
    }));
    try {
      const { facts } = await asking((hop) => stub.load({ orgId: org, facts: wanted }, hop));
      if (facts.length !== requests.length) throw contractBroken();
      const loaded = requests.map((request, index) => loadedFrom(facts[index], request));
      for (const fact of loaded) {
        if (fact instanceof Fault) factReads.upstream.failed++;
        else factReads.upstream.hit++;
      }
      return loaded;
    } catch (error) {
      factReads.upstream.failed += requests.length;
      const fault = error instanceof Fault ? error : contractBroken();
      return requests.map(() => fault);
    }
  }

  return {
    async load(requests) {
      const loaded: (LoadedFact | Fault)[] = [];
      for (const chunk of chunksOf(requests, entriesMax)) loaded.push(...(await loadChunk(chunk)));
      return loaded;
    },
  };
}

function loadedFrom(message: LoadedFactMessage | undefined, { key }: FactRequest): LoadedFact | Fault {
  if (message?.fact === undefined) {
    return new Fault("unavailable", "a fact can't be read now", { retryAfterMs: 1000 });
  }
  const fact = askedFactFromWire(message.fact, key);
  return fact === null ? contractBroken() : { ...fact, incarnation: message.incarnation, layer: "upstream" };
}
