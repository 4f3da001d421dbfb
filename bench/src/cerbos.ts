// Check and BatchCheck against Cerbos, which is told with each question what we look up: that the principal is a reader.

import { deepStrictEqual } from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { freePort } from "@portcullis/one-machine/free-port";
import { compare } from "./compare.ts";
import { pinServer } from "./cores.ts";
import { startDecision } from "./decision.ts";
import { foreignService } from "./foreign-service.ts";
import type { Target } from "./h2load.ts";
import { type Row, rowOf } from "./row.ts";
import type { World } from "./world.ts";

const rounds = 7;
const many = { calls: 20_000, connections: 4, atOnce: 8 };
const batches = { ...many, calls: 4000 };
const questionsInBatch = 50;

/** One question a call: what an answer costs the server. */
export async function cerbos(tell: (line: string) => void): Promise<Row[]> {
  await using decision = await startDecision(tell);
  await using reference = await startCerbos(decision.world, 1);
  const ours = { target: decision.check, load: many };
  const done = await compare(ours, { target: reference, load: many }, { rounds, tell });
  return [rowOf("cerbos", "perCpuSecond", { is: "at least", value: 2.5 }, done)];
}

/** Fifty questions a call. */
export async function cerbosBatch(tell: (line: string) => void): Promise<Row[]> {
  await using decision = await startDecision(tell);
  await using reference = await startCerbos(decision.world, questionsInBatch);
  const ours = { target: decision.batch(questionsInBatch), load: batches };
  const done = await compare(ours, { target: reference, load: batches }, { rounds, tell });
  return [rowOf("cerbos-batch", "perCpuSecond", { is: "at least", value: 7 }, done)];
}

const files = new URL("../references/cerbos/", import.meta.url);

/** Cerbos, and as many of the world's question in one call to it. */
async function startCerbos(world: World, questions: number): Promise<Target & AsyncDisposable> {
  await using parts = new AsyncDisposableStack();
  const program = fileURLToPath(import.meta.resolve(`@cerbos/cerbos-${process.platform}-${process.arch}`));
  const port = await freePort();
  const child = spawn(
    program,
    ["server", "--config", fileURLToPath(new URL("config.yaml", files)), "--log-level=error"],
    {
      env: {
        BENCH_PORT: String(port),
        BENCH_POLICIES: fileURLToPath(new URL("policies", files)),
        // As many as it has cores.
        GOMAXPROCS: "1",
      },
      stdio: ["ignore", process.stderr, process.stderr],
    },
  );
  parts.defer(async () => {
    child.kill();
    if (child.exitCode === null) await once(child, "exit");
  });
  const pid = child.pid ?? 0;
  const address = `127.0.0.1:${port}`;
  const contract = new URL("api.proto", files);
  using service = foreignService({ contract, service: "cerbos.svc.v1.CerbosService", address, headers: {} });
  const { user, experiment } = world.allowed;
  const entry = { actions: ["read"], resource: { kind: "experiment", id: experiment } };
  const { answer, ...call } = await service.ask("CheckResources", {
    principal: { id: user, roles: ["reader"] },
    resources: Array.from({ length: questions }, () => entry),
  });
  const allowed = { actions: { read: "EFFECT_ALLOW" } };
  deepStrictEqual(answer, { results: Array.from({ length: questions }, () => allowed) });
  pinServer(pid);
  const whole = parts.move();
  return {
    ...call,
    name: "Cerbos",
    address,
    headers: {},
    pid,
    questions,
    [Symbol.asyncDispose]: () => whole.disposeAsync(),
  };
}
