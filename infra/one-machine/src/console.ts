// The web console, built: turborepo keeps the result for as long as its sources stay the same.

import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { firstLine, Problem } from "./problem.ts";
import { checkout } from "./state-folder.ts";

const run = promisify(execFile);

/** Builds the console if it must, and answers the folder that admin is to serve. */
export async function builtConsole(): Promise<string> {
  const turbo = join(checkout, "node_modules/.bin/turbo");
  const args = ["run", "build", "--filter=@portcullis/console", "--output-logs=errors-only"];
  try {
    await run(turbo, args, { cwd: checkout, timeout: 300_000 });
  } catch (error) {
    throw new Problem(`the console can't be built: ${whyNot(error)} (see: npx turbo ${args.join(" ")})`);
  }
  return join(checkout, "services/console/dist");
}

function whyNot(error: unknown): string {
  const { stdout = "", stderr = "" } = error as { stdout?: string; stderr?: string };
  const lines = `${stdout}\n${stderr}`.split("\n").filter((line) => /error/i.test(line));
  return firstLine(lines[0] ?? String(error));
}
