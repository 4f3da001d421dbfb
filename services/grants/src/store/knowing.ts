import { Fault } from "@portcullis/chassis/fault";
import type { Hop } from "@portcullis/chassis/rpc/call";
import type { OrgId, Owner, PrincipalId } from "@portcullis/policy";
import type { WriteContext } from "@portcullis/proto/events/v1/events";
import { type Database, type Query, queryThrough, type Write, type Written } from "@portcullis/store";
import { noSuchSubject } from "../domain/acl.ts";
import type { Asked, Known, Neighbours } from "../neighbours.ts";

const attemptsMax = 5;

/**
 * A write that depends on who lives next door. They are asked before the organisation's log is locked, so that nobody
 * waits for their answer. What they said may be out of date by then; that is no harm as long as our following of their
 * logs is not ahead of it: a removal that they did not tell of comes by later, and clears what this write made. If our
 * following is ahead, it may have come by already, and they are asked again.
 */
async function writeKnowing<Result>(
  { database, neighbours }: { readonly database: Database; readonly neighbours: Neighbours },
  { org, context, asked, hop }: Request,
  body: (write: Write, known: Known) => Promise<Result>,
): Promise<Written<Result>> {
  return untilUpToDate(async () => {
    const known = await neighbours(org, asked, hop);
    return database.write(org, context, async (write) => {
      const followed = await followedPlaces(queryThrough(write.em), [org]);
      checkNotBehind(followed(org), known);
      return body(write, known);
    });
  });
}

/** Writes, and asks anew as long as what was answered is older than what was followed. */
export async function untilUpToDate<T>(attempt: () => Promise<T>): Promise<T> {
  for (let attempts = 1; ; attempts++) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof OutOfDate) || attempts === attemptsMax) throw error;
    }
  }
}

/** A write that may grant something to the owner of what it makes, who must be a member. */
export function writeForOwner<Result>(
  parts: { readonly database: Database; readonly neighbours: Neighbours },
  { owner, ...request }: Omit<Request, "asked"> & { readonly owner: PrincipalId | null },
  body: (write: Write) => Promise<Result>,
): Promise<Written<Result>> {
  const asked = { principals: owner === null ? [] : [owner], groups: false };
  return writeKnowing(parts, { ...request, asked }, (write, { members }) => {
    if (owner !== null && !members.has(owner)) throw noSuchSubject("owner_id");
    return body(write);
  });
}

interface Request {
  readonly org: OrgId;
  readonly context: WriteContext;
  readonly asked: Asked;
  readonly hop: Partial<Hop>;
}

class OutOfDate extends Fault {
  constructor() {
    super("conflict", "members or groups are changing; try again", { retryAfterMs: 100 });
  }
}

/** How far the logs of others are followed here, for each of these organisations. */
export async function followedPlaces(
  query: Query,
  orgs: readonly OrgId[],
): Promise<(org: OrgId) => readonly FollowedPlace[]> {
  const rows = await query<FollowedPlace & { readonly org_id: OrgId }>({
    name: "followed-places",
    text: "select org_id, owner, incarnation, position from followed_log where org_id = any($1::uuid[])",
    values: [`{${orgs.join(",")}}`],
  });
  return (org) => rows.filter(({ org_id }) => org_id === org);
}

export interface FollowedPlace {
  readonly owner: Owner;
  readonly incarnation: string;
  readonly position: string;
}

/** Throws if our following has gone beyond what is known. */
export function checkNotBehind(followed: readonly FollowedPlace[], { asOf }: Pick<Known, "asOf">): void {
  for (const { owner, incarnation, position } of asOf) {
    const place = followed.find((row) => row.owner === owner);
    // Another history: our following of it begins anew, and comes by.
    if (place === undefined || place.incarnation !== incarnation) continue;
    if (Number(place.position) > position) throw new OutOfDate();
  }
}
