import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { expect, test } from "vitest";
import { freePort } from "../src/free-port.ts";

const modulePath = new URL("../src/free-port.ts", import.meta.url).href;

/** Starts a process that finds free ports, and ends when its standard input does. */
function anotherProcess(count: number): ChildProcessByStdio<Writable, Readable, null> {
  const program = `
    import { freePort } from ${JSON.stringify(modulePath)};
    const ports = [];
    for (let index = 0; index < ${count}; index++) ports.push(await freePort());
    console.log(JSON.stringify(ports));
    process.stdin.resume();
  `;
  return spawn(process.execPath, ["--input-type=module", "--eval", program], {
    stdio: ["pipe", "pipe", "inherit"],
  });
}

async function portsOf(other: ChildProcessByStdio<Writable, Readable, null>): Promise<number[]> {
  const [line] = (await once(createInterface(other.stdout), "line")) as [string];
  return JSON.parse(line) as number[];
}

test("no port is given to two, in one process or in several", async () => {
  const own = await Promise.all(Array.from({ length: 500 }, freePort));
  const others = [anotherProcess(500), anotherProcess(500)];
  const theirs = await Promise.all(others.map(portsOf));
  for (const other of others) other.stdin.end();
  const ports = [...own, ...theirs.flat()];
  expect(new Set(ports).size).toBe(ports.length);
});

test.runIf(process.platform === "linux")("no port is one that outgoing connections use", async () => {
  const range = readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "utf8")
    .trim()
    .split(/\s+/)
    .map(Number);
  const [first = 0, last = 0] = range;
  for (let index = 0; index < 50; index++)
    expect(await freePort()).not.toSatisfy((port: number) => port >= first && port <= last);
});
