// Unary Check with every fact in memory, as production runs it (a service token to verify, deadlines, default logs),
// against a bare grpc-js server that echoes messages of the same sizes, under the same load.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { Metadata } from "@grpc/grpc-js";
import { throwawayPostgres } from "@portcullis/one-machine/postgres";
import { CheckRequest, CheckResponse, DecisionService } from "@portcullis/proto/decision/v1/decision";
import { startSystem } from "@portcullis/testbed";
import { type Comparison, compare } from "./compare.ts";
import type { Target } from "./load.ts";
import { makeWorld } from "./world.ts";

const rounds = 6;
const callsPerRound = 15_000;
const concurrency = 32;

export async function checkMemory(tell: (line: string) => void): Promise<Comparison> {
  await using parts = new AsyncDisposableStack();
  tell("starting the system");
  const postgres = parts.use(await throwawayPostgres());
  const system = parts.use(await startSystem({ databaseServerUrl: postgres.url }));
  const world = await makeWorld(system, tell);

  const metadata = new Metadata();
  metadata.set("authorization", `Bearer ${world.serviceToken}`);
  const request = Buffer.from(CheckRequest.encode(world.allowedCheck).finish());
  const { revision } = await system.decision.check(world.allowedCheck);
  const response = Buffer.from(CheckResponse.encode({ allowed: true, revision }).finish());
  const ours: Target = {
    name: "Check",
    address: system.decisionAddress,
    path: DecisionService.check.path,
    request,
    metadata,
    pid: system.pid("decision"),
    verify: (bytes) => {
      if (!CheckResponse.decode(bytes).allowed) throw new Error("a Check that must be allowed was denied");
    },
  };
  const echo = parts.use(await startEcho(response));
  const reference: Target = {
    name: "bare echo",
    address: echo.address,
    path: "/portcullis.bench.Echo/Echo",
    request,
    metadata,
    pid: echo.pid,
    verify: (bytes) => {
      if (!CheckResponse.decode(bytes).allowed) throw new Error("the echo changed its answer");
    },
  };
  tell(`request ${request.length} bytes, response ${response.length} bytes, ${concurrency} calls at a time`);
  return await compare(ours, reference, { rounds, callsPerRound, concurrency, tell });
}

async function startEcho(
  response: Buffer,
): Promise<AsyncDisposable & { readonly address: string; readonly pid: number }> {
  const program = fileURLToPath(new URL("./echo-server.ts", import.meta.url));
  const child = spawn(process.execPath, [program, response.toString("base64")], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [port] = (await once(child.stdout, "data")) as [Buffer];
  return {
    address: `127.0.0.1:${port.toString().trim()}`,
    pid: child.pid ?? 0,
    async [Symbol.asyncDispose]() {
      child.kill();
      await once(child, "exit");
    },
  };
}
