import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";

/** Generous: many processes may share few cores. */
const startMs = 120_000;

/** One service as a process, which can be killed. */
export class ServiceProcess {
  readonly #service: string;
  readonly #child: ChildProcess;
  readonly #output: string[];
  readonly #outputBefore: number;
  readonly #exited: Promise<unknown>;

  /** `program`: how it is started, if not as its main file. */
  constructor(service: string, environment: Record<string, string>, output: string[], program?: string) {
    this.#service = service;
    this.#output = output;
    this.#outputBefore = output.length;
    const main = fileURLToPath(new URL(`../../../services/${service}/src/main.ts`, import.meta.url));
    // What was compiled once is compiled for all.
    const { PATH = "", NODE_COMPILE_CACHE = "" } = process.env;
    const env = { PATH, NODE_COMPILE_CACHE, ...environment };
    const command: [string, string[]] = program === undefined ? [process.execPath, [main]] : [program, []];
    this.#child = spawn(...command, { env, stdio: ["ignore", "pipe", "pipe"] });
    this.#child.stdout?.on("data", (chunk: Buffer) => output.push(chunk.toString()));
    this.#child.stderr?.on("data", (chunk: Buffer) => output.push(chunk.toString()));
    this.#exited = once(this.#child, "exit");
  }

  /** A service says on standard output when it listens. */
  async listening(): Promise<void> {
    const deadline = Date.now() + startMs;
    while (!this.#said().includes('"msg":"listening"')) {
      if (this.#child.exitCode !== null || this.#child.signalCode !== null) {
        throw new Error(`${this.#service} ended at start: ${this.#said()}`);
      }
      if (Date.now() > deadline) throw new Error(`${this.#service} did not start: ${this.#said()}`);
      await delay(20);
    }
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** What it wrote since this start. */
  #said(): string {
    return this.#output.slice(this.#outputBefore).join("");
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill(signal);
    await this.#exited;
  }
}
