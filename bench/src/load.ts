import { readFileSync } from "node:fs";
import { Client, credentials, type Metadata } from "@grpc/grpc-js";

/** Something that answers one unary call over and over. */
export interface Target {
  readonly name: string;
  readonly address: string;
  readonly path: string;
  readonly request: Buffer;
  readonly metadata: Metadata;
  /** The server's process, whose CPU time is read. */
  readonly pid: number;
  /** Throws when an answer is not the right one. */
  readonly verify: (response: Buffer) => void;
}

/** What one round of calls showed. */
export interface Round {
  readonly callsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** CPU time of the server process per call; null where the system does not tell. */
  readonly serverCpuMicros: number | null;
}

/** Makes so many calls, so many of them at a time, over one connection. Every answer is verified. */
export async function load(target: Target, calls: number, concurrency: number): Promise<Round> {
  const client = new Client(target.address, credentials.createInsecure());
  try {
    await call(client, target);
    const latencies = new Float64Array(calls);
    let started = 0;
    const cpuBefore = cpuMicros(target.pid);
    const begin = performance.now();
    await Promise.all(
      Array.from({ length: concurrency }, async () => {
        while (started < calls) {
          const index = started++;
          const at = performance.now();
          await call(client, target);
          latencies[index] = performance.now() - at;
        }
      }),
    );
    const elapsedMs = performance.now() - begin;
    const cpuAfter = cpuMicros(target.pid);
    latencies.sort();
    return {
      callsPerSecond: (calls / elapsedMs) * 1000,
      p50Ms: latencies[Math.floor(calls * 0.5)] ?? 0,
      p99Ms: latencies[Math.floor(calls * 0.99)] ?? 0,
      serverCpuMicros: cpuBefore === null || cpuAfter === null ? null : (cpuAfter - cpuBefore) / calls,
    };
  } finally {
    client.close();
  }
}

function call(client: Client, target: Target): Promise<void> {
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      target.path,
      (request: Buffer) => request,
      (response: Buffer) => response,
      target.request,
      target.metadata,
      (error, response) => {
        if (error || response === undefined) {
          reject(error ?? new Error("no answer"));
          return;
        }
        target.verify(response);
        resolve();
      },
    );
  });
}

/** Linux tells in clock ticks of 10 ms; over a whole round that is fine enough. */
function cpuMicros(pid: number): number | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) * 10_000;
  } catch {
    return null;
  }
}
