import { Fault, invalid } from "@portcullis/chassis/fault";
import { list, present, uuid } from "@portcullis/chassis/fields";
import type { Call } from "@portcullis/chassis/rpc/call";
import { mayAskAbout } from "@portcullis/checks";
import { entriesMax, type FactRequest, type FactSource } from "@portcullis/facts";
import { factKeyFromWire, factToWire } from "@portcullis/facts/wire";
import type { OrgId } from "@portcullis/policy";
import type {
  LoadedFact,
  LoadRequest,
  LoadResponse,
  WantedFact,
} from "@portcullis/proto/upstream/v1/upstream";

export async function load(source: FactSource, request: LoadRequest, call: Call): Promise<LoadResponse> {
  const org = uuid<OrgId>(request.orgId, "org_id");
  mayAskAbout(org, call);
  const wanted = list(request.facts, "facts", entriesMax).map((fact, index) =>
    wantedFromWire(fact, org, `facts[${index}]`),
  );
  const loaded = await source.load(wanted);
  const facts = loaded.map((fact): LoadedFact => {
    if (fact instanceof Fault) return { fact: undefined, incarnation: "" };
    return { fact: factToWire(fact.key, fact.lo, fact.hi, fact.value), incarnation: fact.incarnation };
  });
  return { facts };
}

function wantedFromWire(
  { key, incarnation, notBefore, isAhead }: WantedFact,
  org: OrgId,
  field: string,
): FactRequest {
  const named = factKeyFromWire(present(key, `${field}.key`), `${field}.key`);
  if (named.org !== org) throw invalid(`${field}.key.org_id`, "must be the request's");
  return { key: named, incarnation, notBefore, isAhead };
}
