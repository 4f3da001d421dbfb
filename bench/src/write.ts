// ACLs written one by one, against bare transactions that write the same rows on the same server: what the rules, the log
// with its chain and the ORM cost beside what Postgres costs.

import { throwawayPostgres } from "@portcullis/one-machine/postgres";
import { owners } from "@portcullis/policy";
import { type System, startSystem } from "@portcullis/testbed";
import { bareWriters, countRows, type WantedAcl } from "./bare-writes.ts";
import { inTurns } from "./compare.ts";
import { context, invite, makeObject, organization } from "./content.ts";
import { compared, type Row } from "./row.ts";

const rounds = 5;
const writers = 8;
const writesEach = 50;
/** With the warm-up. */
const writesInAll = (1 + rounds) * writers * writesEach;
const permissions = ["read", "create", "update", "delete", "read_acls", "create_acls", "update_acls"];

/** All writers in one organisation, where each waits for the others. */
export function write(tell: (line: string) => void): Promise<Row[]> {
  return writing("write", 1, tell);
}

/** In turns over a hundred organisations. */
export function writeToMany(tell: (line: string) => void): Promise<Row[]> {
  return writing("write-100", 100, tell);
}

async function writing(name: string, organizations: number, tell: (line: string) => void): Promise<Row[]> {
  await using parts = new AsyncDisposableStack();
  const postgres = parts.use(await throwawayPostgres());
  const system = parts.use(
    await startSystem({ databaseServerUrl: postgres.url, services: [...owners, "decision"] }),
  );
  tell(`making ${organizations} organizations for ${writesInAll} ACLs`);
  const each: WantedAcl[][] = [];
  for (let index = 0; index < organizations; index++) {
    each.push(await makeWanted(system, Math.ceil(writesInAll / organizations)));
  }
  const [sample] = await makeWanted(system, 1);
  if (sample === undefined) throw new Error("there is no sample");
  await writeOurs(system, sample);
  const url = system.databaseUrl("grants");
  const bare = parts.use(await bareWriters(url, writers, sample));
  const count = async () => ({ ours: await countRows(url, "ours"), bare: await countRows(url, "bare") });
  const before = await count();

  const wanted = inTurn(each);
  const ours = wanted.values();
  const theirs = wanted.values();
  const done = await inTurns(
    () => perSecond(() => writeOurs(system, next(ours))),
    () => perSecond((writer) => bare.write(writer, next(theirs))),
    { rounds, tell },
  );
  const after = await count();
  for (const table of ["acl", "event_log", "fact_change"] as const) {
    const ours = after.ours[table] - before.ours[table];
    const bare = after.bare[table] - before.bare[table];
    if (ours !== bare || ours === 0) {
      throw new Error(`${table} has ${ours} new rows of ours and ${bare} of the reference`);
    }
  }
  return [compared(name, "a second", { is: "at least", value: 0.5 }, done)];
}

async function makeWanted(system: System, count: number): Promise<WantedAcl[]> {
  const { orgId } = await organization(system);
  const principals = await invite(system, orgId, Math.ceil(count / permissions.length));
  const projectId = await makeObject(system, {
    orgId,
    type: "project",
    parent: { type: "org_project", id: orgId },
  });
  return principals
    .flatMap((principalId) =>
      permissions.map((permission) => ({ orgId, projectId, principalId, permission })),
    )
    .slice(0, count);
}

/** The first of each list, then the second of each, and so on. */
function inTurn(lists: readonly (readonly WantedAcl[])[]): WantedAcl[] {
  const longest = Math.max(...lists.map((list) => list.length));
  return Array.from({ length: longest }, (_, index) => lists.flatMap((list) => list[index] ?? [])).flat();
}

function next(wanted: Iterator<WantedAcl, undefined>): WantedAcl {
  const { value } = wanted.next();
  if (value === undefined) throw new Error("there is nothing more to write");
  return value;
}

async function writeOurs(
  system: System,
  { orgId, projectId, principalId, permission }: WantedAcl,
): Promise<void> {
  await system.grants.updateAcls({
    context,
    orgId,
    add: [
      {
        object: { type: "project", id: projectId },
        subject: { $case: "principalId", value: principalId },
        grant: { $case: "permission", value: permission },
        restrictObjectType: "",
        expiresAt: undefined,
      },
    ],
    remove: [],
  });
}

/** Each writer makes one write after the other. */
async function perSecond(write: (writer: number) => Promise<void>): Promise<number> {
  const began = performance.now();
  await Promise.all(
    Array.from({ length: writers }, async (_, writer) => {
      for (let count = 0; count < writesEach; count++) await write(writer);
    }),
  );
  return (writers * writesEach * 1000) / (performance.now() - began);
}
