import { randomBytes } from "node:crypto";
import { chmodSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";

import { Problem } from "./problem.ts";

/** Where this checkout stands. */
export const checkout = join(import.meta.dirname, "../../..");

/** Where a run keeps what it keeps; another folder is another system. */
export const state = resolve(process.env["PORTCULLIS_STATE"] || join(checkout, ".portcullis"));

const fromCheckout = relative(checkout, state);
/** The same as whoever stands in the checkout finds it. */
export const stateFromCheckout = fromCheckout.startsWith("..") ? state : fromCheckout;

/** Makes the folder. Others may pass through it, as Postgres must when it runs as another user; what is secret has mode 0600. */
export function makeStateFolder(): void {
  mkdirSync(state, { recursive: true });
  if (statSync(state).uid !== process.getuid?.()) {
    throw new Problem(`${state} belongs to another user: run as that user, or remove it`);
  }
  chmodSync(state, 0o711);
}

/** A secret that is made when it is first asked for, and kept in a file that only its owner reads. */
export function keptSecret(path: string): string {
  try {
    const kept = readFileSync(path, "utf8").trim();
    if (kept !== "") return kept;
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
  }
  const secret = randomBytes(32).toString("base64url");
  writePrivately(path, `${secret}\n`);
  return secret;
}

/** Writes a file that only its owner reads, all of it or nothing. */
export function writePrivately(path: string, text: string): void {
  const half = `${path}.${process.pid}`;
  writeFileSync(half, text, { mode: 0o600 });
  renameSync(half, path);
}
