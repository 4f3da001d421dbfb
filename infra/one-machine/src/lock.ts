import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { Problem } from "./problem.ts";
import { identityOf } from "./process-identity.ts";

/** How long we wait for a run that may be about to end. */
const patienceMs = 15_000;

/**
 * Makes sure that we are the only run that uses this lock file. A lock whose holder is dead is taken over; one whose
 * holder is stopping is waited for.
 */
export async function takeLock(path: string): Promise<Lock> {
  const deadline = Date.now() + patienceMs;
  while (true) {
    if (link(path)) return new Lock(path);
    const holder = readHolder(path);
    if (holder === null) continue;
    if (!holder.alive) {
      removeStale(path, holder.text);
      continue;
    }
    if (!holder.stopping || Date.now() > deadline) {
      throw new Problem(
        `it runs here already, as process ${holder.pid}: stop that one with Ctrl-C, or with kill ${holder.pid}`,
      );
    }
    await delay(100);
  }
}

/** A lock that we hold. */
export class Lock implements Disposable {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** Tells whoever waits that we are about to end. */
  stopping(): void {
    writeFileSync(this.#path, content("stopping"));
  }

  [Symbol.dispose](): void {
    rmSync(this.#path, { force: true });
  }
}

function content(condition: "running" | "stopping"): string {
  return `${process.pid}\n${identityOf(process.pid) ?? ""}\n${condition}\n`;
}

/** Appears under its name with its content in it, or not at all. */
function link(path: string): boolean {
  const own = `${path}.${process.pid}`;
  writeFileSync(own, content("running"));
  try {
    linkSync(own, path);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  } finally {
    rmSync(own, { force: true });
  }
}

interface Holder {
  readonly pid: number;
  readonly text: string;
  readonly alive: boolean;
  readonly stopping: boolean;
}

function readHolder(path: string): Holder | null {
  try {
    const text = readFileSync(path, "utf8");
    const [pid, identity, condition] = text.split("\n");
    const alive = identityOf(Number(pid)) === identity && identity !== "";
    return { pid: Number(pid), text, alive, stopping: condition === "stopping" };
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  }
}

/** Two runs may find the same dead holder: the second must not remove the lock that the first has taken since. */
function removeStale(path: string, expected: string): void {
  const aside = `${path}.stale.${process.pid}`;
  try {
    renameSync(path, aside);
    if (readFileSync(aside, "utf8") !== expected) linkSync(aside, path);
  } catch {
    // Somebody else was faster: look again.
  } finally {
    rmSync(aside, { force: true });
  }
}
