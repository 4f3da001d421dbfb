import type { Stub } from "@portcullis/chassis/rpc/client";
import type { Dependency } from "@portcullis/facts/wire";
import { type OrgId, type Owner, owners } from "@portcullis/policy";
import type { FactsService } from "@portcullis/proto/facts/v1/facts";

/** Where the other owners' logs of an organisation stand now. */
export type OtherLogs = (org: OrgId) => Promise<readonly Dependency[]>;

type Heads = Pick<Stub<typeof FactsService>, "heads">;

/** A write waits no longer than this to learn what it comes after. Then that is not known, and whoever reads it looks. */
const patienceMs = 100;

/** Asks the other owners, all at once. Never throws: of one that does not answer, the place is not known. */
export function otherLogs(others: Partial<Record<Owner, Heads>>): OtherLogs {
  return (org) => {
    const deadlineMs = Date.now() + patienceMs;
    return Promise.all(
      owners.flatMap((owner) => {
        const heads = others[owner];
        return heads === undefined ? [] : placeOf(owner, heads, org, deadlineMs);
      }),
    );
  };
}

async function placeOf(owner: Owner, heads: Heads, org: OrgId, deadlineMs: number): Promise<Dependency> {
  try {
    const { positions, incarnation } = await heads.heads({ orgIds: [org] }, { deadlineMs });
    const [position] = positions;
    return { owner, place: position === undefined ? null : { incarnation, position } };
  } catch {
    return { owner, place: null };
  }
}
