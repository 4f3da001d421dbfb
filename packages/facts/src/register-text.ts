// A register as Redis keeps it: a line that scripts read too, and the value as it goes over the wire. Of a value
//   gen hi lo fact next
// and of a tombstone
//   gen hi
// where `fact` is whose value it is, and `next`, which may be missing, another that whoever reads this one wants then.

import { type FactKey, type FactValues, nearestKnownAbove } from "@portcullis/policy";
import { Fact as FactMessage } from "@portcullis/proto/facts/v1/facts";
import { factKeyText } from "./fact-key.ts";
import type { Register } from "./register.ts";
import { type Fact, valueFromWire, valueToWire } from "./wire.ts";

/** A register that was read; a value is not looked into before it is known to stand. */
export interface RegisterText {
  readonly register: Register<Buffer, string>;
  readonly fact: string;
  readonly next: string | null;
}

export function registerText({ key, lo, hi, value }: Fact, gen: string): Buffer {
  const next = nextOf(key, value);
  const line = [gen, hi, lo, nameOf(key), ...(next === null ? [] : [factKeyText(next)])].join(" ");
  const message = { key: undefined, lo: 0, hi: 0, value: valueToWire(key.kind, value) };
  return Buffer.concat([Buffer.from(`${line}\n`), FactMessage.encode(message).finish()]);
}

export function parseRegister(bytes: Buffer): RegisterText {
  const end = bytes.indexOf("\n");
  const [gen = "", hi, lo, fact = "", next = null] = bytes.toString("latin1", 0, end).split(" ");
  const register: Register<Buffer, string> =
    lo === undefined
      ? { kind: "tombstone", hi: Number(hi), gen }
      : { kind: "held", value: bytes.subarray(end + 1), lo: Number(lo), hi: Number(hi), gen };
  return { register, fact, next };
}

/** What can't be read, holds nowhere, or speaks of another fact than its register's, is a miss. */
export function factIn({ register, fact }: RegisterText, key: FactKey): Fact | null {
  if (register.kind === "tombstone" || fact !== nameOf(key)) return null;
  const { lo, hi, value } = register;
  if (!(lo <= hi)) return null;
  try {
    return { key, lo, hi, value: valueFromWire(key.kind, FactMessage.decode(value).value) };
  } catch {
    return null;
  }
}

/** Its name among those of all organisations. */
function nameOf(key: FactKey): string {
  return `${key.org}:${factKeyText(key)}`;
}

/** What can't be known to be wanted before this fact is known. */
function nextOf(key: FactKey, value: Fact["value"]): FactKey | null {
  const { org } = key;
  if (key.kind === "credential") {
    const credential = value as FactValues["credential"];
    return credential === null ? null : { kind: "member", org, principal: credential.principal };
  }
  if (key.kind !== "access") return null;
  const parent = (value as FactValues["access"])?.parent ?? null;
  const isKnown = parent === null || parent.id === nearestKnownAbove(key.object, org)?.id;
  return isKnown ? null : { kind: "access", org, object: parent };
}
