import type { Stub } from "@portcullis/chassis/rpc/client";
import { together } from "@portcullis/chassis/together";
import type { Dependency } from "@portcullis/facts/wire";
import { type OrgId, type Owner, owners } from "@portcullis/policy";
import type { FactsService } from "@portcullis/proto/facts/v1/facts";

/** Where the other owners' logs of an organisation stand now; those in `known` were asked already. */
export type OtherLogs = (org: OrgId, known?: readonly Owner[]) => Promise<readonly Dependency[]>;

type Heads = Pick<Stub<typeof FactsService>, "heads">;

/** A write waits no longer than this to learn what it comes after. Then that is not known, and whoever reads it looks. */
const patienceMs = 100;
/** Of that, no longer than this for a question that was asked before. */
const waitingMs = 20;
const organizationsAtOnce = 1000;

/** Asks the other owners, all at once. Never throws: of one that does not answer, the place is not known. */
export function otherLogs(others: Partial<Record<Owner, Heads>>): OtherLogs {
  const places = owners.flatMap((owner) => {
    const heads = others[owner];
    return heads === undefined ? [] : { owner, placeOf: placesIn(owner, heads) };
  });
  return (org, known = []) =>
    Promise.all(places.filter(({ owner }) => !known.includes(owner)).map(({ placeOf }) => placeOf(org)));
}

/** Writes that come at the same time share a question, which is asked when all of them have come. */
function placesIn(owner: Owner, heads: Heads): (org: OrgId) => Promise<Dependency> {
  return together<OrgId, Dependency>({
    async ask(orgs) {
      const places = await placesOf(heads, [...new Set(orgs)]);
      return orgs.map((org) => ({ status: "fulfilled", value: { owner, place: places.get(org) ?? null } }));
    },
    sizeMax: organizationsAtOnce,
    sizeOf: () => 1,
    laneOf: () => "",
    patienceMs: waitingMs,
  });
}

async function placesOf(heads: Heads, orgs: readonly OrgId[]): Promise<Map<OrgId, Dependency["place"]>> {
  try {
    const request = { orgIds: [...orgs] };
    const { positions, incarnation } = await heads.heads(request, {
      deadlineMs: Date.now() + patienceMs - waitingMs,
    });
    return new Map(
      orgs.flatMap((org, index) => {
        const position = positions[index];
        return position === undefined ? [] : [[org, { incarnation, position }]];
      }),
    );
  } catch {
    return new Map();
  }
}
