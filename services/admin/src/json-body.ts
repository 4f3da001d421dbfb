// From the bytes of a body to a JSON value, within bounds: parsing stays cheap whatever is sent.

import { invalid } from "@portcullis/chassis/fault";
import { jsonDepth } from "@portcullis/chassis/json-depth";

/** An object's payload may take 1 MiB; the rest of a request is small. */
export const bodyBytesMax = 2 * 1024 * 1024;
export const bodyDepthMax = 64;

/** An empty body is an absent one. */
export function parseJsonBody(bytes: Buffer): unknown {
  if (bytes.length === 0) return undefined;
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw invalid("body", "must be UTF-8");
  }
  if (jsonDepth(text) > bodyDepthMax) throw invalid("body", `is nested deeper than ${bodyDepthMax} levels`);
  try {
    return JSON.parse(text, withoutPrototype);
  } catch {
    throw invalid("body", "must be JSON");
  }
}

/** A key of this name would turn into an object's prototype further on. */
function withoutPrototype(key: string, value: unknown): unknown {
  if (key === "__proto__") throw new SyntaxError("__proto__");
  return value;
}
