import { Fault, invalid } from "@portcullis/chassis/fault";
import { list, uuid } from "@portcullis/chassis/fields";
import type { Call } from "@portcullis/chassis/rpc/call";
import { mayAskAbout } from "@portcullis/checks";
import { ownerFromWire } from "@portcullis/facts/wire";
import { type OrgId, type Owner, owners } from "@portcullis/policy";
import type { Head, HeadsRequest, HeadsResponse, WantedHead } from "@portcullis/proto/upstream/v1/upstream";
import type { UpstreamParts } from "./index.ts";

type Parts = Pick<UpstreamParts, "follows" | "clock">;

export async function heads(parts: Parts, request: HeadsRequest, call: Call): Promise<HeadsResponse> {
  const arrivedAt = parts.clock();
  const org = uuid<OrgId>(request.orgId, "org_id");
  mayAskAbout(org, call);
  const wanted = list(request.heads, "heads", owners.length).map((head, index) => {
    const owner = ownerFromWire(head.owner);
    if (owner === null) throw invalid(`heads[${index}].owner`, "is no owner");
    return { owner, head };
  });
  const answers = wanted.map(({ owner, head }) => headOf(parts, org, owner, head, arrivedAt));
  return { heads: await Promise.all(answers) };
}

/** What is known of the owner's log if that is new enough; else the owner is asked. */
async function headOf(
  { follows, clock }: Parts,
  org: OrgId,
  owner: Owner,
  { incarnation, position, maxAgeMs }: WantedHead,
  arrivedAt: number,
): Promise<Head> {
  const follow = follows.of(org, clock()).byOwner[owner];
  // A process that stands behind its caller can't tell it that nothing is lost.
  const isBehind = follow.mark?.incarnation === incarnation && follow.confirmedHead < position;
  const since = isBehind ? arrivedAt : arrivedAt - maxAgeMs;
  try {
    if (follow.mark === null || follow.confirmedAt < since) await follows.confirm(follow, since);
  } catch (error) {
    if (error instanceof Fault) return unknown;
    throw error;
  }
  // Its history may have changed while it was asked.
  if (follow.mark === null || follow.confirmedAt < since) return unknown;
  return {
    incarnation: follow.mark.incarnation,
    position: follow.confirmedHead,
    ageMs: Math.ceil(Math.max(0, arrivedAt - follow.confirmedAt)),
  };
}

const unknown: Head = { incarnation: "", position: 0, ageMs: 0 };
