// Where the next page of a list begins: opaque to callers, good for one question, and nothing but an id inside.

import { createHash } from "node:crypto";
import { invalid } from "./fault.ts";
import { isUuid } from "./fields.ts";

const questionBytes = 8;
const idBytes = 16;

/** Points behind the thing of this id, in the list that the question asks for. */
export function cursorBehind(id: string, question: readonly string[]): string {
  return Buffer.concat([digestOf(question), Buffer.from(id.replaceAll("-", ""), "hex")]).toString(
    "base64url",
  );
}

/** The id behind which the page begins; null: the first page. */
export function readCursor(cursor: string, question: readonly string[]): string | null {
  if (cursor === "") return null;
  const bytes = Buffer.from(cursor.slice(0, 100), "base64url");
  const isOurs = bytes.length === questionBytes + idBytes && bytes.toString("base64url") === cursor;
  const id = bytes
    .toString("hex", questionBytes)
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
  if (!isOurs || !isUuid(id)) throw invalid("cursor", "is not one that a page ended with");
  if (!bytes.subarray(0, questionBytes).equals(digestOf(question))) {
    throw invalid("cursor", "is of another question");
  }
  return id;
}

function digestOf(question: readonly string[]): Buffer {
  return createHash("sha256").update(JSON.stringify(question)).digest().subarray(0, questionBytes);
}
