// The form of API keys, service tokens and sessions: prefix, then base62 of organisation id (16 bytes), random (24 bytes), CRC-32 (4 bytes).
// The checksum lets a typo or a leak scanner do without a database; the organisation names the cache slot, and the cell,
// in which the credential is looked up. Only a SHA-256 of the whole is ever stored or cached.

import { hash, randomBytes } from "node:crypto";
import { crc32 } from "node:zlib";
import type { Credential, CredentialDigest, OrgId } from "@portcullis/policy";

export type CredentialKind = Credential["kind"];

const prefixes = {
  api_key: "sk-",
  service_token: "bt-st-",
  session: "ps-",
} as const satisfies Record<CredentialKind, string>;
const kinds = Object.keys(prefixes) as CredentialKind[];
const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const bodyLength = 60; // 44 bytes in base62
const randomLength = 24; // 192 bits

export interface ParsedCredential {
  readonly kind: CredentialKind;
  readonly org: OrgId;
  readonly digest: CredentialDigest;
}

/** A new secret. It is shown once; keep `digest` and `preview`. */
export function newCredential(
  kind: CredentialKind,
  org: OrgId,
  random: Buffer = randomBytes(randomLength),
): { secret: string; digest: CredentialDigest; preview: string } {
  const payload = Buffer.concat([Buffer.from(org.replaceAll("-", ""), "hex"), random]);
  const secret = prefixes[kind] + toBase62(Buffer.concat([payload, checksum(prefixes[kind], payload)]));
  return { secret, digest: digestOf(secret), preview: `${prefixes[kind]}…${secret.slice(-4)}` };
}

/** What a secret says of itself, or null if it is none. Does not say that it is live. */
export function parseCredential(secret: string): ParsedCredential | null {
  const kind = kinds.find((each) => secret.startsWith(prefixes[each]));
  if (kind === undefined || secret.length !== prefixes[kind].length + bodyLength) return null;
  const bytes = fromBase62(secret.slice(prefixes[kind].length));
  if (bytes === null) return null;
  const payload = bytes.subarray(0, -4);
  if (!checksum(prefixes[kind], payload).equals(bytes.subarray(-4))) return null;
  const hex = payload.subarray(0, 16).toString("hex");
  const org = hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5") as OrgId;
  return { kind, org, digest: digestOf(secret) };
}

/** What a secret is stored, cached and looked up by. */
export function digestOf(secret: string): CredentialDigest {
  return hash("sha256", secret, "hex") as CredentialDigest;
}

function checksum(prefix: string, payload: Buffer): Buffer {
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(Buffer.concat([Buffer.from(prefix), payload])));
  return sum;
}

function toBase62(bytes: Buffer): string {
  let rest = BigInt(`0x${bytes.toString("hex")}`);
  let text = "";
  for (let index = 0; index < bodyLength; index++) {
    text = alphabet.charAt(Number(rest % 62n)) + text;
    rest /= 62n;
  }
  return text;
}

function fromBase62(text: string): Buffer | null {
  let value = 0n;
  for (const character of text) {
    const digit = alphabet.indexOf(character);
    if (digit < 0) return null;
    value = value * 62n + BigInt(digit);
  }
  const hex = value.toString(16);
  return hex.length > 88 ? null : Buffer.from(hex.padStart(88, "0"), "hex");
}
