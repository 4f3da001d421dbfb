// A Redis or Valkey server program: one that is installed, or Debian's packages unpacked below the checkout, or as a
// last resort one in WebAssembly.

import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statfsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { onPath } from "./on-path.ts";
import { firstLine, fullDisk, Problem } from "./problem.ts";
import { identityOf } from "./process-identity.ts";
import { state, stateFromCheckout } from "./state-folder.ts";

const run = promisify(execFile);

/** Something that, given a settings file as its last argument, is a Redis server. */
export interface RedisProgram {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** `redis-server 7.0.15`, for instance. */
  readonly name: string;
}

const names = ["valkey-server", "redis-server"] as const;

/** Looks on PATH, then at what an earlier run unpacked, then unpacks. `tell` hears of what takes a while. */
export async function findRedisProgram(tell: (step: string) => void): Promise<RedisProgram> {
  const found = (await installedProgram()) ?? (await unpackedProgram());
  if (found !== null) return found;
  const fetched = await fetchedProgram(tell);
  if (typeof fetched !== "string") return fetched;
  tell(
    `THERE IS NO REDIS HERE (${fetched}): Valkey in WebAssembly takes its place; it is slow, and forgets everything ` +
      "when it stops. For a real one run apt-get install redis-server as root, or " +
      "docker run -d -p 127.0.0.1:6379:6379 redis:7 and set REDIS_URL=redis://127.0.0.1:6379",
  );
  return {
    command: process.execPath,
    args: [join(import.meta.dirname, "redis-in-wasm.ts")],
    env: process.env,
    name: "Valkey in WebAssembly",
  };
}

/** From the system's package archive; or in words why not. */
async function fetchedProgram(tell: (step: string) => void): Promise<RedisProgram | string> {
  if (onPath("apt-get") === null || onPath("dpkg-deb") === null)
    return "this system has no apt-get to fetch one with";
  requireSpace();
  tell(`fetching Redis from the system's package archive, once, into ${stateFromCheckout}`);
  const problems: string[] = [];
  for (const name of names.toReversed()) {
    try {
      await unpack(name);
      const program = await unpackedProgram();
      if (program !== null) return program;
      problems.push(`${name} was unpacked but does not run`);
    } catch (error) {
      problems.push(`${name}: ${whyAptFailed(error)}`);
    }
  }
  return problems.join("; ");
}

async function installedProgram(): Promise<RedisProgram | null> {
  for (const name of names) {
    const command = onPath(name);
    const program = command === null ? null : await tried(name, command, process.env);
    if (program !== null) return program;
  }
  return null;
}

const unpacked = join(state, "redis/program");

async function unpackedProgram(): Promise<RedisProgram | null> {
  for (const name of names) {
    const command = join(unpacked, "usr/bin", name);
    if (!existsSync(command)) continue;
    const env = { ...process.env, LD_LIBRARY_PATH: libraryFolders(unpacked).join(delimiter) };
    const program = await tried(name, command, env);
    if (program !== null) return program;
  }
  return null;
}

/** The program if it really runs here. */
async function tried(name: string, command: string, env: NodeJS.ProcessEnv): Promise<RedisProgram | null> {
  try {
    const { stdout } = await run(command, ["--version"], { env, timeout: 10_000 });
    const version = /v=(\S+)/.exec(stdout)?.[1];
    return version === undefined ? null : { command, args: [], env, name: `${name} ${version}` };
  } catch {
    return null;
  }
}

/** Lists of packages, and the packages. Without this apt would wait for a full disk to empty. */
const bytesNeeded = 200e6;

function requireSpace(): void {
  const { bavail, bsize } = statfsSync(state);
  if (bavail * bsize < bytesNeeded) throw new Problem(fullDisk(state));
}

/** Fetches a package and what it needs, and unpacks them; nothing of the system is touched, and nobody has to be root. */
async function unpack(name: string): Promise<void> {
  sweep();
  const apt = join(state, `redis/apt.${process.pid}`);
  for (const folder of ["state/lists/partial", "cache/archives/partial", "log"]) {
    mkdirSync(join(apt, folder), { recursive: true });
  }
  const options = Object.entries({
    "Dir::State": join(apt, "state"),
    "Dir::State::Lists": join(apt, "state/lists"),
    "Dir::State::status": "/var/lib/dpkg/status",
    "Dir::Cache": join(apt, "cache"),
    "Dir::Cache::archives": join(apt, "cache/archives"),
    "Dir::Log": join(apt, "log"),
    "Debug::NoLocking": "1",
    "APT::Sandbox::User": "",
    "APT::Install-Recommends": "0",
    "Acquire::Languages": "none",
    "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled": "false",
    "Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled": "false",
    "Acquire::Retries": "2",
    "Acquire::http::Timeout": "20",
  }).flatMap(([key, value]) => ["-o", `${key}=${value}`]);
  const env = { ...process.env, LC_ALL: "C", DEBIAN_FRONTEND: "noninteractive" };
  const half = `${unpacked}.${process.pid}`;
  try {
    await run("apt-get", [...options, "-qq", "update"], { env, timeout: 180_000 });
    await run("apt-get", [...options, "-qq", "-y", "--download-only", "install", name], {
      env,
      timeout: 180_000,
    });
    const archives = join(apt, "cache/archives");
    for (const archive of readdirSync(archives).filter((file) => file.endsWith(".deb"))) {
      await run("dpkg-deb", ["-x", join(archives, archive), half], { env });
    }
    // Another process may have been faster, which is as good.
    if ((await unpackedProgram()) !== null) return;
    rmSync(unpacked, { recursive: true, force: true });
    renameSync(half, unpacked);
  } finally {
    rmSync(half, { recursive: true, force: true });
    rmSync(apt, { recursive: true, force: true });
  }
}

/** Removes what interrupted runs left half done. */
function sweep(): void {
  const folder = join(state, "redis");
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder)) {
    const pid = /^(?:apt|program)\.(\d+)$/.exec(name)?.[1];
    if (pid !== undefined && identityOf(Number(pid)) === null)
      rmSync(join(folder, name), { recursive: true });
  }
}

function libraryFolders(root: string): string[] {
  return ["lib", "usr/lib"]
    .map((folder) => join(root, folder))
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => [
      folder,
      ...readdirSync(folder, { withFileTypes: true })
        .filter((entry) => entry.isDirectory() && entry.name.includes("-linux-"))
        .map((entry) => join(folder, entry.name)),
    ]);
}

function whyAptFailed(error: unknown): string {
  if (typeof error === "object" && error !== null && "killed" in error && error.killed === true) {
    return "it took longer than 3 minutes";
  }
  const said = typeof error === "object" && error !== null && "stderr" in error ? String(error.stderr) : "";
  const lines = said.split("\n").filter((line) => line.startsWith("E: "));
  return firstLine(lines[0]?.slice(3) ?? (error instanceof Error ? error.message : String(error)));
}
