import { createHash } from "node:crypto";
import { invalid } from "@portcullis/chassis/fault";

/** What the REST contract stores with an object and gives back: JSON that means nothing to us, but for `public`. */
export type Payload = Readonly<Record<string, unknown>>;

/** Larger payloads are in the log by their digest only: whoever follows the log reads many events at once. */
const loggedBytesMax = 8 * 1024;

export const payloadBytesMax = 1024 * 1024;
/** Deeper nesting would exhaust the stacks of those who read it. */
const depthMax = 64;

/** Parsed JSON as a payload that Postgres can hold and that reads back as it was written. */
export function payloadOf(json: Record<string, unknown>, field: string): Payload {
  let level: unknown[] = [json];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > depthMax) throw invalid(field, `must not be nested more than ${depthMax} deep`);
    const below: unknown[] = [];
    for (const value of level) {
      if (typeof value === "string") checkText(value, field);
      else if (typeof value === "number" && !Number.isFinite(value)) {
        throw invalid(field, "must not hold a number that is out of range");
      } else if (Array.isArray(value)) for (const entry of value) below.push(entry);
      else if (typeof value === "object" && value !== null) {
        for (const [key, entry] of Object.entries(value)) {
          checkText(key, field);
          below.push(entry);
        }
      }
    }
    level = below;
  }
  // Once through text: negative zero does not survive it, and a repeat must equal what stands.
  return JSON.parse(JSON.stringify(json)) as Payload;
}

/** Objects are merged key by key, all else is replaced; nothing is removed. */
export function merged(standing: Payload, change: Payload, field: string): Payload {
  const result = mergeDeeply(standing, change);
  if (Buffer.byteLength(payloadText(result)) > payloadBytesMax) {
    throw invalid(field, `would make the payload larger than ${payloadBytesMax} bytes`);
  }
  return result;
}

export function payloadText(payload: Payload): string {
  return JSON.stringify(payload);
}

/** A payload as the event log shows it. */
export function payloadForTheLog(payload: Payload): object {
  const text = payloadText(payload);
  const bytes = Buffer.byteLength(text);
  if (bytes <= loggedBytesMax) return { payload };
  const sha256 = createHash("sha256").update(text).digest("hex");
  return { payloadLeftOut: { bytes, sha256 } };
}

function mergeDeeply(standing: Payload, change: Payload): Payload {
  const changed = Object.entries(change).map(([key, value]): [string, unknown] => {
    const before = Object.hasOwn(standing, key) ? standing[key] : undefined;
    return [key, isObject(before) && isObject(value) ? mergeDeeply(before, value) : value];
  });
  // fromEntries defines properties and never sets a prototype, whatever the keys are called.
  return Object.fromEntries<unknown>([...Object.entries(standing), ...changed]);
}

function isObject(value: unknown): value is Payload {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function checkText(value: string, field: string): void {
  if (value.includes("\u0000") || !value.isWellFormed()) {
    throw invalid(field, "must hold well-formed Unicode without NUL");
  }
}
