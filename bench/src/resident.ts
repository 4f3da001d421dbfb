import { readFileSync } from "node:fs";

/** How much memory a process takes; on Linux. */
export function residentMegabytes(pid: number): number {
  const [, kilobytes = ""] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kilobytes) / 1024;
}
