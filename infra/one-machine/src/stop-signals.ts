import { commandOf } from "./process-identity.ts";

/** The terminal, npm and our bootstrap each pass the same Ctrl-C on: what arrives together is one. */
const oneSignalMs = 500;
const lookForParentMs = 500;

/** Hears that somebody wants us to stop: by a signal, or by killing the `npm start` that we run for. */
export class StopSignals implements Disposable {
  /** Resolves when we are asked to stop. */
  readonly asked: Promise<void>;
  readonly #impatient: () => void;
  readonly #hear = () => this.#heard();
  readonly #watch: NodeJS.Timeout;
  #firstAt: number | null = null;
  #resolve: () => void = () => {};

  /** `impatient` is called when we are asked once more. */
  constructor(impatient: () => void) {
    this.#impatient = impatient;
    this.asked = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    for (const signal of signals) process.on(signal, this.#hear);
    this.#watch = setInterval(this.#parentGone(), lookForParentMs);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#watch);
    for (const signal of signals) process.off(signal, this.#hear);
  }

  #heard(): void {
    const now = performance.now();
    if (this.#firstAt === null) {
      this.#firstAt = now;
      this.#resolve();
    } else if (now - this.#firstAt > oneSignalMs) this.#impatient();
  }

  /** Our bootstrap may be killed without a word to us. Any other parent may go: one can start us in the background. */
  #parentGone(): () => void {
    const parent = process.ppid;
    const isBootstrap = (commandOf(parent) ?? "").includes("bootstrap.mjs");
    return () => {
      if (isBootstrap && process.ppid !== parent && this.#firstAt === null) this.#heard();
    };
  }
}

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
