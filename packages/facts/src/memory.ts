import type { OrgId } from "@portcullis/policy";
import { LRUCache } from "lru-cache";
import { factKeyText } from "./fact-key.ts";
import { type Prepared, weightOf } from "./prepared.ts";
import { bury, fill, type Held, type Refusal, type Register, standing, type Watermark } from "./register.ts";
import type { LoadedFact, LogEntry } from "./source.ts";

/** A watermark of this process: its generation is a symbol, so that nothing outlives the process. */
export type MemoryMark = Watermark<symbol>;

/** Of one that was forgotten the facts are, too. */
const organizationsMax = 20_000;

/** The registers of this process, bounded; what was not read for long goes first. */
export class FactMemory {
  readonly #registers: LRUCache<string, Register<Prepared, symbol>>;
  /** Short names of organisations, as each stands in the name of each of its facts. None is ever given twice. */
  readonly #organizations = new LRUCache<OrgId, string>({ max: organizationsMax });
  #organizationsNamed = 0;

  /** `idsMax`: how many ids the facts may hold in all. */
  constructor({ idsMax }: { idsMax: number }) {
    this.#registers = new LRUCache({ maxSize: idsMax });
  }

  /** The value that stands in the register named by the text of a fact's key. */
  read(mark: MemoryMark, org: OrgId, factKind: string, text: string): Held<Prepared, symbol> | null {
    const register = standing(mark, this.#registers.get(this.#nameIn(org) + text) ?? null, factKind);
    return register?.kind === "held" ? register : null;
  }

  /** Offers a fact that was read, and prepared, by somebody who had seen its generation. Answers why it is refused. */
  fill(mark: MemoryMark | null, fact: LoadedFact, held: Held<Prepared, symbol>): Refusal | null {
    const { key, incarnation } = fact;
    const name = this.#nameIn(key.org) + factKeyText(key);
    const offer = { ...held, factKind: key.kind, incarnation };
    const result = fill(mark, this.#registers.peek(name) ?? null, offer);
    if (typeof result === "string") return result;
    this.#registers.set(name, result, { size: weightOf(fact) });
    return null;
  }

  /** The names of facts of an organisation that were used last, at most so many; see {@link factKeyText}. */
  lastUsed(org: OrgId, most: number): string[] {
    const prefix = this.#nameIn(org);
    const names: string[] = [];
    for (const name of this.#registers.keys()) {
      if (names.length >= most) break;
      if (name.startsWith(prefix)) names.push(name.slice(prefix.length));
    }
    return names;
  }

  /**
   * Buries what the events touch. An empty place needs no tombstone: there the watermark, which moves in the same
   * step, keeps out what is older than the event.
   */
  bury(mark: MemoryMark, org: OrgId, entries: readonly LogEntry[]): void {
    const prefix = this.#nameIn(org);
    for (const { position, touches } of entries) {
      for (const key of touches) {
        const name = prefix + factKeyText(key);
        const register = this.#registers.peek(name);
        if (register === undefined) continue;
        const buried = bury(mark, register, key.kind, position);
        if (buried !== register) this.#registers.set(name, buried, { size: 1 });
      }
    }
  }

  #nameIn(org: OrgId): string {
    const known = this.#organizations.get(org);
    if (known !== undefined) return known;
    const name = `${this.#organizationsNamed++}:`;
    this.#organizations.set(org, name);
    return name;
  }
}
