// A revision token: how far its holder has seen the owners' logs of one organisation.
//
// It is not signed. Whoever forges one can only ask for fresher facts than it would have got, and what can't be read or
// does not fit the present logs is answered as fully consistent.

import { createHash } from "node:crypto";
import { type OrgId, type Owner, owners } from "@portcullis/policy";

/** A place in one owner's log. */
export interface Seen {
  readonly owner: Owner;
  /** Which history the position counts in: see {@link historyOf}. */
  readonly history: string;
  readonly position: number;
}

/** The places of one organisation's logs that somebody has seen; one for each owner and history. */
export interface Revision {
  readonly org: OrgId;
  readonly seen: readonly Seen[];
}

const prefix = "v1.";
const orgBytes = 16;
const historyBytes = 8;
const seenBytes = 1 + historyBytes + 6;
/** A history begins when a database is restored or fails over, so nobody has seen many. */
const seenMax = 64;

/** A short name of an owner's incarnation. */
export function historyOf(incarnation: string): string {
  return createHash("sha256")
    .update(incarnation)
    .digest("hex")
    .slice(0, 2 * historyBytes);
}

export function encodeRevision(revision: Revision): string {
  const bytes = Buffer.alloc(orgBytes + revision.seen.length * seenBytes);
  bytes.write(revision.org.replaceAll("-", ""), "hex");
  let at = orgBytes;
  for (const { owner, history, position } of revision.seen) {
    bytes.writeUInt8(owners.indexOf(owner), at);
    bytes.write(history, at + 1, "hex");
    bytes.writeUIntBE(position, at + 1 + historyBytes, 6);
    at += seenBytes;
  }
  return prefix + bytes.toString("base64url");
}

/** Null: not a token of ours. */
export function decodeRevision(token: string): Revision | null {
  if (!token.startsWith(prefix)) return null;
  const text = token.slice(prefix.length);
  const bytes = Buffer.from(text, "base64url");
  const count = (bytes.length - orgBytes) / seenBytes;
  if (bytes.toString("base64url") !== text || !Number.isInteger(count) || count < 0 || count > seenMax)
    return null;
  const seen: Seen[] = [];
  for (let at = orgBytes; at < bytes.length; at += seenBytes) {
    const owner = owners[bytes.readUInt8(at)];
    if (owner === undefined) return null;
    const history = bytes.toString("hex", at + 1, at + 1 + historyBytes);
    seen.push({ owner, history, position: bytes.readUIntBE(at + 1 + historyBytes, 6) });
  }
  return { org: uuidOf(bytes.toString("hex", 0, orgBytes)) as OrgId, seen };
}

/** What the holder of both has seen. Both must be of one organisation. */
export function mergeRevisions(first: Revision, second: Revision): Revision {
  if (first.org !== second.org) throw new Error("revisions of two organisations can't be merged");
  const merged = new Map<string, Seen>();
  for (const seen of [...first.seen, ...second.seen]) {
    const place = `${seen.owner} ${seen.history}`;
    const known = merged.get(place);
    if (known === undefined || known.position < seen.position) merged.set(place, seen);
  }
  return { org: first.org, seen: [...merged.values()] };
}

function uuidOf(hex: string): string {
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
