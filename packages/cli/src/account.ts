// Where the facade is and with which key: from the environment, or as `login` kept it.

import { chmod, mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { Fault, invalid } from "@portcullis/chassis/fault";
import { parseCredential } from "@portcullis/credential";
import { z } from "zod";
import type { Surroundings } from "./surroundings.ts";

export interface Account {
  readonly adminUrl: string;
  readonly key: string;
  /** Whence the key is, to be told. */
  readonly from: string;
}

type Environment = Surroundings["environment"];

const kept = z.object({ admin_url: z.string(), api_key: z.string() });

const urlVariable = "PORTCULLIS_ADMIN_URL";
const keyVariable = "PORTCULLIS_API_KEY";
const urlUsual = "http://127.0.0.1:8080";

/** As the XDG Base Directory Specification says. */
export function accountFile(environment: Environment): string {
  const configHome = environment["XDG_CONFIG_HOME"] || join(environment["HOME"] || homedir(), ".config");
  return join(configHome, "portcullis", "account.json");
}

/** Whom to ask and as whom; variables go first. */
export async function readAccount(environment: Environment): Promise<Account> {
  const keyGiven = environment[keyVariable] || undefined;
  const urlGiven = environment[urlVariable] || undefined;
  if (keyGiven !== undefined) {
    const adminUrl = readAdminUrl(
      urlGiven ?? (await readKept(environment))?.adminUrl ?? urlUsual,
      urlVariable,
    );
    return { adminUrl, key: readKey(keyGiven, keyVariable), from: keyVariable };
  }
  const standing = await readKept(environment);
  if (standing === null) {
    throw new Fault("unauthenticated", `nobody is logged in: run portcullis login, or set ${keyVariable}`);
  }
  // A key is for the place that it was made for: it is not shown to another one.
  if (urlGiven !== undefined && readAdminUrl(urlGiven, urlVariable) !== standing.adminUrl) {
    throw new Fault(
      "unauthenticated",
      `${urlVariable}: is not where you are logged in (${standing.adminUrl}): set ${keyVariable} too, or log in there`,
    );
  }
  return standing;
}

/** Where to ask when nobody is known yet. */
export async function readAdminUrlAlone(environment: Environment): Promise<string> {
  const given = environment[urlVariable] || undefined;
  if (given !== undefined) return readAdminUrl(given, urlVariable);
  return (await readKept(environment))?.adminUrl ?? urlUsual;
}

export async function keepAccount(
  environment: Environment,
  { adminUrl, key }: { readonly adminUrl: string; readonly key: string },
): Promise<string> {
  const path = accountFile(environment);
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const whole = `${path}.${process.pid}`;
  const text = `${JSON.stringify({ admin_url: adminUrl, api_key: key }, null, 2)}\n`;
  await writeFile(whole, text, { mode: 0o600, flag: "wx" });
  await chmod(whole, 0o600);
  await rename(whole, path);
  return path;
}

/** Answers whether there was one. */
export async function forgetAccount(environment: Environment): Promise<boolean> {
  const path = accountFile(environment);
  const isThere = await stat(path).then(
    () => true,
    () => false,
  );
  await rm(path, { force: true });
  return isThere;
}

/** An address to send keys to: never in the clear, but within this machine. */
export function readAdminUrl(text: string, field: string): string {
  const url = URL.parse(text);
  if (url === null || (url.protocol !== "https:" && url.protocol !== "http:")) {
    throw invalid(field, "must be an address such as https://access.example.com");
  }
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "") {
    throw invalid(field, "must have no user, password, query or fragment");
  }
  if (url.protocol === "http:" && !isLoopback(url.hostname)) {
    throw invalid(field, "must be https, unless it is this machine: a key would be sent in the clear");
  }
  return `${url.origin}${url.pathname}`.replace(/\/+$/, "");
}

/** A key that can be one: a typo is told before it is sent anywhere. */
export function readKey(text: string, field: string): string {
  const key = text.trim();
  const parsed = parseCredential(key);
  if (parsed === null || parsed.kind === "session") {
    throw invalid(field, "is no API key or service token: it begins with sk- or bt-st-, and has a checksum");
  }
  return key;
}

async function readKept(environment: Environment): Promise<Account | null> {
  const path = accountFile(environment);
  let text: string;
  try {
    const { mode } = await stat(path);
    if ((mode & 0o077) !== 0) throw invalid(path, "can be read by others: chmod 600 it, and rotate the key");
    text = await readFile(path, "utf8");
  } catch (error) {
    if (error instanceof Fault) throw error;
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw invalid(path, `can't be read: ${(error as NodeJS.ErrnoException).code ?? "unknown reason"}`);
  }
  const read = kept.safeParse(jsonOrNull(text));
  if (!read.success) throw invalid(path, "is not what login writes: log in again");
  return {
    adminUrl: readAdminUrl(read.data.admin_url, path),
    key: readKey(read.data.api_key, path),
    from: path,
  };
}

function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127(\.\d{1,3}){3}$/.test(hostname);
}

function jsonOrNull(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}
