// The browser that tests of the console use: Debian's Chromium, installed when that can be done.

import { execFile } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { firstLine, Problem } from "./problem.ts";

const run = promisify(execFile);

const names = ["chromium", "chromium-browser", "google-chrome"] as const;

/** The program; a Problem where there is none and none can be installed. `tell` hears of what takes a while. */
export async function findChromium(tell: (step: string) => void): Promise<string> {
  const found = installed();
  if (found !== null) return found;
  if (process.getuid?.() !== 0) throw missing("it is not installed, and only root can install it");
  tell("installing Chromium from the system's package archive, once");
  const env = { ...process.env, LC_ALL: "C", DEBIAN_FRONTEND: "noninteractive" };
  try {
    await run("apt-get", ["-qq", "update"], { env, timeout: 180_000 });
    await run(
      "apt-get",
      ["-qq", "-y", "--no-install-recommends", "install", "chromium", "fonts-dejavu-core"],
      {
        env,
        timeout: 600_000,
      },
    );
  } catch (error) {
    throw missing(firstLine(error instanceof Error ? error.message : String(error)));
  }
  const program = installed();
  if (program === null) throw missing("the package archive has none that runs here");
  return program;
}

function installed(): string | null {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  const paths = [...folders, "/usr/bin"].flatMap((folder) => names.map((name) => join(folder, name)));
  return paths.find(isExecutable) ?? null;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function missing(reason: string): Problem {
  return new Problem(
    `the console's tests need Chromium (${reason}): run apt-get install chromium as root, ` +
      "or set TEST_CHROMIUM to where it is",
  );
}
