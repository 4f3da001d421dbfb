// Child processes that never outlive us, however we end, and that a later run recognises if they do all the same.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { identityOf } from "./process-identity.ts";

export interface LeashOptions {
  readonly command: string;
  readonly args: readonly string[];
  /** The signal that ends it cleanly. */
  readonly stopSignal: "SIGINT" | "SIGTERM";
  /** When we are gone without a word, it gets so many seconds more: those who need it end first. */
  readonly lingerSeconds?: number;
  /** Where its output goes, behind what is there already. */
  readonly log: string;
  /** The file that says that it runs, for {@link stopLeftOver}. */
  readonly record: string;
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
}

export interface Leashed {
  readonly pid: number;
  /** Why it ended, in words. */
  readonly ended: Promise<string>;
  /** True from the moment that it ended. */
  readonly gone: boolean;
  /** The last lines that it wrote since it started. */
  said(): string[];
  /** Ends it cleanly, and by force after ten seconds. */
  stop(): Promise<void>;
  kill(): void;
}

/** How long a process may take to end cleanly. */
const graceMs = 10_000;

/**
 * The shell becomes the command (same process id), after leaving behind a watcher that reads from a pipe which only
 * we hold open: when we are gone, even killed, the watcher wakes and stops the command.
 */
const leash = `
signal=$0 linger=$1; shift
( ( read -r _; sleep $linger; kill -$signal $$ ) <&3 >/dev/null 2>&1 & )
exec "$@" 3<&-`;

/** Starts a command in a session of its own, so that Ctrl-C reaches us alone and we end it in our order. */
export async function startOnLeash(options: LeashOptions): Promise<Leashed> {
  mkdirSync(dirname(options.log), { recursive: true });
  makeRoom(options.log);
  const log = openSync(options.log, "a", 0o600);
  const { size } = fstatSync(log);
  const child = spawn(
    "/bin/sh",
    [
      "-c",
      leash,
      options.stopSignal.slice(3),
      String(options.lingerSeconds ?? 0),
      options.command,
      ...options.args,
    ],
    {
      stdio: ["ignore", log, log, "pipe"],
      detached: true,
      cwd: options.cwd,
      env: options.env ?? process.env,
      ...(options.uid !== undefined && { uid: options.uid }),
      ...(options.gid !== undefined && { gid: options.gid }),
    },
  );
  closeSync(log);
  await once(child, "spawn");
  return new LeashedChild(child, options, size);
}

class LeashedChild implements Leashed {
  readonly pid: number;
  readonly ended: Promise<string>;
  gone = false;
  readonly #child: ChildProcess;
  readonly #options: LeashOptions;
  readonly #logStart: number;

  constructor(child: ChildProcess, options: LeashOptions, logStart: number) {
    this.#child = child;
    this.#options = options;
    this.#logStart = logStart;
    this.pid = child.pid ?? 0;
    mkdirSync(dirname(options.record), { recursive: true });
    writeFileSync(options.record, `${this.pid}\n${options.stopSignal}\n${identityOf(this.pid) ?? ""}\n`);
    this.ended = new Promise((resolve) => {
      child.once("exit", (code, signal) => {
        this.gone = true;
        for (const stream of child.stdio) stream?.destroy();
        rmSync(options.record, { force: true });
        resolve(signal === null ? `exit code ${code}` : `signal ${signal}`);
      });
    });
  }

  async stop(): Promise<void> {
    if (this.gone) return;
    this.#child.kill(this.#options.stopSignal);
    const force = setTimeout(() => this.kill(), graceMs);
    await this.ended;
    clearTimeout(force);
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }

  said(): string[] {
    const log = openSync(this.#options.log, "r");
    try {
      const { size } = fstatSync(log);
      const from = Math.max(this.#logStart, size - bytesRemembered);
      const text = Buffer.alloc(Math.max(0, size - from));
      readSync(log, text, 0, text.length, from);
      return text
        .toString()
        .split("\n")
        .filter((line) => line.trim() !== "");
    } finally {
      closeSync(log);
    }
  }
}

const bytesRemembered = 64 * 1024;
const logBytesMax = 20 * 1024 * 1024;

/** A log that has grown long becomes the old one. */
function makeRoom(log: string): void {
  if (existsSync(log) && statSync(log).size > logBytesMax) renameSync(log, `${log}.old`);
}

/** Ends what the record names, if it still runs, and waits until it has. */
export async function stopLeftOver(record: string): Promise<void> {
  if (!existsSync(record)) return;
  const [pid, signal, identity] = readFileSync(record, "utf8").split("\n");
  if (identity) await stopProcess(Number(pid), identity, signal === "SIGINT" ? "SIGINT" : "SIGTERM");
  rmSync(record, { force: true });
}

/** The same for every record of a folder. */
export async function stopAllLeftOver(records: string): Promise<void> {
  if (!existsSync(records)) return;
  await Promise.all(readdirSync(records).map((name) => stopLeftOver(join(records, name))));
}

/** Ends a process that is not our child, and waits until it is gone. */
export async function stopProcess(pid: number, identity: string, signal: NodeJS.Signals): Promise<void> {
  const forceAt = Date.now() + graceMs;
  let next: NodeJS.Signals | null = signal;
  while (identityOf(pid) === identity) {
    if (next !== null) signalQuietly(pid, next);
    next = Date.now() > forceAt ? "SIGKILL" : null;
    await delay(20);
  }
}

export function signalQuietly(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended in between.
  }
}
