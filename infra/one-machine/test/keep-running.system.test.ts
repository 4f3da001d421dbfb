import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { keepRunning } from "../src/keep-running.ts";
import { type Leashed, startOnLeash } from "../src/leash.ts";

const folder = mkdtempSync(join(tmpdir(), "portcullis-keep-"));

afterAll(() => rmSync(folder, { recursive: true }));

/** Starts sleepers, fails at the starts whose numbers are given, and lets a test wait for the next start. */
class Sleepers {
  readonly started: Leashed[] = [];
  readonly news: string[] = [];
  readonly #fails: ReadonlySet<number>;
  #attempts = 0;
  #wake: () => void = () => {};

  constructor(fails: readonly number[] = []) {
    this.#fails = new Set(fails);
  }

  keep() {
    return keepRunning({ name: "sleeper", start: () => this.#start(), tell: (news) => this.news.push(news) });
  }

  async until(count: number): Promise<void> {
    while (this.started.length < count) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async #start(): Promise<Leashed> {
    this.#attempts++;
    if (this.#fails.has(this.#attempts)) throw new Error(`attempt ${this.#attempts} failed`);
    const running = await startOnLeash({
      command: "/bin/sleep",
      args: ["1000"],
      stopSignal: "SIGTERM",
      log: join(folder, "log"),
      record: join(folder, "record"),
    });
    this.started.push(running);
    this.#wake();
    return running;
  }
}

test("what ends by itself is started again, also after a start that failed", async () => {
  const sleepers = new Sleepers([2]);
  const kept = await sleepers.keep();
  sleepers.started[0]?.kill();
  await sleepers.until(2);
  await kept[Symbol.asyncDispose]();
  expect(sleepers.started.map((running) => running.gone)).toEqual([true, true]);
  expect(sleepers.news.slice(0, 2)).toEqual(["sleeper ended by itself (signal SIGKILL)", "attempt 2 failed"]);
});

test("a first start that fails is told to the caller", async () => {
  await expect(new Sleepers([1]).keep()).rejects.toThrow("attempt 1 failed");
});

test("what is stopped stays stopped", async () => {
  const sleepers = new Sleepers();
  const kept = await sleepers.keep();
  await kept[Symbol.asyncDispose]();
  expect(sleepers.started.map((running) => running.gone)).toEqual([true]);
  expect(sleepers.news).toEqual([]);
});
