import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { openRedisForWorking } from "@portcullis/chassis/redis";
import { throwawayPostgres } from "@portcullis/one-machine/postgres";
import { type Owner, owners } from "@portcullis/policy";
import { makeTeam, type System, startSystem, type Team } from "@portcullis/testbed";
import pg from "pg";
import { afterAll, beforeAll, expect, inject, test } from "vitest";

// The databases as docs/operating.md has them made: roles that may do little, tables made by a command before.

const checkout = new URL("../../../", import.meta.url);
const denied = "42501";

const parts = new AsyncDisposableStack();
let server: { readonly url: string };
let system: System;
let team: Team;

beforeAll(async () => {
  server = parts.use(await throwawayPostgres());
  for (const statement of statementsOf("1-roles", "2-databases", "3-connections")) {
    await query(server.url, statement);
  }
  for (const owner of owners) {
    for (const role of [owner, `${owner}_migrate`, `${owner}_read`])
      await query(server.url, `alter role portcullis_${role} password 'of-${role}'`);
  }
});
afterAll(() => parts.disposeAsync());

/** Each file is one statement, or one a line. */
function statementsOf(...files: readonly string[]): string[] {
  return files.flatMap((file) => {
    const text = readFileSync(new URL(`infra/postgres/${file}.sql`, checkout), "utf8");
    return text.includes("do $$") ? [text] : text.split("\n").filter((line) => line.startsWith("create "));
  });
}

async function query(url: string, statement: string): Promise<pg.QueryResult> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await client.query(statement);
  } finally {
    await client.end();
  }
}

/** An owner's database as one of its roles, or another one's, sees it. */
function urlOf(owner: Owner, role: string = owner): string {
  const url = new URL(server.url);
  url.username = `portcullis_${role}`;
  url.password = `of-${role}`;
  url.pathname = `/portcullis_${owner}`;
  return url.href;
}

function run(program: string, environment: Readonly<Record<string, string>>, ...args: readonly string[]) {
  const file = fileURLToPath(new URL(program, checkout));
  const { PATH = "", NODE_COMPILE_CACHE = "" } = process.env;
  const env = { PATH, NODE_COMPILE_CACHE, ...environment };
  return new Promise<{ code: unknown; stdout: string; stderr: string }>((resolve) => {
    execFile(process.execPath, [file, ...args], { env }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : error.code, stdout, stderr }),
    );
  });
}

function migrate(owner: Owner) {
  return run(`services/${owner}/src/migrate.ts`, {
    DATABASE_URL: urlOf(owner, `${owner}_migrate`),
    PORTCULLIS_DATABASE_ROLE: `portcullis_${owner}`,
    PORTCULLIS_DATABASE_READER_ROLE: `portcullis_${owner}_read`,
  });
}

async function startHere(): Promise<System> {
  return startSystem({
    databaseServerUrl: server.url,
    redisUrl: inject("redisUrl"),
    environmentOf: (service) => {
      const owner = owners.find((name) => name === service);
      if (owner === undefined) return {};
      return {
        DATABASE_URL: urlOf(owner),
        DATABASE_REPLICA_URL: urlOf(owner, `${owner}_read`),
        PORTCULLIS_DATABASE_MIGRATIONS: "before",
      };
    },
  });
}

/** Asked without a wish: by whatever decision remembers, if it is good. */
async function isMaybeStillAllowed(person: string): Promise<boolean> {
  return (await system.decision.check(team.question(person))).allowed;
}

async function isAllowed(person: string): Promise<boolean> {
  const now = { kind: { $case: "fullyConsistent", value: {} } } as const;
  return (await system.decision.check(team.question(person, now))).allowed;
}

test("a service that may not migrate does not start on a database that lacks a migration, and names it", async () => {
  const address = "127.0.0.1:1";
  const started = await run("services/tokens/src/main.ts", {
    PORTCULLIS_LISTEN: "127.0.0.1:0",
    PORTCULLIS_SERVICE_CREDENTIAL: "x".repeat(32),
    PORTCULLIS_IDENTITY_ADDRESS: address,
    PORTCULLIS_GROUPS_ADDRESS: address,
    PORTCULLIS_GRANTS_ADDRESS: address,
    DATABASE_URL: urlOf("tokens"),
    PORTCULLIS_DATABASE_MIGRATIONS: "before",
    REDIS_URL: inject("redisUrl"),
  });
  expect(started.code).toBe(1);
  expect(started.stderr).toMatch(
    /^tokens: can't start: the database is not migrated: it lacks 0001-log-tables, /,
  );
});

test("the command migrates, may be repeated, and says when its role may not", async () => {
  for (const migrated of [...(await Promise.all(owners.map(migrate))), await migrate("groups")]) {
    expect(migrated).toMatchObject({ code: 0, stderr: "" });
  }
  const refused = await run("services/groups/src/migrate.ts", {
    DATABASE_URL: urlOf("groups"),
    PORTCULLIS_DATABASE_ROLE: "portcullis_groups",
  });
  expect(refused.code).toBe(1);
  expect(refused.stderr).toBe("groups migrate: can't start: this role does not own the table departure\n");
});

test("what a newer release has made is no hindrance, as after rolling back", async () => {
  for (const statement of [
    "insert into migrations (name, executed_at) values ('9999-of-a-newer-release', now())",
    "create table of_a_newer_release (id int)",
    "alter table event_log add column of_a_newer_release int",
  ]) {
    await query(urlOf("groups", "groups_migrate"), statement);
  }
  expect(await migrate("groups")).toMatchObject({ code: 0, stderr: "" });
});

test("services do all their work with roles that may change no table", async () => {
  system = parts.use(await startHere());
  team = await makeTeam(system, 3);
  const [person = ""] = team.people;
  expect(await isAllowed(person)).toBe(false);
  await team.join(person);
  expect(await isAllowed(person)).toBe(true);
  await team.leave(person);
  expect(await isAllowed(person)).toBe(false);
  const project = await team.rest.ok<{ id: string }>("POST", "/v1/project", { name: "Another" });
  await team.rest.ok("DELETE", `/v1/project/${project.id}`);
  const key = await team.rest.ok<{ id: string }>("POST", "/v1/api_key", { name: "Another" });
  await team.rest.ok("DELETE", `/v1/api_key/${key.id}`);
  for (const owner of owners) expect(system.output(owner)).not.toContain("permission denied");
});

test.each([...owners])(
  "whoever has taken %s over can't rewrite its log, nor change a table",
  async (owner) => {
    const forbidden = [
      "update event_log set action = 'nothing'",
      "delete from event_log",
      "truncate event_log",
      "drop table event_log",
      "alter table event_log disable trigger event_log_chain",
      "alter table event_log disable trigger event_log_append_only",
      "drop trigger event_log_chain on event_log",
      "create or replace function chain_event() returns trigger language plpgsql as $$ begin return new; end $$",
      "update history set id = gen_random_uuid()",
      "delete from migrations",
      "create table of_mine (id int)",
      "create temporary table of_mine (id int)",
      "create schema of_mine",
      "set session_replication_role = replica",
    ];
    for (const statement of forbidden) {
      await expect(query(urlOf(owner), statement), statement).rejects.toMatchObject({ code: denied });
    }
    await expect(query(urlOf(owner, `${owner}_read`), "delete from org_log")).rejects.toMatchObject({
      code: denied,
    });
  },
);

test("no owner's role can open the database of another", async () => {
  for (const owner of owners) {
    for (const other of owners.filter((name) => name !== owner)) {
      for (const role of [other, `${other}_migrate`, `${other}_read`]) {
        await expect(query(urlOf(owner, role), "select 1")).rejects.toMatchObject({ code: denied });
      }
    }
  }
});

async function join(person: string): Promise<void> {
  const context = { actor: undefined, requestId: "restore", sourceAddress: "", unchangedSince: [] };
  const { orgId, groupId } = team;
  await system.groups.addPrincipals({ context, orgId, principalIds: [person], groupIds: [groupId] });
}

/** What outlives decision of somebody's groups. */
async function remembered(person: string): Promise<string[]> {
  using redis = openRedisForWorking(inject("redisUrl"));
  return await redis.keys(`pc2:{${team.orgId}}:f:memberships|*${person}`);
}

test("after a restore what is remembered from after the backup would be believed, and is not in a new history", async () => {
  const [early = "", late = "", other = ""] = team.people;
  await join(early);
  await system.stop("groups", "SIGTERM");
  await query(server.url, "create database backup template portcullis_groups");
  await system.start("groups");
  await join(late);
  expect(await isAllowed(late)).toBe(true);
  // Facts are written behind the answers.
  await expect.poll(() => remembered(late)).not.toEqual([]);

  await system.stop("decision", "SIGTERM");
  await system.stop("groups", "SIGTERM");
  await query(server.url, "drop database portcullis_groups");
  await query(
    server.url,
    "create database portcullis_groups template backup owner portcullis_groups_migrate",
  );
  for (const statement of statementsOf("3-connections")) await query(server.url, statement);
  await system.start("groups");
  // It gets the position that the late one's coming had.
  await join(other);
  await system.start("decision");
  expect(await isMaybeStillAllowed(late), "it is the new history that mends it").toBe(true);

  await system.stop("decision", "SIGTERM");
  await system.stop("groups", "SIGTERM");
  const begun = await run(
    "infra/operator/src/new-history.ts",
    { PORTCULLIS_GROUPS_DATABASE_URL: urlOf("groups", "groups_migrate") },
    "groups",
  );
  expect(begun).toMatchObject({ code: 0, stderr: "" });
  await system.start("groups");
  await system.start("decision");
  expect(await isMaybeStillAllowed(late)).toBe(false);
  expect(await isMaybeStillAllowed(early)).toBe(true);
  expect(await isMaybeStillAllowed(other)).toBe(true);
  await join(late);
  expect(await isAllowed(late)).toBe(true);
});
