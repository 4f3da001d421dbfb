// A platform moves in: ten thousand people are invited and a hundred thousand ACLs made over REST, while Check runs at half
// of what it could, about the same organisation.

import { randomUUID } from "node:crypto";
import { type Rest, restClient } from "@portcullis/testbed";
import { makeObject } from "./content.ts";
import { type RunningDecision, startDecision } from "./decision.ts";
import { load, type Round } from "./h2load.ts";
import { compared, limited, type Row } from "./row.ts";
import { median } from "./statistics.ts";

const members = 10_000;
const membersAtOnce = 500;
const acls = 100_000;
const aclsAtOnce = 500;
/** No object has so many that its ACLs are read apart. */
const experiments = 1000;
const quietRounds = 5;
const roundSeconds = 4;
const many = { calls: 20_000, connections: 4, atOnce: 8 };

export async function importMany(tell: (line: string) => void): Promise<Row[]> {
  await using decision = await startDecision(tell);
  const experimentIds = await makeExperiments(decision);
  await load(decision.check, many);
  const { perSecond } = await load(decision.check, many);
  const beginPerSecond = Math.floor(perSecond / 2);
  const half = { connections: 4, atOnce: 64, beginPerSecond, calls: beginPerSecond * roundSeconds };
  const quiet: Round[] = [];
  for (let round = 0; round < quietRounds; round++) quiet.push(await load(decision.check, half));
  tell(`importing ${members} members and ${acls} ACLs beside ${beginPerSecond} Checks a second`);

  const rest = restClient(decision.system.adminUrl, decision.world.ownerKey);
  const imported = { seconds: NaN, done: false };
  const began = performance.now();
  const work = importAll(rest, experimentIds, tell).finally(() => {
    imported.seconds = (performance.now() - began) / 1000;
    imported.done = true;
  });
  const busy: Round[] = [];
  // All revisions are equally long, so that here too every answer is known by its length.
  while (!imported.done) busy.push(await load(decision.check, half));
  await work;
  const p99 = (rounds: readonly Round[]) => median(rounds.map(({ p99Ms }) => p99Ms));
  return [
    limited("import: time", imported.seconds, 60, "s"),
    compared("import: p99 of Check", "ms", { is: "at most", value: 4 }, [
      { ours: p99(busy), reference: p99(quiet) },
    ]),
  ];
}

async function makeExperiments({ system, world }: RunningDecision): Promise<string[]> {
  const { orgId } = world.allowedCheck;
  const project = await makeObject(system, {
    orgId,
    type: "project",
    parent: { type: "org_project", id: orgId },
  });
  const parent = { type: "project", id: project };
  const ids: string[] = [];
  for (let index = 0; index < experiments; index++) {
    ids.push(await makeObject(system, { orgId, type: "experiment", parent }));
  }
  return ids;
}

/** Invites all, then grants each of them as many experiments as the others. */
async function importAll(rest: Rest, experimentIds: readonly string[], tell: (line: string) => void) {
  const people: string[] = [];
  while (people.length < members) {
    const emails = Array.from({ length: membersAtOnce }, () => `${randomUUID()}@example.com`);
    const { added_users: added } = await rest.ok<{ added_users: { id: string }[] }>(
      "PATCH",
      "/v1/organization/members",
      { invite_users: { emails } },
    );
    people.push(...added.map(({ id }) => id));
  }
  tell("all members are there");
  const each = acls / members;
  for (let from = 0; from < acls; from += aclsAtOnce) {
    const add = Array.from({ length: aclsAtOnce }, (_, index) => ({
      object_type: "experiment",
      object_id: experimentIds[(from + index) % experiments],
      user_id: people[Math.floor((from + index) / each)],
      permission: "read",
    }));
    const { added_acls: made } = await rest.ok<{ added_acls: object[] }>("POST", "/v1/acl/batch_update", {
      add_acls: add,
    });
    if ((from + aclsAtOnce) % 10_000 === 0) tell(`${from + aclsAtOnce} ACLs are there`);
    if (made.length !== aclsAtOnce) throw new Error(`${made.length} of ${aclsAtOnce} ACLs were made`);
  }
}
