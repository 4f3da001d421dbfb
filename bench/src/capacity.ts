// What one of each part holds, for the arithmetic in docs/scaling.md: bytes for each fact, row and event, and what confirming
// many organisations and writing to one and to many costs.

import { randomUUID } from "node:crypto";
import { throwawayPostgres } from "@portcullis/one-machine/postgres";
import { throwawayRedis } from "@portcullis/one-machine/redis";
import type { CheckRequest } from "@portcullis/proto/decision/v1/decision";
import { restClient, type System, startSystem } from "@portcullis/testbed";
import { Redis } from "ioredis";
import pg from "pg";
import { context, invite, makeGroup, organization } from "./content.ts";
import { residentMegabytes } from "./resident.ts";

/** One thing that was measured, for which there is no reference. */
export interface Figure {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
}

const users = 20_000;
const atOnce = 500;
const groupSize = 200;
const organisations = 1000;
const headCalls = 50;
const writers = 8;
const writesEach = 60;

export async function capacity(tell: (line: string) => void): Promise<Figure[]> {
  await using parts = new AsyncDisposableStack();
  const postgres = parts.use(await throwawayPostgres());
  const redisServer = parts.use(await throwawayRedis());
  const redis = new Redis(redisServer.url);
  parts.defer(() => redis.disconnect());
  const system = parts.use(await startSystem({ databaseServerUrl: postgres.url, redisUrl: redisServer.url }));
  const figures: Figure[] = [];

  const { orgId, ownerKey } = await organization(system);
  const identityBefore = await databaseBytes(system.databaseUrl("identity"));
  const ids = await invite(system, orgId, users);
  figures.push({
    what: "Postgres of identity, for each member",
    value: ((await databaseBytes(system.databaseUrl("identity"))) - identityBefore) / users,
    unit: "bytes",
  });
  tell(`${users} members are there`);
  const groupsBefore = await databaseBytes(system.databaseUrl("groups"));
  const groups: string[] = [];
  for (let from = 0; from < users; from += groupSize) {
    const principalIds = ids.slice(from, from + groupSize);
    groups.push(await makeGroup(system, orgId, principalIds));
  }
  figures.push({
    what: `Postgres of groups, for each membership, ${groupSize} written at once`,
    value: ((await databaseBytes(system.databaseUrl("groups"))) - groupsBefore) / users,
    unit: "bytes",
  });

  const { experiment } = await somethingToRead(restClient(system.adminUrl, ownerKey), groups);
  const questions = ids.map((id): CheckRequest => question(orgId, id, experiment));
  const ask = async (from: number, to: number): Promise<void> => {
    for (let at = from; at < to; at += atOnce) {
      const checks = questions.slice(at, at + atOnce);
      await system.decision.batchCheck({ orgId, checks, consistency: undefined });
    }
  };
  // By the first half the process has taken what it needs to work at all.
  await ask(0, users / 2);
  await ask(0, users / 2);
  const [residentBefore, redisBefore] = [residentMegabytes(system.pid("decision")), await usedBytes(redis)];
  const keysBefore = await redis.dbsize();
  await ask(users / 2, users);
  const facts = 2 * (users / 2);
  figures.push({
    what: "decision's memory, for each fact, garbage included",
    value: ((residentMegabytes(system.pid("decision")) - residentBefore) * 2 ** 20) / facts,
    unit: "bytes",
  });
  figures.push({
    what: "Redis, for each fact",
    value: ((await usedBytes(redis)) - redisBefore) / ((await redis.dbsize()) - keysBefore),
    unit: "bytes",
  });

  const orgIds = Array.from({ length: organisations }, () => randomUUID());
  const headsStarted = performance.now();
  for (let call = 0; call < headCalls; call++) await system.facts.groups.heads({ orgIds });
  figures.push({
    what: `asking one owner for the heads of ${organisations} organisations`,
    value: (performance.now() - headsStarted) / headCalls,
    unit: "ms",
  });

  const own = await Promise.all(Array.from({ length: writers }, () => changeable(system)));
  const [first] = own;
  if (first === undefined) throw new Error("there is no writer");
  const inOne = await Promise.all(
    own.map(async () => ({ ...first, ...(await addedTo(system, first.orgId)) })),
  );
  figures.push(
    await writing(system, "one writer in one organisation", [first]),
    await writing(system, `${writers} writers in one organisation`, inOne),
    await writing(system, `${writers} writers, each in its own organisation`, own),
    {
      what: "an event of one changed membership in the log, with its indexes",
      value: await eventBytes(system.databaseUrl("groups"), first.orgId),
      unit: "bytes",
    },
  );
  return figures;
}

async function somethingToRead(rest: ReturnType<typeof restClient>, groups: readonly string[]) {
  const project = await rest.ok<{ id: string }>("POST", "/v1/project", { name: "Project" });
  const experiment = await rest.ok<{ id: string }>("POST", "/v1/experiment", {
    name: "Experiment",
    project_id: project.id,
  });
  for (const group of groups.slice(0, 5)) {
    await rest.ok("POST", "/v1/acl", {
      object_type: "project",
      object_id: project.id,
      group_id: group,
      permission: "read",
    });
  }
  return { experiment: experiment.id };
}

function question(orgId: string, principalId: string, experiment: string): CheckRequest {
  return {
    orgId,
    who: { $case: "principalId", value: principalId },
    permission: "read",
    what: { $case: "object", value: { type: "experiment", id: experiment } },
    consistency: undefined,
  };
}

/** A group, and a member that comes and goes. */
interface Changeable {
  readonly orgId: string;
  readonly group: string;
  readonly member: string;
}

async function changeable(system: System): Promise<Changeable> {
  const { orgId } = await organization(system);
  return { orgId, ...(await addedTo(system, orgId)) };
}

async function addedTo(system: System, orgId: string): Promise<Omit<Changeable, "orgId">> {
  const [member = ""] = await invite(system, orgId, 1);
  return { member, group: await makeGroup(system, orgId, []) };
}

/** Each is changed by one writer, all at once. */
async function writing(system: System, what: string, changed: readonly Changeable[]): Promise<Figure> {
  const startedAt = performance.now();
  await Promise.all(
    changed.map(async ({ orgId, group, member }) => {
      for (let write = 0; write < writesEach; write++) {
        await system.groups.updateGroup({
          context,
          orgId,
          id: group,
          name: undefined,
          description: undefined,
          replacePrincipalIds: undefined,
          replaceMemberGroupIds: undefined,
          addPrincipalIds: write % 2 === 0 ? [member] : [],
          removePrincipalIds: write % 2 === 0 ? [] : [member],
          addMemberGroupIds: [],
          removeMemberGroupIds: [],
          externalId: undefined,
        });
      }
    }),
  );
  const seconds = (performance.now() - startedAt) / 1000;
  return { what: `writes of ${what}`, value: (changed.length * writesEach) / seconds, unit: "a second" };
}

async function usedBytes(redis: Redis): Promise<number> {
  return Number(/used_memory:(\d+)/.exec(await redis.info("memory"))?.[1]);
}

async function databaseBytes(url: string): Promise<number> {
  const [row] = await rowsOf<{ bytes: string }>(url, "select pg_database_size(current_database()) as bytes");
  return Number(row?.bytes);
}

async function eventBytes(url: string, orgId: string): Promise<number> {
  const [row] = await rowsOf<{ bytes: number }>(
    url,
    `select avg(pg_column_size(event_log)) + (
       select pg_indexes_size('event_log')::float / count(*) from event_log
     ) as bytes from event_log where org_id = '${orgId}'`,
  );
  return Number(row?.bytes);
}

async function rowsOf<Row extends pg.QueryResultRow>(url: string, statement: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Row>(statement)).rows;
  } finally {
    await client.end();
  }
}
