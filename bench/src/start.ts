// How soon `npm start` answers its first Check when it is started again: the parts are there, the demo organisation too.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseEnv } from "node:util";
import { connect } from "@portcullis/chassis/rpc/client";
import { freePort } from "@portcullis/one-machine/free-port";
import { services } from "@portcullis/one-machine/services";
import { type CheckRequest, DecisionService } from "@portcullis/proto/decision/v1/decision";
import { limited, type Row } from "./row.ts";
import { median } from "./statistics.ts";

const rounds = 3;
const checkout = fileURLToPath(new URL("../..", import.meta.url));
/** Between two attempts; it is part of what is measured. */
const pauseMs = 20;
const startMs = 300_000;

export async function start(tell: (line: string) => void): Promise<Row[]> {
  const state = mkdtempSync(join(tmpdir(), "portcullis-bench-"));
  try {
    const ports: Record<string, string> = {};
    for (const service of services) {
      ports[`PORTCULLIS_${service.toUpperCase()}_PORT`] = String(await freePort());
    }
    const { PATH, HOME } = process.env;
    const environment = { PATH, HOME, ...ports, PORTCULLIS_STATE: state };
    tell("starting for the first time");
    const { demo, ms: firstMs } = await firstStart(environment, state);
    const seconds: number[] = [];
    for (let round = 1; round <= rounds; round++) {
      const began = performance.now();
      const running = npmStart(environment);
      try {
        await untilAllowed(running, demo);
        seconds.push((performance.now() - began) / 1000);
      } finally {
        await stop(running);
      }
      tell(`round ${round} of ${rounds}`);
    }
    return [
      limited("start", median(seconds), 6, "s to the first answered Check", [
        `the first time of all: ${(firstMs / 1000).toFixed(1)} s to the end of the start`,
      ]),
    ];
  } finally {
    // For root the data of Postgres may lie elsewhere.
    rmSync(realpathSync(join(state, "postgres")), { recursive: true, force: true });
    rmSync(state, { recursive: true, force: true });
  }
}

/** What `demo.env` says. */
type Demo = Readonly<Record<string, string | undefined>>;

async function firstStart(environment: NodeJS.ProcessEnv, state: string) {
  const began = performance.now();
  const running = npmStart(environment);
  try {
    await hears(running, "Portcullis runs.");
    const demo: Demo = parseEnv(readFileSync(join(state, "demo.env"), "utf8"));
    return { demo, ms: performance.now() - began };
  } finally {
    await stop(running);
  }
}

/** What was started, and all that it has said. */
interface Running {
  readonly child: ChildProcess;
  readonly exited: Promise<unknown>;
  said: string;
}

/** In a process group of its own, so that it can be stopped as Ctrl-C does it. */
function npmStart(environment: NodeJS.ProcessEnv): Running {
  const child = spawn("npm", ["start"], {
    cwd: checkout,
    env: environment,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const running: Running = { child, exited: once(child, "exit"), said: "" };
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on("data", (chunk: Buffer) => (running.said += chunk.toString()));
  }
  return running;
}

async function stop({ child, exited }: Running): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  process.kill(-child.pid, "SIGINT");
  await exited;
}

async function hears(running: Running, words: string): Promise<void> {
  const deadline = performance.now() + startMs;
  while (!running.said.includes(words)) {
    stillRuns(running, deadline);
    await delay(pauseMs);
  }
}

/** Asks until the demo's reader may read the demo's experiment. */
async function untilAllowed(running: Running, demo: Demo): Promise<void> {
  const address = demo["PORTCULLIS_DECISION_ADDRESS"] ?? "";
  const deadline = performance.now() + startMs;
  // Until something listens there: a gRPC client that was refused would wait before it tries again.
  while (!(await isOpen(address))) {
    stillRuns(running, deadline);
    await delay(pauseMs);
  }
  using connection = connect({
    peer: "decision",
    address,
    serviceToken: () => demo["PORTCULLIS_SERVICE_TOKEN"] ?? "",
  });
  const decision = connection.stub(DecisionService);
  for (;;) {
    const answer = await decision.check(question(demo)).catch(() => null);
    if (answer?.allowed === true) return;
    if (answer !== null) throw new Error("the first Check was denied");
    stillRuns(running, deadline);
    await delay(pauseMs);
  }
}

function question(demo: Demo): CheckRequest {
  return {
    orgId: demo["PORTCULLIS_ORG_ID"] ?? "",
    who: { $case: "principalId", value: demo["PORTCULLIS_DEMO_READER_ID"] ?? "" },
    permission: "read",
    what: {
      $case: "object",
      value: { type: "experiment", id: demo["PORTCULLIS_DEMO_EXPERIMENT_ID"] ?? "" },
    },
    consistency: undefined,
  };
}

function stillRuns({ child, said }: Running, deadline: number): void {
  if (child.exitCode !== null) throw new Error(`npm start ended: ${said}`);
  if (performance.now() > deadline) throw new Error(`npm start takes too long: ${said}`);
}

async function isOpen(address: string): Promise<boolean> {
  const [host = "", port = ""] = address.split(":");
  const socket = createConnection({ host, port: Number(port) });
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
