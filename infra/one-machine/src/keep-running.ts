import { setTimeout as delay } from "node:timers/promises";
import type { Leashed } from "./leash.ts";
import { firstLine } from "./problem.ts";

export interface KeepRunningOptions {
  readonly name: string;
  /** Starts it and resolves when it answers; rejects when it can't. */
  readonly start: () => Promise<Leashed>;
  /** Hears when it ended by itself, and when it is back. */
  readonly tell: (news: string) => void;
}

export interface Kept extends AsyncDisposable {
  /** Ends it at once and for good. */
  kill(): void;
}

const firstPauseMs = 250;
const longestPauseMs = 30_000;
/** Whoever ran for this long has recovered: its next pause is short again. */
const recoveredAfterMs = 60_000;

/** Starts a process, and again whenever it ends by itself, with growing pauses. Only the first start may fail. */
export async function keepRunning(options: KeepRunningOptions): Promise<Kept> {
  const keeper = new Keeper(options, await options.start());
  return keeper;
}

class Keeper implements Kept {
  readonly #options: KeepRunningOptions;
  readonly #stopping = new AbortController();
  #current: Leashed;
  readonly #kept: Promise<void>;

  constructor(options: KeepRunningOptions, current: Leashed) {
    this.#options = options;
    this.#current = current;
    this.#kept = this.#keep();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    await this.#current.stop();
    await this.#kept;
    // A start that was under way when we were asked to stop.
    await this.#current.stop();
  }

  kill(): void {
    this.#stopping.abort();
    this.#current.kill();
  }

  async #keep(): Promise<void> {
    const { name, start, tell } = this.#options;
    let pauseMs = firstPauseMs;
    while (true) {
      const startedAt = performance.now();
      const reason = await this.#current.ended;
      if (this.#stopping.signal.aborted) return;
      if (performance.now() - startedAt > recoveredAfterMs) pauseMs = firstPauseMs;
      tell(`${name} ended by itself (${reason})`);
      do {
        await delay(pauseMs, null, { signal: this.#stopping.signal }).catch(() => {});
        if (this.#stopping.signal.aborted) return;
        pauseMs = Math.min(2 * pauseMs, longestPauseMs);
        try {
          this.#current = await start();
          tell(`${name} is back`);
        } catch (error) {
          if (!this.#stopping.signal.aborted)
            tell(firstLine(String(error instanceof Error ? error.message : error)));
        }
      } while (this.#current.gone && !this.#stopping.signal.aborted);
      if (this.#stopping.signal.aborted) return;
    }
  }
}
