import { setTimeout as delay } from "node:timers/promises";
import { connect } from "@portcullis/chassis/rpc/client";
import { owners } from "@portcullis/policy";
import { DecisionService, type WatchResponse } from "@portcullis/proto/decision/v1/decision";
import pg from "pg";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { judgeAnswers, type Verdict } from "../src/judge-answers.ts";
import { type ProcessName, type System, startSystem } from "../src/system.ts";
import { makeTeam, type Team } from "../src/team.ts";

// Two processes of decision and of each owner, of which any may go at any time.

const maxStalenessMs = 2000;
const right = { wrongAllows: [], wrongDenials: [], allowedInTheEnd: [], everAllowed: true };
/** Callers that were refused try again within a second. */
const reconnectedMs = 1500;
const servers = ["decision", ...owners] as const;

const parts = new AsyncDisposableStack();
let system: System;
let team: Team;
let groupsLog: pg.Client;
beforeAll(async () => {
  system = parts.use(
    await startSystem({
      databaseServerUrl: inject("databaseUrl"),
      replicas: Object.fromEntries(servers.map((name) => [name, 2])),
    }),
  );
  groupsLog = new pg.Client({ connectionString: system.databaseUrl("groups") });
  await groupsLog.connect();
  parts.defer(() => groupsLog.end());
  team = await makeTeam(system, 6);
});
afterAll(() => parts.disposeAsync());

async function judge(breakThings: () => Promise<void>): Promise<Verdict> {
  return judgeAnswers({ system, team, maxStalenessMs }, breakThings);
}

/** How many processes of groups ring for its log. */
async function ringing(): Promise<number> {
  const { rows } = await groupsLog.query<{ pid: number }>(
    `select pid from pg_locks where locktype = 'advisory' and granted
       and database = (select oid from pg_database where datname = current_database())`,
  );
  return rows.length;
}

/** Resolves when what stands in the log of groups by now has been rung for. */
async function everythingIsRung(): Promise<void> {
  const { rows } = await groupsLog.query<{ position: string }>(
    "select position from org_log where org_id = $1",
    [team.orgId],
  );
  const unrung = () =>
    groupsLog.query("select from org_log where org_id = $1 and relayed < $2", [
      team.orgId,
      rows[0]?.position,
    ]);
  await expect.poll(async () => (await unrung()).rowCount).toBe(0);
}

const firsts = servers.map((name): ProcessName => name);
const seconds = servers.map((name): ProcessName => `${name}-2`);

async function restart(processes: readonly ProcessName[]): Promise<void> {
  await Promise.all(processes.map((process) => system.stop(process, "SIGTERM")));
  await Promise.all(processes.map((process) => system.start(process)));
  await delay(reconnectedMs);
}

/** Makes change after change, several at a time, while something else goes on; answers what was refused. */
async function changing(meanwhile: () => Promise<void>): Promise<unknown[]> {
  const refused: unknown[] = [];
  const ended = new AbortController();
  const writers = Array.from({ length: 4 }, async (_, writer) => {
    const { id } = await team.rest.ok<{ id: string }>("POST", "/v1/group", { name: `Group ${writer}` });
    for (let change = 0; !ended.signal.aborted; change++) {
      const description = `change ${change}`;
      await team.rest.ok("PATCH", `/v1/group/${id}`, { description }).catch((error: unknown) => {
        refused.push(error);
      });
    }
  });
  await meanwhile();
  ended.abort();
  await Promise.all(writers);
  return refused;
}

test("one half is restarted, and then the other: every Check is answered, and every change made", async () => {
  let refused: unknown[] = [];
  const verdict = await judge(async () => {
    refused = await changing(async () => {
      await restart(firsts);
      await restart(seconds);
    });
  });
  expect(verdict).toMatchObject({ ...right, unanswered: [], refusedChanges: [] });
  expect(refused).toEqual([]);
});

test("one process of an owner rings at a time, and the other in its place when it is killed or frozen", async () => {
  const verdict = await judge(async () => {
    for (const process of ["groups", "groups-2"] as const) {
      await expect.poll(ringing).toBe(1);
      await system.stop(process);
      await everythingIsRung();
      await system.start(process);
      await delay(reconnectedMs);
    }
    for (const process of ["groups", "groups-2"] as const) {
      await expect.poll(ringing).toBe(1);
      system.signal(process, "SIGSTOP");
      await everythingIsRung();
      system.signal(process, "SIGCONT");
    }
  });
  expect(verdict).toMatchObject(right);
  await expect.poll(ringing).toBe(1);
});

test("a watcher goes on at another process where it was", async () => {
  const [person = ""] = team.people;
  await team.join(person);
  const told = { decision: await nextTold("decision", ""), "decision-2": null as WatchResponse | null };
  await team.leave(person);
  told["decision-2"] = await nextTold("decision-2", told.decision.revision);
  expect(told.decision.event).toBeUndefined();
  const { action, touches = [] } = told["decision-2"].event ?? {};
  expect(action).toBe("group_updated");
  expect(touches).toContainEqual(expect.objectContaining({ orgId: team.orgId }));
});

/** The first event behind a revision, as one process tells it; without a revision the first message, which has none. */
async function nextTold(process: ProcessName, revision: string): Promise<WatchResponse> {
  using connection = connect({
    peer: process,
    address: system.addressOf(process),
    service: "admin",
    serviceCredential: system.serviceCredential,
  });
  const feed = connection.stub(DecisionService).watch({ orgId: team.orgId, revision, who: undefined });
  for await (const message of feed) if (revision === "" || message.event !== undefined) return message;
  throw new Error("the feed ended");
}
