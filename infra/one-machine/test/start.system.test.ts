// The one command as a person meets it, on ports and in a folder of its own.

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { freePort } from "../src/free-port.ts";
import { identityOf } from "../src/process-identity.ts";
import { services } from "../src/services.ts";

const source = join(import.meta.dirname, "../src");
let state: string;
let environment: NodeJS.ProcessEnv;

beforeAll(async () => {
  state = mkdtempSync(join(tmpdir(), "portcullis-start-"));
  const ports = await Promise.all(
    services.map(
      async (service) => [`PORTCULLIS_${service.toUpperCase()}_PORT`, String(await freePort())] as const,
    ),
  );
  // A database number of its own keeps its queues apart from those of other tests.
  const redis = new URL(inject("redisUrl"));
  redis.pathname = "/11";
  environment = {
    PATH: process.env["PATH"],
    HOME: process.env["HOME"],
    PORTCULLIS_STATE: state,
    REDIS_URL: redis.href,
    ...Object.fromEntries(ports),
  };
});

afterAll(() => {
  // For root the data of Postgres may lie elsewhere.
  rmSync(realpathSync(join(state, "postgres")), { recursive: true });
  rmSync(state, { recursive: true });
});

/** A running `npm start`, and what it has said. */
class Start {
  said = "";
  readonly process: ChildProcess;
  readonly exited: Promise<unknown>;

  constructor(more: NodeJS.ProcessEnv = {}) {
    this.process = spawn(process.execPath, [join(source, "up.ts")], {
      env: { ...environment, ...more },
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [this.process.stdout, this.process.stderr]) {
      stream?.on("data", (chunk: Buffer) => {
        this.said += chunk.toString();
      });
    }
    this.exited = once(this.process, "exit");
  }

  async greeted(): Promise<this> {
    while (!this.said.includes("Portcullis runs.")) {
      if (this.process.exitCode !== null) throw new Error(`it did not start: ${this.said}`);
      await delay(50);
    }
    return this;
  }

  async stopped(): Promise<number | null> {
    this.process.kill("SIGINT");
    await this.exited;
    return this.process.exitCode;
  }
}

function demo(): Record<string, string> {
  const lines = readFileSync(join(state, "demo.env"), "utf8").trim().split("\n");
  return Object.fromEntries(lines.map((line) => line.split("=", 2) as [string, string]));
}

function pids(): number[] {
  const records = join(state, "running");
  return readdirSync(records).map((name) =>
    Number(readFileSync(join(records, name), "utf8").split("\n", 1)[0]),
  );
}

async function statusOf(path: string, key: string): Promise<number> {
  const response = await fetch(demo()["PORTCULLIS_ADMIN_URL"] + path, {
    headers: { authorization: `Bearer ${key}` },
  });
  await response.body?.cancel();
  return response.status;
}

async function check(...args: string[]): Promise<string> {
  const run = promisify(execFile);
  const asked = run(process.execPath, [join(source, "check.ts"), ...args], { env: environment });
  return (await asked.catch((error: { stdout: string }) => error)).stdout.trim();
}

test("it starts with a demo that answers, stops at Ctrl-C, and starts again with its data", {
  timeout: 300_000,
}, async () => {
  const first = await new Start().greeted();
  const made = demo();
  const owner = made["PORTCULLIS_OWNER_KEY"] ?? "";
  const experiment = `experiment:${made["PORTCULLIS_DEMO_EXPERIMENT_ID"]}`;
  expect(first.said).toContain(owner);
  expect(first.said).toContain(`stand in ${state}/demo.env; logs are in ${state}/logs.`);
  expect(await statusOf("/v1/project", owner)).toBe(200);
  expect(await statusOf("/v1/project", made["PORTCULLIS_VIEWER_KEY"] ?? "")).toBe(200);
  expect(await check(made["PORTCULLIS_DEMO_READER_ID"] ?? "", "read", experiment)).toBe("allowed");
  expect(await check(made["PORTCULLIS_VIEWER_KEY"] ?? "", "read", experiment)).toBe("allowed");
  expect(await check(made["PORTCULLIS_VIEWER_KEY"] ?? "", "delete", experiment)).toBe("denied");
  expect(await check(made["PORTCULLIS_SERVICE_TOKEN"] ?? "", "read", experiment)).toBe("denied");
  for (const secret of ["demo.env", "service-credential", "postgres-password"]) {
    expect(statSync(join(state, secret)).mode & 0o777).toBe(0o600);
  }

  const second = new Start();
  await second.exited;
  expect(second.process.exitCode).toBe(1);
  expect(second.said).toMatch(/^portcullis: it runs here already, as process \d+: .*\n$/);

  const running = pids();
  expect(running).toHaveLength(7);
  expect(await first.stopped()).toBe(0);
  expect(running.filter((pid) => identityOf(pid) !== null)).toEqual([]);

  const again = await new Start().greeted();
  expect(demo()).toEqual(made);
  expect(await statusOf("/v1/project", owner)).toBe(200);

  // Killed without a word, it takes everything with it, and the next start has the data all the same.
  const orphans = pids();
  again.process.kill("SIGKILL");
  while (orphans.some((pid) => identityOf(pid) !== null)) await delay(50);
  const last = await new Start().greeted();
  expect(await statusOf("/v1/project", owner)).toBe(200);
  expect(await last.stopped()).toBe(0);
});

test("a port that is taken is one line that says which, and how to mend it", async () => {
  const squatter = createServer().listen(0, "127.0.0.1");
  await once(squatter, "listening");
  const { port } = squatter.address() as { port: number };
  const start = new Start({ PORTCULLIS_ADMIN_PORT: String(port) });
  await start.exited;
  squatter.close();
  expect(start.process.exitCode).toBe(1);
  expect(start.said).toBe(
    `portcullis: port ${port}, which admin wants, is taken: stop what listens there, ` +
      "or choose another with PORTCULLIS_ADMIN_PORT=PORT npm start\n",
  );
});
