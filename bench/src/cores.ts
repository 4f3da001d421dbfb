// Servers on one core, the load on another, so that neither takes the other's time; and what a process took. On Linux.

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

const serverCore = 0;
const clientCore = 1;

/** Keeps all threads of a server on the servers' core. */
export function pinServer(pid: number): void {
  execFileSync("taskset", ["-a", "-c", "-p", String(serverCore), String(pid)], { stdio: "ignore" });
}

/** How a program is started on the core of the load. */
export function onClientCore(program: string, args: readonly string[]): [string, string[]] {
  return ["taskset", ["-c", String(clientCore), program, ...args]];
}

/** CPU time of a process. Linux counts in clock ticks of 10 ms; over a whole round that is fine enough. */
export function cpuMicros(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}
