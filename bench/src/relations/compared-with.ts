// Check against stores of relations that run elsewhere, where somebody has started them, in the same world.

import { deepStrictEqual } from "node:assert/strict";
import { compare } from "../compare.ts";
import { startDecision } from "../decision.ts";
import type { Asked } from "../foreign-service.ts";
import type { Target } from "../h2load.ts";
import { listeningOn } from "../listening-on.ts";
import { type Row, rowOf } from "../row.ts";
import { checkOf, type Question, questionsAbout, type World } from "../world.ts";

const rounds = 7;
const many = { calls: 20_000, connections: 4, atOnce: 8 };
const questionsCompared = 200;

/** A world in a store of relations. */
export interface RelationStore extends AsyncDisposable, Pick<Target, "name" | "address" | "headers"> {
  /** As it is asked over and over: one that is allowed. */
  ask(question: Question): Promise<Asked>;
  /** Of the world as it is now. */
  allows(question: Question): Promise<boolean>;
}

/** One that is open at an address. */
export type Open = (address: string, world: World) => Promise<RelationStore>;

export async function comparedWith(
  name: string,
  open: Open,
  address: string,
  tell: (line: string) => void,
): Promise<Row[]> {
  await using decision = await startDecision(tell);
  const { world, system } = decision;
  await using store = await open(address, world);
  const questions = questionsAbout(world.contents, questionsCompared);
  const { results } = await system.decision.batchCheck({
    orgId: world.orgId,
    checks: questions.map((question) => checkOf(world.orgId, question)),
    consistency: undefined,
  });
  const theirs: boolean[] = [];
  for (const question of questions) theirs.push(await store.allows(question));
  deepStrictEqual(
    theirs,
    results.map(({ allowed }) => allowed),
  );
  tell(`both allow the same ${theirs.filter((allowed) => allowed).length} of ${theirs.length} questions`);
  if (!(await store.allows(world.allowed))) throw new Error(`${name} denies what decision allows`);
  const { path, request, response } = await store.ask(world.allowed);
  const pid = listeningOn(address);
  tell(
    pid === null
      ? `who listens on ${address} is not seen from here: throughput is compared, and not CPU time`
      : `the CPU time of process ${pid} is taken, which listens on ${address}`,
  );
  const { headers } = store;
  const reference: Target = {
    name: store.name,
    address,
    path,
    request,
    response,
    headers,
    pid,
    questions: 1,
  };
  const ours = { target: decision.check, load: many };
  const done = await compare(ours, { target: reference, load: many }, { rounds, tell });
  const measure = pid === null ? "perSecond" : "perCpuSecond";
  return [rowOf(name, measure, { is: "at least", value: 3 }, done)];
}
