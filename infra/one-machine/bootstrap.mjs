// From a fresh clone and any Node from 20 on to a running command: fetches pnpm, the dependencies and a newer Node,
// generates the code of the contracts, each only when it must, and hands over. Imports nothing that has to be installed.
//
//   node infra/one-machine/bootstrap.mjs start | test | bench | torture | mutate | check | portcullis | verify-log | dead-letters | new-history [arguments]
//   node infra/one-machine/bootstrap.mjs exec COMMAND [arguments]      runs COMMAND with the tools of this checkout

import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statfsSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import process from "node:process";

const root = join(import.meta.dirname ?? new URL(".", import.meta.url).pathname, "../..");
const tools = join(root, ".tools");
const modules = join(root, "node_modules");
const logs = join(root, ".portcullis/logs");
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

const commands = {
  start: "infra/one-machine/src/up.ts",
  test: "infra/one-machine/src/test.ts",
  check: "infra/one-machine/src/check.ts",
  portcullis: "packages/cli/src/main.ts",
  bench: "bench/src/main.ts",
  torture: "packages/testbed/src/torture/main.ts",
  mutate: "infra/mutation/src/main.ts",
  certs: "infra/certs/src/main.ts",
  "verify-log": "infra/operator/src/verify-log.ts",
  "new-history": "infra/operator/src/new-history.ts",
  "dead-letters": "infra/operator/src/dead-letters.ts",
};

/** Where `start` says how operators reach its databases and its Redis; variables that are set go first. */
const operatorEnv = join(process.env.PORTCULLIS_STATE || join(root, ".portcullis"), "operator.env");

const bytesNeeded = 1.5e9;
const signalNumbers = { SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGSEGV: 11, SIGTERM: 15 };

/** Something that the person at the keyboard can mend, in one line. */
class Problem extends Error {}

await main().catch((error) => {
  process.stderr.write(`portcullis: ${oneLine(error)}\n`);
  process.exitCode = 1;
});

async function main() {
  const [command, ...args] = process.argv.slice(2);
  if (command === undefined || !(command === "exec" || command in commands)) {
    throw new Problem(`say what to do: ${[...Object.keys(commands), "exec"].join(", ")}`);
  }
  requireNode();
  const env = environment();
  await ensurePnpm(env);
  await ensureDependencies(env);
  const node = findNode();
  await ensureGenerated(env);
  process.exitCode =
    command === "exec"
      ? await handOver(args[0] ?? node, args.slice(1), env)
      : await handOver(node, [...settingsOf(command), join(root, commands[command]), ...args], env);
}

function settingsOf(command) {
  const isOperators = commands[command].startsWith("infra/operator/");
  return isOperators && existsSync(operatorEnv) ? [`--env-file=${operatorEnv}`] : [];
}

function requireNode() {
  if (Number(process.versions.node.split(".")[0]) >= 20) return;
  throw new Problem(`Node ${process.versions.node} is too old: install Node 20 or later`);
}

function environment() {
  const path = [join(modules, ".bin"), join(tools, "node_modules/.bin"), process.env.PATH ?? ""];
  return {
    ...process.env,
    HOME: writableHome(),
    PATH: path.join(delimiter),
    TURBO_TELEMETRY_DISABLED: "1",
    DO_NOT_TRACK: "1",
    // Six services that start at once spend most of their time compiling the same libraries.
    NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? join(root, ".portcullis/compile-cache"),
  };
}

/** npm and pnpm keep caches at home; a user without a home gets one here. */
function writableHome() {
  try {
    accessSync(homedir(), constants.W_OK);
    return homedir();
  } catch {
    const home = join(tools, "home");
    mkdirSync(home, { recursive: true });
    return home;
  }
}

async function ensurePnpm(env) {
  const wanted = manifest.packageManager;
  const stamp = join(tools, ".installed");
  if (read(stamp) === wanted) return;
  requireSpace();
  mkdirSync(tools, { recursive: true });
  const options = ["--no-audit", "--no-fund", "--no-package-lock", "--fetch-retries=1", "--loglevel=error"];
  await step(`fetching ${wanted}`, "npm", ["install", "--prefix", tools, ...options, wanted], env);
  writeFileSync(stamp, wanted);
}

async function ensureDependencies(env) {
  const stamp = join(modules, ".portcullis-installed");
  const hash = hashOf(
    [join(root, "pnpm-lock.yaml"), join(root, "pnpm-workspace.yaml")],
    process.platform + process.arch,
  );
  if (read(stamp) === hash) return;
  requireSpace();
  // Without CI=true pnpm asks before it replaces what another version of it installed, and nobody might be there.
  const options = ["--frozen-lockfile", "--reporter=append-only"];
  await step("installing the dependencies", "pnpm", ["install", ...options], { ...env, CI: "true" });
  writeFileSync(stamp, hash);
}

async function ensureGenerated(env) {
  const proto = join(root, "proto");
  const stamp = join(modules, ".portcullis-generated");
  const inputs = filesBelow(proto, (path) => /\.(proto|yaml)$|package\.json$/.test(path));
  const hash = hashOf([...inputs, join(root, "pnpm-workspace.yaml")], "");
  if (read(stamp) === hash && existsSync(join(proto, "gen/descriptor.binpb"))) return;
  await step(
    "generating the code of the contracts",
    "pnpm",
    ["--filter", "@portcullis/proto", "run", "generate"],
    env,
  );
  writeFileSync(stamp, hash);
}

/** The Node that the registry delivered, or the running one if it runs TypeScript. */
function findNode() {
  const delivered = join(modules, ".bin/node");
  if (existsSync(delivered) && spawnSync(delivered, ["--version"]).status === 0) return delivered;
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  if (major > 22 || (major === 22 && minor >= 18)) return process.execPath;
  throw new Problem(
    `the package registry has no Node 24 for ${process.platform} on ${process.arch}, and the running Node ` +
      `${process.versions.node} does not run TypeScript: install Node 24`,
  );
}

/** Runs a step, showing that it goes on, and what went wrong when it does. */
async function step(title, command, args, env) {
  mkdirSync(logs, { recursive: true });
  const log = join(logs, "install.log");
  const started = Date.now();
  const file = openSync(log, "a");
  const live = process.stdout.isTTY === true;
  process.stdout.write(live ? `… ${title}` : `… ${title}\n`);
  let said = "";
  const result = await new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, env, stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk) => {
        writeSync(file, chunk);
        said = (said + chunk).slice(-20_000);
        if (live) showLine(`… ${title}: ${said.trimEnd().split("\n").at(-1) ?? ""}`);
      });
    }
    child.once("error", (error) => resolve(error));
    child.once("close", (code) => resolve(code));
  });
  closeSync(file);
  if (result !== 0) {
    if (live) process.stdout.write("\n");
    throw problemOf(result, said, command, log);
  }
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  if (live) showLine("");
  process.stdout.write(`✓ ${title} (${seconds} s)\n`);
}

function showLine(text) {
  const width = (process.stdout.columns || 80) - 1;
  process.stdout.write(`\r\u001b[2K${text.length > width ? text.slice(0, width) : text}`);
}

function problemOf(result, said, command, log) {
  if (result instanceof Error) {
    if (result.code !== "ENOENT") return result;
    return new Problem(
      command === "npm"
        ? "npm is missing: install it (it comes with Node)"
        : `${command} is missing: remove ${tools}`,
    );
  }
  if (/ENOSPC|no space left on device|EDQUOT/i.test(said)) return fullDisk();
  if (
    /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|META_FETCH_FAIL|dns error|error sending request/i.test(
      said,
    )
  ) {
    return new Problem(
      "the package registry can't be reached: connect to the network (or name your registry in .npmrc) and start again",
    );
  }
  if (/EACCES|EPERM|permission denied/i.test(said)) {
    return new Problem(
      `${root} can't be written to: make it yours (chown -R) or clone it anew; details are in ${log}`,
    );
  }
  if (/frozen-lockfile|OUTDATED_LOCKFILE|NO_IMPORTER/.test(said)) {
    return new Problem(
      "pnpm-lock.yaml does not fit the manifests: run .tools/node_modules/.bin/pnpm install",
    );
  }
  const lines = said.split("\n").filter((line) => /ERR|error/i.test(line));
  return new Problem(`${lines[0]?.trim() ?? `${command} failed`} (details are in ${log})`);
}

function requireSpace() {
  const { bavail, bsize } = statfsSync(root);
  if (bavail * bsize < bytesNeeded) throw fullDisk();
}

function fullDisk() {
  return new Problem(`the disk that holds ${root} is full: free 1.5 GB and start again`);
}

/** Runs the command in our place: it gets our terminal and our signals, and its exit code becomes ours. */
async function handOver(command, args, env) {
  const child = spawn(command, args, { env, stdio: "inherit" });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  const watch = setInterval(
    whenParentIsGone(() => child.kill("SIGTERM")),
    500,
  );
  try {
    const [code, signal] = await once(child, "exit");
    return signal === null ? code : 128 + signalNumbers[signal];
  } catch (error) {
    throw error.code === "ENOENT" ? new Problem(`there is no command ${command}`) : error;
  } finally {
    clearInterval(watch);
  }
}

/** An npm that is killed takes nobody with it, so we look whether ours still lives. */
function whenParentIsGone(act) {
  const parent = process.ppid;
  let watching = process.env.npm_lifecycle_event !== undefined;
  return () => {
    if (!watching || process.ppid === parent) return;
    watching = false;
    act();
  };
}

function hashOf(files, seed) {
  const hash = createHash("sha256").update(seed);
  for (const file of files) hash.update(`\0${file.slice(root.length)}\0`).update(readFileSync(file));
  return hash.digest("hex");
}

function filesBelow(folder, wanted) {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.name !== "gen" && entry.name !== "node_modules" && !entry.name.startsWith("."))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      return entry.isDirectory() ? filesBelow(path, wanted) : wanted(path) ? [path] : [];
    })
    .sort();
}

function read(path) {
  return existsSync(path) ? readFileSync(path, "utf8") : null;
}

function oneLine(error) {
  if (error instanceof Problem) return error.message;
  if (error.code === "ENOSPC" || error.code === "EDQUOT") return fullDisk().message;
  if (error.code === "EACCES" || error.code === "EPERM" || error.code === "EROFS") {
    return `${error.path ?? root} can't be written to: make the checkout yours (chown -R) or clone it anew`;
  }
  return String(error.message).split("\n")[0];
}
