import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, expect, test } from "vitest";
import { takeLock } from "../src/lock.ts";

const folder = mkdtempSync(join(tmpdir(), "portcullis-lock-"));

afterAll(() => rmSync(folder, { recursive: true }));

test("one holds it, the next is told who, and the one after the end gets it", async () => {
  const path = join(folder, "one");
  {
    using _held = await takeLock(path);
    await expect(takeLock(path)).rejects.toThrow(`it runs here already, as process ${process.pid}`);
  }
  expect(existsSync(path)).toBe(false);
  using _again = await takeLock(path);
});

test("whoever is stopping is waited for", async () => {
  const path = join(folder, "stopping");
  const held = await takeLock(path);
  held.stopping();
  const waiting = takeLock(path);
  held[Symbol.dispose]();
  using next = await waiting;
  expect(next).not.toBe(held);
});

test("of many who find the lock of a dead one, a single one takes it over", async () => {
  const path = join(folder, "stale");
  const lock = join(import.meta.dirname, "../src/lock.ts");
  const script = `
    import { once } from "node:events";
    import { takeLock } from ${JSON.stringify(lock)};
    try {
      using held = await takeLock(${JSON.stringify(path)});
      console.log("taken");
      await once(process.stdin.resume(), "end");
    } catch {
      console.log("refused");
    }
  `;
  writeFileSync(path, "1\nof another time\nrunning\n");
  const takers = Array.from({ length: 4 }, () =>
    spawn(process.execPath, ["--input-type=module", "--eval", script], {
      stdio: ["pipe", "pipe", "inherit"],
    }),
  );
  const answers = await Promise.all(
    takers.map(async (taker) => String((await once(taker.stdout, "data"))[0]).trim()),
  );
  expect(answers.toSorted()).toEqual(["refused", "refused", "refused", "taken"]);
  for (const taker of takers) taker.stdin.end();
  while (takers.some((taker) => taker.exitCode === null)) await delay(10);
  expect(readdirSync(folder)).toEqual([]);
});
