// How long after the REST call has answered a revocation is in force wherever decisions are made.

import { once } from "node:events";
import type { Stub } from "@portcullis/chassis/rpc/client";
import { connectAsListed } from "@portcullis/chassis/testing";
import { throwawayPostgres } from "@portcullis/one-machine/postgres";
import { decisionCallers } from "@portcullis/proto/callers";
import { DecisionService } from "@portcullis/proto/decision/v1/decision";
import { makeTeam, startSystem, type Team } from "@portcullis/testbed";
import pg from "pg";
import { limited, type Row } from "./row.ts";
import { percentile } from "./statistics.ts";

const revocations = 200;
const people = 10;
const replicas = ["decision", "decision-2"] as const;

type Decision = Stub<typeof DecisionService>;

export async function revoke(tell: (line: string) => void): Promise<Row[]> {
  await using parts = new AsyncDisposableStack();
  const postgres = parts.use(await throwawayPostgres());
  const system = parts.use(
    await startSystem({ databaseServerUrl: postgres.url, replicas: { decision: replicas.length } }),
  );
  const decisions = replicas.map((name) => {
    const connection = connectAsListed({
      peer: name,
      address: system.addressOf(name),
      serviceCredential: system.serviceCredential,
    });
    return parts.use(connection).stub(DecisionService, decisionCallers);
  });
  // Postgres tells of the event of a change when that commits.
  const commits = new pg.Client({ connectionString: system.databaseUrl("groups") });
  await commits.connect();
  parts.defer(() => commits.end());
  await commits.query("listen event_log");

  const team = await makeTeam(system, people);
  const afterAnswer: number[] = [];
  const afterCommit: number[] = [];
  for (let round = 1; round <= revocations; round++) {
    const person = team.people[round % people] ?? "";
    await team.join(person);
    await untilAllowedIs(true, decisions, team, person);
    const committed = once(commits, "notification").then(() => performance.now());
    const denied = untilAllowedIs(false, decisions, team, person);
    await team.leave(person);
    const answeredAt = performance.now();
    const [committedAt, deniedAt] = await Promise.all([committed, denied]);
    afterAnswer.push(Math.max(0, deniedAt - answeredAt));
    afterCommit.push(deniedAt - committedAt);
    if (round % 50 === 0) tell(`${round} of ${revocations} revocations`);
  }
  const shown = [0.5, 0.99].map((share) => percentile(afterCommit, share).toFixed(1));
  return [
    limited("revoke: p50", percentile(afterAnswer, 0.5), 20, "ms after the answer", [
      `after the commit: p50 ${shown[0]} ms, p99 ${shown[1]} ms`,
    ]),
    limited("revoke: p99", percentile(afterAnswer, 0.99), 200, "ms after the answer"),
  ];
}

/** Asks every process without a pause; when the last of them gave the expected answer. */
async function untilAllowedIs(
  expected: boolean,
  decisions: readonly Decision[],
  team: Team,
  person: string,
): Promise<number> {
  const times = decisions.map(async (decision) => {
    for (;;) {
      const { allowed } = await decision.check(team.question(person));
      if (allowed === expected) return performance.now();
    }
  });
  return Math.max(...(await Promise.all(times)));
}
