import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { fileURLToPath } from "node:url";
import { defineEntity, p } from "@mikro-orm/core";
import { openLog } from "@portcullis/chassis/log";
import { type OrgId, type Owner, owners } from "@portcullis/policy";
import { Database, factsHandlers, otherLogs, startFollower, startRelay } from "@portcullis/store";
import { freshDatabase } from "@portcullis/store/testing";
import { afterAll, beforeAll, expect, inject, test } from "vitest";

// grants follows groups, over a real queue; its handler fails for one organisation until it is mended.

const command = fileURLToPath(new URL("../src/dead-letters.ts", import.meta.url));
const NothingRow = defineEntity({ name: "Nothing", properties: { id: p.uuid().primary() } });
const log = openLog("dead-letters-test", "silent");
const [poisoned, healthy] = [randomUUID(), randomUUID()] as [OrgId, OrgId];

const parts = new AsyncDisposableStack();
const environment: Record<string, string> = {};
const databases = {} as Record<Owner, Database>;
const handled: string[] = [];
let failing = true;
let follower: AsyncDisposable;
beforeAll(async () => {
  const redisUrl = new URL(inject("redisUrl"));
  redisUrl.pathname = "/12";
  environment["REDIS_URL"] = redisUrl.href;
  for (const owner of owners) {
    const { url } = parts.use(await freshDatabase(inject("databaseUrl")));
    environment[`PORTCULLIS_${owner.toUpperCase()}_DATABASE_URL`] = url;
    databases[owner] = parts.use(
      await Database.open({
        owner,
        url,
        entities: [NothingRow],
        migrations: [],
        otherLogs: otherLogs({}),
        log,
      }),
    );
  }
  const { groups, grants } = databases;
  parts.use(await startRelay({ database: groups, redisUrl: redisUrl.href, followers: ["grants"], log }));
  for (const org of [poisoned, healthy]) await append(grants, org);
  const facts = factsHandlers(groups, () => ({ queries: {}, values: () => [] }));
  const call = undefined as never;
  follower = await startFollower({
    database: grants,
    source: "groups",
    facts: {
      readLog: async (request) => facts.readLog(request, call),
      heads: async (request) => facts.heads(request, call),
    },
    actions: ["made"],
    handle: async (_write, event) => {
      if (event.orgId === poisoned && failing) throw new Error("poison\u001b[31m\nin two lines");
      handled.push(event.orgId);
    },
    redisUrl: redisUrl.href,
    log,
  });
});
afterAll(async () => {
  await follower?.[Symbol.asyncDispose]();
  await parts.disposeAsync();
});

async function append(database: Database, org: OrgId): Promise<void> {
  await database.write(
    org,
    { actor: undefined, requestId: "test", sourceAddress: "", unchangedSince: [] },
    async ({ record }) =>
      record({
        action: "made",
        subject: { type: "organization", id: org },
        before: null,
        after: null,
        touches: [],
      }),
  );
}

interface Outcome {
  readonly code: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

function run(args: readonly string[], env: Record<string, string> = environment): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(process.execPath, [command, ...args], { env }, (error, stdout, stderr) =>
      resolve({ code: error?.code ?? 0, stdout, stderr }),
    );
  });
}

test("nothing is dead, nothing is listed", async () => {
  expect(await run(["list"])).toEqual({ code: 0, stdout: "", stderr: "nothing is dead or stuck\n" });
  expect(await run(["requeue", "--all"])).toEqual({ code: 0, stdout: "", stderr: "0 requeued\n" });
});

test("what fails for ever is listed with its reason, holds up nobody else, and is done once it is mended", async () => {
  await append(databases.groups, poisoned);
  await append(databases.groups, healthy);
  await expect.poll(() => handled, { interval: 10, timeout: 20_000 }).toEqual([healthy]);
  await expect
    .poll(() => run(["list"]), { timeout: 30_000 })
    .toMatchObject({
      code: 1,
      stdout: expect.stringContaining("dead job"),
    });

  const { stdout } = await run(["list"]);
  const [job = "", stuck = "", ...more] = stdout.trimEnd().split("\n");
  expect(more).toEqual([]);
  const time = "\\d{4}-\\d\\d-\\d\\dT[\\d:.]+Z";
  expect(job).toMatch(
    new RegExp(
      `^groups-grants/inv-groups-${poisoned}-1  dead job: groups of ${poisoned} at 1; ` +
        `5 attempts, the last at ${time}: poison.* in two lines$`,
    ),
  );
  expect(stuck).toMatch(
    new RegExp(
      `^groups-grants/${poisoned}  stuck follower: grants follows groups of ${poisoned} and is at 1 of 1 ` +
        `since ${time}; \\d+ attempts, the next soon: Error: poison.* in two lines$`,
    ),
  );

  // Tried again while it is still broken, it comes back.
  expect(await run(["requeue", `groups-grants/inv-groups-${poisoned}-1`])).toMatchObject({ code: 0 });
  await expect
    .poll(() => run(["list"]), { timeout: 30_000 })
    .toMatchObject({ stdout: expect.stringContaining("5 attempts, the last at") });

  failing = false;
  expect(await run(["requeue", "--all"])).toMatchObject({ code: 0, stderr: "2 requeued\n" });
  await expect.poll(() => handled, { interval: 10, timeout: 20_000 }).toEqual([healthy, poisoned]);
  await expect.poll(() => run(["list"]), { timeout: 30_000 }).toMatchObject({ code: 0, stdout: "" });
});

test("a stuck follower alone can be requeued, though no job is left of it", async () => {
  const { grants, groups } = databases;
  failing = true;
  await append(groups, poisoned);
  await expect
    .poll(() => run(["list"]), { timeout: 30_000 })
    .toMatchObject({ stdout: expect.stringContaining("stuck follower") });
  await grants.pool.query("update follow_failure set attempts = 20, retry_at = now() + interval '1 hour'");
  const before = handled.length;
  failing = false;
  expect(await run(["requeue", `groups-grants/${poisoned}`])).toMatchObject({ code: 0 });
  await expect.poll(() => handled.slice(before), { interval: 10, timeout: 20_000 }).toEqual([poisoned]);
});

test("a follower that is not there is seen by what it leaves undone", async () => {
  await follower[Symbol.asyncDispose]();
  await append(databases.groups, healthy);
  const { stdout } = await run(["list", "--older-than", "0"]);
  expect(stdout).toMatch(
    new RegExp(`groups-grants/${healthy}  stuck follower: .* is at 2 of 2 since .*; no attempt was noted`),
  );
  expect((await run(["list", "--older-than", "3600"])).stdout).not.toContain(healthy);
});

test("what is wrong with the call is said in one line", async () => {
  const { REDIS_URL: _redis, ...noRedis } = environment;
  const calls: [readonly string[], RegExp, Record<string, string>?][] = [
    [[], /^dead-letters: say list or requeue; --help says how\n$/],
    [["requeue"], /^dead-letters: list takes no ID; requeue takes some, or --all\n$/],
    [["requeue", "x", "--all"], /^dead-letters: list takes no ID/],
    [["list", "x"], /^dead-letters: list takes no ID/],
    [["list", "--older-than", "-1"], /^dead-letters: [^\n]*--older-than[^\n]*\n$/],
    [
      ["requeue", "groups-grants/none"],
      /^dead-letters: nothing dead or stuck is called groups-grants\/none\n$/,
    ],
    [["requeue", "nonsense"], /^dead-letters: nothing dead or stuck is called nonsense\n$/],
    [["list"], /^dead-letters: bad configuration: REDIS_URL: is required\n$/, noRedis],
    [["list"], /^dead-letters: can't reach Redis\n$/, { ...environment, REDIS_URL: "redis://127.0.0.1:1" }],
  ];
  for (const [args, stderr, env] of calls) {
    expect(await run(args, env)).toMatchObject({ code: 1, stderr: expect.stringMatching(stderr) });
  }
});
