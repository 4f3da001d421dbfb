// What a Check costs decision in an organisation that has grown, against the same Check in a small one. Both are in one
// system, and are asked in turns.

import { throwawayPostgres } from "@portcullis/one-machine/postgres";
import { owners } from "@portcullis/policy";
import { type System, startSystem } from "@portcullis/testbed";
import { compare } from "./compare.ts";
import {
  context,
  fillGroup,
  invite,
  makeGroup,
  makeObject,
  makeServiceToken,
  organization,
  put,
} from "./content.ts";
import { pinServer } from "./cores.ts";
import { checkTarget } from "./decision.ts";
import { type Row, rowOf } from "./row.ts";
import { type AllowedCheck, checkOf } from "./world.ts";

const rounds = 7;
const load = { calls: 10_000, connections: 4, atOnce: 8 };

interface Size {
  readonly acls: number;
  /** All in the innermost group. */
  readonly members: number;
  /** How many groups, one in the other. */
  readonly nesting: number;
}

const small: Size = { acls: 1000, members: 1000, nesting: 2 };
const large: Size = { acls: 1_000_000, members: 100_000, nesting: 20 };

/** First with all facts in memory, then with room for one id there, so that all are read from Redis. */
export async function growth(tell: (line: string) => void): Promise<Row[]> {
  await using parts = new AsyncDisposableStack();
  const postgres = parts.use(await throwawayPostgres());
  let ofDecision: Readonly<Record<string, string>> = {};
  const system = parts.use(
    await startSystem({
      databaseServerUrl: postgres.url,
      services: [...owners, "decision"],
      environmentOf: (service) => (service === "decision" ? ofDecision : {}),
    }),
  );
  tell(`making an organization of ${small.acls} ACLs, and one of ${large.acls}`);
  const worlds = { ours: await makeGrown(system, large), reference: await makeGrown(system, small) };
  const measure = async (name: string): Promise<Row> => {
    pinServer(system.pid("decision"));
    const ours = { target: await checkTarget(system, worlds.ours), load };
    const reference = { target: await checkTarget(system, worlds.reference), load };
    const done = await compare(ours, reference, { rounds, tell });
    return rowOf(name, "serverCpuMicros", { is: "at most", value: 1.2 }, done);
  };
  const fromMemory = await measure("growth-memory");
  ofDecision = { PORTCULLIS_MEMORY_IDS: "1" };
  await system.stop("decision");
  await system.start("decision");
  return [fromMemory, await measure("growth-redis")];
}

/** The innermost group's members may read the project that the outermost was granted. */
async function makeGrown(system: System, { acls, members, nesting }: Size): Promise<AllowedCheck> {
  const { orgId } = await organization(system);
  const [person = ""] = await invite(system, orgId, 1);
  const innermost = await makeGroup(system, orgId, [person]);
  await fillGroup(system, orgId, innermost, members - 1);
  let outermost = innermost;
  for (let depth = 1; depth < nesting; depth++) outermost = await makeGroup(system, orgId, [], [outermost]);
  const project = await makeObject(system, {
    orgId,
    type: "project",
    parent: { type: "org_project", id: orgId },
  });
  const parent = { type: "project", id: project };
  const experiment = await makeObject(system, { orgId, type: "experiment", parent });
  await put(
    system,
    "grants",
    `insert into acl (id, org_id, object_type, object_id, subject_kind, subject_id, permission, built_in, created)
     select gen_random_uuid(), $1, 'experiment', gen_random_uuid(), 'principal', gen_random_uuid(), 'read', false, now()
     from generate_series(1, $2::int)`,
    [orgId, acls],
  );
  await system.grants.updateAcls({
    context,
    orgId,
    add: [
      {
        object: parent,
        subject: { $case: "groupId", value: outermost },
        grant: { $case: "permission", value: "read" },
        restrictObjectType: "",
        expiresAt: undefined,
      },
    ],
    remove: [],
  });
  return {
    serviceToken: await makeServiceToken(system, orgId),
    allowedCheck: checkOf(orgId, { user: person, experiment }),
  };
}
