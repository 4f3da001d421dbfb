// Lists to their end, page after page: the ten thousand objects out of a hundred thousand that somebody may read, and the ten
// thousand people who may read one of them.

import { throwawayPostgres } from "@portcullis/one-machine/postgres";
import { owners } from "@portcullis/policy";
import { type System, startSystem } from "@portcullis/testbed";
import { context, fillGroup, invite, makeGroup, makeObject, organization, put } from "./content.ts";
import { limited, type Row } from "./row.ts";
import { median } from "./statistics.ts";

const rounds = 5;
const pageLimit = 1000;
const projects = 100;
const experimentsPerProject = 1000;
const grantedProjects = 10;
const members = 10_000;

export async function list(tell: (line: string) => void): Promise<Row[]> {
  await using parts = new AsyncDisposableStack();
  const postgres = parts.use(await throwawayPostgres());
  const system = parts.use(
    await startSystem({ databaseServerUrl: postgres.url, services: [...owners, "decision"] }),
  );
  tell(`making ${projects} projects of ${experimentsPerProject} experiments, and ${members} people`);
  const { orgId, person, object } = await makeCrowd(system);
  const objects = await timed(rounds, () => countObjects(system, orgId, person));
  const principals = await timed(rounds, () => countPrincipals(system, orgId, object));
  expectAll("objects", objects.counts, grantedProjects * experimentsPerProject);
  // Beside them the organisation's Owner.
  expectAll("principals", principals.counts, members + 1);
  return [
    limited("list: objects", median(objects.seconds), 1, "s", [`the first time: ${shown(objects.first)}`]),
    limited("list: principals", median(principals.seconds), 1, "s", [
      `the first time: ${shown(principals.first)}`,
    ]),
  ];
}

/** People in a group that may read some of the projects. */
async function makeCrowd(system: System) {
  const { orgId } = await organization(system);
  const [person = ""] = await invite(system, orgId, 1);
  const projectIds: string[] = [];
  for (let index = 0; index < projects; index++) {
    const parent = { type: "org_project", id: orgId };
    projectIds.push(await makeObject(system, { orgId, type: "project", parent }));
  }
  await put(
    system,
    "grants",
    `insert into object (id, org_id, type, parent_type, parent_id, name, payload, created)
     select gen_random_uuid(), $1, 'experiment', 'project', project, 'experiment ' || number, '{}', now()
     from unnest($2::uuid[]) as project, generate_series(1, $3::int) as number`,
    [orgId, projectIds, experimentsPerProject],
  );
  const granted = projectIds.slice(-grantedProjects);
  const groupId = await makeGroup(system, orgId, [person]);
  await fillGroup(system, orgId, groupId, members - 1);
  await system.grants.updateAcls({
    context,
    orgId,
    add: granted.map((id) => ({
      object: { type: "project", id },
      subject: { $case: "groupId", value: groupId } as const,
      grant: { $case: "permission", value: "read" } as const,
      restrictObjectType: "",
      expiresAt: undefined,
    })),
    remove: [],
  });
  return { orgId, person, object: { type: "project", id: granted[0] ?? "" } };
}

async function countObjects(system: System, orgId: string, person: string): Promise<number> {
  const ids = new Set<string>();
  let cursor = "";
  do {
    const page = await system.decision.listObjects({
      orgId,
      who: { $case: "principalId", value: person },
      permission: "read",
      type: "experiment",
      under: undefined,
      limit: pageLimit,
      cursor,
      consistency: undefined,
    });
    for (const id of page.ids) ids.add(id);
    ({ cursor } = page);
  } while (cursor !== "");
  return ids.size;
}

async function countPrincipals(
  system: System,
  orgId: string,
  object: { type: string; id: string },
): Promise<number> {
  const ids = new Set<string>();
  let cursor = "";
  do {
    const page = await system.decision.listPrincipals({
      orgId,
      object,
      permission: "read",
      limit: pageLimit,
      cursor,
      consistency: undefined,
    });
    for (const { principal } of page.principals) ids.add(principal?.id ?? "");
    ({ cursor } = page);
  } while (cursor !== "");
  return ids.size;
}

/** Lists several times, each to the end: how many there were, and how long it took. The first time reads all facts. */
async function timed(times: number, count: () => Promise<number>) {
  const seconds: number[] = [];
  const counts: number[] = [];
  for (let time = 0; time < 1 + times; time++) {
    const began = performance.now();
    counts.push(await count());
    seconds.push((performance.now() - began) / 1000);
  }
  const [first = NaN, ...others] = seconds;
  return { first, seconds: others, counts };
}

function expectAll(what: string, counts: readonly number[], expected: number): void {
  const other = counts.find((count) => count !== expected);
  if (other !== undefined) throw new Error(`${other} ${what} were listed instead of ${expected}`);
}

function shown(seconds: number): string {
  return `${seconds.toFixed(2)} s`;
}
