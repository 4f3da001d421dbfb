import { Fault } from "@portcullis/chassis/fault";
import type { Follows, Revision } from "@portcullis/facts";
import { type OrgId, type Owner, owners } from "@portcullis/policy";
import type { PlaceInLog, Places } from "./merged-logs.ts";

const attemptsMax = 3;

/**
 * Where each log stands now, or where a revision has seen it. Throws a Fault for a revision that is not of these logs,
 * and when an owner can't be asked.
 */
export async function beginningOf(
  follows: Follows,
  org: OrgId,
  revision: Revision | null,
  clock: () => number,
): Promise<Places> {
  const since = clock();
  const { byOwner } = follows.of(org, since);
  for (let attempt = 1; attempt <= attemptsMax; attempt++) {
    const late = owners.filter((owner) => byOwner[owner].confirmedAt < since);
    if (late.length === 0) break;
    await Promise.all(late.map((owner) => follows.confirm(byOwner[owner], since)));
  }
  const placeIn = (owner: Owner): PlaceInLog => {
    const { mark, history, confirmedAt } = byOwner[owner];
    if (mark === null || confirmedAt < since) {
      throw new Fault("unavailable", `the log of ${owner} can't be read now`, { retryAfterMs: 1000 });
    }
    const { incarnation, app: head } = mark;
    if (revision === null) return { incarnation, position: head };
    const seen = revision.seen.filter((one) => one.owner === owner);
    if (seen.length === 0) return { incarnation, position: 0 };
    const position = seen.find((one) => one.history === history)?.position;
    if (position === undefined) throw historyEnded(owner);
    if (position > head) throw lost(owner, "lies beyond the end");
    return { incarnation, position };
  };
  return {
    identity: placeIn("identity"),
    groups: placeIn("groups"),
    grants: placeIn("grants"),
    tokens: placeIn("tokens"),
  };
}

/** What was told of an owner's log is no longer what stands in it. */
export function historyEnded(owner: Owner): Fault {
  return lost(owner, "belongs to a history that has ended,");
}

function lost(owner: Owner, how: string): Fault {
  return new Fault(
    "refused",
    `revision: ${how} of the log of ${owner}; read anew what you keep, and watch without a revision`,
    { field: "revision" },
  );
}
