// A program that is on this machine, or comes from Debian's package archive where it may be installed.

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { onPath } from "./on-path.ts";
import { firstLine, Problem } from "./problem.ts";

const run = promisify(execFile);

/** What is looked for, under which names, and which packages bring it. */
export interface DebianProgram {
  readonly title: string;
  readonly neededFor: string;
  readonly names: readonly string[];
  readonly packages: readonly string[];
  /** What to do where none can be had. */
  readonly advice: string;
}

/** Its path; a Problem where there is none and none can be installed. `tell` hears of what takes a while. */
export async function findDebianProgram(
  wanted: DebianProgram,
  tell: (step: string) => void,
): Promise<string> {
  const found = installed(wanted);
  if (found !== null) return found;
  if (process.getuid?.() !== 0) throw missing(wanted, "it is not installed, and only root can install it");
  tell(`installing ${wanted.title} from the system's package archive, once`);
  const env = { ...process.env, LC_ALL: "C", DEBIAN_FRONTEND: "noninteractive" };
  try {
    await run("apt-get", ["-qq", "update"], { env, timeout: 180_000 });
    const install = ["-qq", "-y", "--no-install-recommends", "install", ...wanted.packages];
    await run("apt-get", install, { env, timeout: 600_000 });
  } catch (error) {
    throw missing(wanted, firstLine(error instanceof Error ? error.message : String(error)));
  }
  const program = installed(wanted);
  if (program === null) throw missing(wanted, "the package archive has none that runs here");
  return program;
}

function installed({ names }: DebianProgram): string | null {
  return names.map(onPath).find((path) => path !== null) ?? null;
}

function missing({ title, neededFor, packages, advice }: DebianProgram, reason: string): Problem {
  return new Problem(
    `${neededFor} ${title} (${reason}): run apt-get install ${packages[0] ?? ""} as root${advice}`,
  );
}
