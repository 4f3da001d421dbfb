import type { FactKey, OrgId } from "@portcullis/policy";
import { LRUCache } from "lru-cache";
import { factKeyText } from "./fact-key.ts";
import { Places } from "./places.ts";
import { type Prepared, weightOf } from "./prepared.ts";
import { bury, fill, type Held, type Refusal, type Register, standing, type Watermark } from "./register.ts";
import type { LoadedFact, LogEntry } from "./source.ts";

/** A watermark of this process: its generation is a symbol, so that nothing outlives the process. */
export type MemoryMark = Watermark<symbol>;

/** Where one fact is kept. */
interface Place {
  readonly key: FactKey;
  register: Register<Prepared, symbol>;
}

/** The registers of this process, bounded; what was not read for long goes first. */
export class FactMemory {
  readonly #organizations = new Map<OrgId, Places<Place>>();
  readonly #inUse: LRUCache<Place, Place>;

  /** `idsMax`: how many ids the facts may hold in all. */
  constructor({ idsMax }: { idsMax: number }) {
    this.#inUse = new LRUCache({ maxSize: idsMax, dispose: (place) => this.#forget(place) });
  }

  /** The value that stands in the register of a fact. */
  read(mark: MemoryMark, key: FactKey): Held<Prepared, symbol> | null {
    const place = this.#organizations.get(key.org)?.get(key);
    if (place === undefined) return null;
    this.#inUse.get(place);
    const register = standing(mark, place.register, key.kind);
    return register?.kind === "held" ? register : null;
  }

  /** Offers a fact that was read, and prepared, by somebody who had seen its generation. Answers why it is refused. */
  fill(mark: MemoryMark | null, fact: LoadedFact, held: Held<Prepared, symbol>): Refusal | null {
    const { key, incarnation } = fact;
    const place = this.#organizations.get(key.org)?.get(key);
    const offer = { ...held, factKind: key.kind, incarnation };
    const result = fill(mark, place?.register ?? null, offer);
    if (typeof result === "string") return result;
    this.#keep(place ?? { key, register: result }, result, weightOf(fact));
    return null;
  }

  /** The names of facts of an organisation that were used last, at most so many; see {@link factKeyText}. */
  lastUsed(org: OrgId, most: number): string[] {
    const names: string[] = [];
    for (const { key } of this.#inUse.keys()) {
      if (names.length >= most) break;
      if (key.org === org) names.push(factKeyText(key));
    }
    return names;
  }

  /**
   * Buries what the events touch. An empty place needs no tombstone: there the watermark, which moves in the same
   * step, keeps out what is older than the event.
   */
  bury(mark: MemoryMark, org: OrgId, entries: readonly LogEntry[]): void {
    const places = this.#organizations.get(org);
    if (places === undefined) return;
    for (const { position, touches } of entries) {
      for (const key of touches) {
        const place = places.get(key);
        if (place === undefined) continue;
        const buried = bury(mark, place.register, key.kind, position);
        if (buried !== place.register) this.#keep(place, buried, 1);
      }
    }
  }

  #keep(place: Place, register: Register<Prepared, symbol>, weight: number): void {
    const { key } = place;
    const places = this.#organizations.get(key.org) ?? new Places<Place>();
    this.#organizations.set(key.org, places);
    place.register = register;
    places.put(key, place);
    this.#inUse.set(place, place, { size: weight });
    // What alone is larger than all that is kept is not kept.
    if (!this.#inUse.has(place)) this.#forget(place);
  }

  #forget({ key }: Place): void {
    const places = this.#organizations.get(key.org);
    places?.remove(key);
    if (places?.isEmpty === true) this.#organizations.delete(key.org);
  }
}
