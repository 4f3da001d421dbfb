import { Fault } from "@portcullis/chassis/fault";
import type { Hop } from "@portcullis/chassis/rpc/call";
import type { OrgId, Owner, PrincipalId } from "@portcullis/policy";
import type { WriteContext } from "@portcullis/proto/events/v1/events";
import type { Database, Write, Written } from "@portcullis/store";
import { noSuchSubject } from "../domain/acl.ts";
import type { Asked, Known, Neighbours } from "../neighbours.ts";

const attemptsMax = 5;

/**
 * A write that depends on who lives next door. They are asked before the organisation's log is locked, so that nobody
 * waits for their answer. What they said may be out of date by then; that is no harm as long as our following of their
 * logs is not ahead of it: a removal that they did not tell of comes by later, and clears what this write made. If our
 * following is ahead, it may have come by already, and they are asked again.
 */
export async function writeKnowing<Result>(
  { database, neighbours }: { readonly database: Database; readonly neighbours: Neighbours },
  { org, context, asked, hop }: Request,
  body: (write: Write, known: Known) => Promise<Result>,
): Promise<Written<Result>> {
  for (let attempt = 1; ; attempt++) {
    const known = await neighbours(org, asked, hop);
    try {
      return await database.write(org, context, async (write) => {
        await checkNotBehind(write, org, known);
        return body(write, known);
      });
    } catch (error) {
      if (!(error instanceof OutOfDate) || attempt === attemptsMax) throw error;
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

async function checkNotBehind({ em }: Write, org: OrgId, { asOf }: Known): Promise<void> {
  if (asOf.length === 0) return;
  const rows = await em.execute<{ owner: Owner; incarnation: string; position: string }[]>(
    "select owner, incarnation, position from followed_log where org_id = ?",
    [org],
  );
  for (const { owner, incarnation, position } of asOf) {
    const followed = rows.find((row) => row.owner === owner);
    // Another history: our following of it begins anew, and comes by.
    if (followed === undefined || followed.incarnation !== incarnation) continue;
    if (Number(followed.position) > position) throw new OutOfDate();
  }
}
