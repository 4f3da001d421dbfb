import { execFile, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { defineEntity, p } from "@mikro-orm/core";
import { openLog } from "@portcullis/chassis/log";
import { type OrgId, owners } from "@portcullis/policy";
import { Database, otherLogs } from "@portcullis/store";
import { freshDatabase } from "@portcullis/store/testing";
import { afterAll, beforeAll, expect, inject, test } from "vitest";

const command = fileURLToPath(new URL("../src/verify-log.ts", import.meta.url));
const NothingRow = defineEntity({ name: "Nothing", properties: { id: p.uuid().primary() } });
const org = randomUUID() as OrgId;
const folder = mkdtempSync(join(tmpdir(), "verify-log-"));

const parts = new AsyncDisposableStack();
const environment: Record<string, string> = {};
const databases: Database[] = [];
beforeAll(async () => {
  parts.defer(() => rmSync(folder, { recursive: true }));
  for (const owner of owners) {
    const { url } = parts.use(await freshDatabase(inject("databaseUrl")));
    environment[`PORTCULLIS_${owner.toUpperCase()}_DATABASE_URL`] = url;
    const log = openLog("verify-log-test", "silent");
    databases.push(
      parts.use(
        await Database.open({
          owner,
          url,
          entities: [NothingRow],
          migrations: [],
          otherLogs: otherLogs({}),
          log,
        }),
      ),
    );
  }
  for (const database of databases) {
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
});
afterAll(() => parts.disposeAsync());

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

test("who stops reading, as head does, is told in one line that not all was judged", async () => {
  const child = spawn(process.execPath, [command], { env: environment });
  child.stdout.destroy();
  let stderr = "";
  child.stderr.on("data", (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const code = await new Promise((resolve) => child.once("close", resolve));
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr: "verify-log: nobody reads what it says: write EPIPE\n",
  });
});

test("whole logs: their heads, which can be expected later", async () => {
  const { code, stdout, stderr } = await run([]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "4 logs are whole\n" });
  const heads = stdout.trimEnd().split("\n");
  expect(heads.map((line) => line.replace(/:[0-9a-f]{64}$/, ""))).toEqual(
    owners.map((owner) => `${owner}:${org}:1`),
  );
  const file = join(folder, "heads");
  writeFileSync(file, stdout);
  const args = ["--org", org, "--expect", heads[0] ?? "", "--expect-file", file];
  expect(await run(args)).toMatchObject({ code: 0, stdout });
});

test("a head that is no longer there, and a log that was changed", async () => {
  const wrong = `groups:${org}:1:${"0".repeat(64)}`;
  expect(await run(["--expect", wrong])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining(`broken: groups of ${org} at 1: noted head differs: `),
  });
  const gone = `groups:${randomUUID()}:1:${"0".repeat(64)}`;
  expect(await run(["--expect", gone])).toMatchObject({ code: 1 });
  const tokens = databases[owners.indexOf("tokens")];
  await tokens?.pool.query("set session_replication_role = replica; update event_log set actor_id = 'x'");
  const { code, stdout, stderr } = await run([]);
  expect(code).toBe(1);
  expect(stderr).toBe(
    `broken: tokens of ${org} at 1: changed row: what it holds does not give its hash\n1 of 4 logs are broken\n`,
  );
  expect(stdout.trimEnd().split("\n")).toHaveLength(3);
});

test("what is wrong with the call is said in one line", async () => {
  const calls: [readonly string[], RegExp, Record<string, string>?][] = [
    [["--org", "x"], /^verify-log: --org: must be a lower-case UUID\n$/],
    [["--expect", "groups"], /^verify-log: --expect\[0\]: must be OWNER:ORG:POSITION:HASH/],
    [["--nonsense"], /^verify-log: Unknown option '--nonsense'.*; --help says how\n$/],
    [["--expect-file", join(folder, "none")], /^verify-log: .*ENOENT[^\n]*\n$/],
    [[], /^verify-log: bad configuration: PORTCULLIS_IDENTITY_DATABASE_URL: is required/, {}],
  ];
  for (const [args, stderr, env] of calls) {
    expect(await run(args, env)).toMatchObject({
      code: 1,
      stdout: "",
      stderr: expect.stringMatching(stderr),
    });
  }
});
