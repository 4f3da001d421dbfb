// A Check of which no fact was ever read, for which all four owners are asked, against the least that could be asked of any
// of them: one row of its table by its key.

import { throwawayPostgres } from "@portcullis/one-machine/postgres";
import { owners } from "@portcullis/policy";
import { type System, startSystem } from "@portcullis/testbed";
import pg from "pg";
import { invite, makeCredential, makeObject, organization } from "./content.ts";
import { compared, type Row } from "./row.ts";
import { percentile } from "./statistics.ts";

const rounds = 5;
const each = 100;
/** So that what is measured is compiled code. */
const warmUp = 200;
const makersAtOnce = 8;

/** Somebody whom nobody asked about yet, with something that nobody asked about. */
interface Stranger {
  readonly id: string;
  readonly credential: string;
  readonly experiment: string;
}

export async function cold(tell: (line: string) => void): Promise<Row[]> {
  await using parts = new AsyncDisposableStack();
  const postgres = parts.use(await throwawayPostgres());
  const system = parts.use(
    await startSystem({ databaseServerUrl: postgres.url, services: [...owners, "decision"] }),
  );
  const count = warmUp + rounds * each;
  tell(`making ${count} people, each with a key, a project and an experiment`);
  const strangers = await makeStrangers(system, count);
  const bare = new pg.Client({ connectionString: system.databaseUrl("identity") });
  await bare.connect();
  parts.defer(() => bare.end());

  await meet(system, bare, strangers.slice(0, warmUp));
  const measured: { ours: number; reference: number }[] = [];
  for (let from = warmUp; from < count; from += each) {
    const { ours, reference } = await meet(system, bare, strangers.slice(from, from + each));
    measured.push({ ours: percentile(ours, 0.95), reference: percentile(reference, 0.95) });
    tell(`round ${measured.length} of ${rounds}`);
  }
  return [compared("cold", "ms (p95)", { is: "at most", value: 8 }, measured)];
}

/** Asks about each of them, and for the row of each, one after the other: how long each took. */
async function meet(system: System, bare: pg.Client, strangers: readonly Stranger[]) {
  const ours: number[] = [];
  const reference: number[] = [];
  for (const { id, credential, experiment } of strangers) {
    const began = performance.now();
    const { allowed } = await system.decision.check({
      orgId: "",
      who: { $case: "credential", value: credential },
      permission: "read",
      what: { $case: "object", value: { type: "experiment", id: experiment } },
      consistency: undefined,
    });
    const between = performance.now();
    const { rows } = await bare.query<{ id: string }>({
      name: "principal",
      text: "select * from principal where id = $1",
      values: [id],
    });
    reference.push(performance.now() - between);
    ours.push(between - began);
    if (!allowed || rows[0]?.id !== id) throw new Error(`${id} was answered otherwise than expected`);
  }
  return { ours, reference };
}

async function makeStrangers(system: System, count: number): Promise<Stranger[]> {
  const { orgId } = await organization(system);
  const ids = await invite(system, orgId, count);
  const made: Stranger[] = [];
  const rest = [...ids];
  const make = async (): Promise<void> => {
    for (let id = rest.pop(); id !== undefined; id = rest.pop()) {
      const credential = await makeCredential(system, orgId, id, "api_key");
      const project = await makeObject(system, {
        orgId,
        type: "project",
        parent: { type: "org_project", id: orgId },
        ownerId: id,
      });
      const experiment = await makeObject(system, {
        orgId,
        type: "experiment",
        parent: { type: "project", id: project },
        ownerId: id,
      });
      made.push({ id, credential, experiment });
    }
  };
  await Promise.all(Array.from({ length: makersAtOnce }, make));
  return made;
}
