// The load: h2load of nghttp2, which posts one prebuilt gRPC message over and over and costs a fraction of what a server
// does, so that it is never the bottleneck.

import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { findDebianProgram } from "@portcullis/one-machine/debian-program";
import { cpuMicros, onClientCore } from "./cores.ts";
import { percentile } from "./statistics.ts";

const run = promisify(execFile);

/** Something that answers one unary call over and over. */
export interface Target {
  readonly name: string;
  /** `host:port` or `unix:/path`. */
  readonly address: string;
  readonly path: string;
  readonly request: Buffer;
  /** What it must answer, each time. Another length of the answers of a round is an error. */
  readonly response: Buffer;
  readonly headers: Readonly<Record<string, string>>;
  /** The server's process, whose CPU time is read; null: it is on another machine. */
  readonly pid: number | null;
  /** How many questions one call puts. */
  readonly questions: number;
}

/** How a target is asked. */
export interface Load {
  readonly calls: number;
  readonly connections: number;
  /** Calls at a time on each connection. */
  readonly atOnce: number;
  /** How many calls to begin in a second, on all connections together; as many as go when not given. */
  readonly beginPerSecond?: number;
}

/** What one round of calls showed. */
export interface Round {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** CPU time of the server process per question; NaN where it can't be read. */
  readonly serverCpuMicros: number;
  /** Questions answered in a second of it. */
  readonly perCpuSecond: number;
}

/** Makes the calls and verifies what came back: every call was answered, and all answers together have the right length. */
export async function load(target: Target, wanted: Load): Promise<Round> {
  const { calls, connections, atOnce, beginPerSecond } = wanted;
  const program = await findDebianProgram(h2load, (step) => process.stderr.write(`bench: ${step}\n`));
  const folder = await mkdtemp(join(tmpdir(), "h2load-"));
  try {
    const message = join(folder, "message");
    const log = join(folder, "log");
    await writeFile(message, framed(target.request));
    const isSocket = target.address.startsWith("unix:");
    const cpuBefore = cpuOf(target);
    const began = performance.now();
    const { stdout } = await run(
      ...onClientCore(program, [
        ...["-n", String(calls), "-c", String(connections), "-m", String(atOnce)],
        ...(beginPerSecond === undefined ? [] : [`--rps=${beginPerSecond / connections}`]),
        ...["-d", message, `--log-file=${log}`],
        ...["-H", "content-type: application/grpc", "-H", "te: trailers", "-H", "grpc-timeout: 5S"],
        ...Object.entries(target.headers).flatMap(([name, value]) => ["-H", `${name}: ${value}`]),
        ...(isSocket
          ? ["-B", target.address, `http://localhost${target.path}`]
          : [`http://${target.address}${target.path}`]),
      ]),
    );
    const elapsedMs = performance.now() - began;
    const cpuAfter = cpuOf(target);
    verify(stdout, target, calls);
    const took = (await readFile(log, "utf8"))
      .trimEnd()
      .split("\n")
      .map((line) => Number(line.split("\t")[2]) / 1000);
    const serverCpuMicros = (cpuAfter - cpuBefore) / calls / target.questions;
    return {
      perSecond: (calls * target.questions) / secondsOf(stdout, elapsedMs),
      p50Ms: percentile(took, 0.5),
      p99Ms: percentile(took, 0.99),
      serverCpuMicros,
      perCpuSecond: 1e6 / serverCpuMicros,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const h2load = {
  title: "h2load",
  neededFor: "the bench needs",
  names: ["h2load"],
  packages: ["nghttp2-client"],
  advice: "",
};

/** A message as gRPC puts it into a body. */
export function framed(message: Buffer): Buffer {
  const header = Buffer.alloc(5);
  header.writeUInt32BE(message.length, 1);
  return Buffer.concat([header, message]);
}

/** A refused or failed call has no message, and a denied Check a shorter one than an allowed one. */
function verify(said: string, target: Target, calls: number): void {
  const succeeded = Number(/(\d+) succeeded/.exec(said)?.[1]);
  const bytes = Number(/\((\d+)\) data/.exec(said)?.[1]);
  const expected = calls * (5 + target.response.length);
  if (succeeded !== calls || bytes !== expected) {
    throw new Error(
      `${target.name}: ${succeeded} of ${calls} calls were answered, with ${bytes} bytes instead of ${expected}`,
    );
  }
}

function cpuOf({ pid }: Target): number {
  return pid === null ? Number.NaN : cpuMicros(pid);
}

/** h2load's own time leaves its start out. */
function secondsOf(said: string, elapsedMs: number): number {
  const [, value, unit] = /finished in ([\d.]+)(us|ms|s),/.exec(said) ?? [];
  if (value === undefined || unit === undefined) return elapsedMs / 1000;
  return Number(value) / { us: 1e6, ms: 1e3, s: 1 }[unit as "us" | "ms" | "s"];
}
