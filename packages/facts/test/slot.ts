// A slot as Redis keeps it, made of the pure rules: what the scripts are compared with.

import { type FactKey, factOwners, type Owner } from "@portcullis/policy";
import { factKeyText } from "../src/fact-key.ts";
import {
  advance,
  bury,
  fill,
  type Offer,
  type Refusal,
  type Register,
  rebase,
  type Sighting,
  standing,
  type Watermark,
} from "../src/register.ts";
import type { LogStretch } from "../src/source.ts";

export class Slot {
  readonly #marks = new Map<Owner, Watermark<string>>();
  readonly #registers = new Map<string, Register<unknown, string>>();

  mark(owner: Owner): Watermark<string> | null {
    return this.#marks.get(owner) ?? null;
  }

  read(key: FactKey): { lo: number; hi: number; value: unknown } | null {
    const mark = this.mark(factOwners[key.kind]);
    const found = mark && standing(mark, this.#registers.get(factKeyText(key)) ?? null, key.kind);
    return found?.kind === "held" ? { lo: found.lo, hi: found.hi, value: found.value } : null;
  }

  fill(key: FactKey, offer: Omit<Offer<unknown, string>, "factKind">): Refusal | null {
    const text = factKeyText(key);
    const existing = this.#registers.get(text) ?? null;
    const result = fill(this.mark(factOwners[key.kind]), existing, { ...offer, factKind: key.kind });
    if (typeof result === "string") return result;
    this.#registers.set(text, result);
    return null;
  }

  apply(owner: Owner, { incarnation, entries }: LogStretch): boolean {
    const mark = this.mark(owner);
    const from = entries[0]?.position ?? 0;
    const to = entries.at(-1)?.position ?? 0;
    const kinds = Object.fromEntries(
      entries.flatMap(({ position, kinds }) => kinds.map((kind) => [kind, position])),
    );
    const advanced = advance(mark, { incarnation, from, to, kinds });
    if (typeof advanced === "string") return advanced !== "gap";
    this.#marks.set(owner, advanced);
    for (const { position, touches } of entries) {
      if (position <= (mark?.app ?? 0)) continue;
      for (const key of touches) {
        const text = factKeyText(key);
        this.#registers.set(text, bury(advanced, this.#registers.get(text) ?? null, key.kind, position));
      }
    }
    return true;
  }

  rebase(
    owner: Owner,
    begin: { incarnation: string; head: number; gen: string },
    seen: Sighting<string>,
  ): Watermark<string> | null {
    const mark = rebase(this.mark(owner), begin, seen);
    if (mark !== null) this.#marks.set(owner, mark);
    return mark;
  }

  evict(key: FactKey): void {
    this.#registers.delete(factKeyText(key));
  }

  loseMarks(): void {
    this.#marks.clear();
  }

  flush(): void {
    this.#marks.clear();
    this.#registers.clear();
  }
}
