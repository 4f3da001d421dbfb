import type { FactKey, OrgId } from "@portcullis/policy";
import { factKeyText } from "./fact-key.ts";
import { Places } from "./places.ts";
import { type Prepared, weightOf } from "./prepared.ts";
import { type Linked, Recency } from "./recency.ts";
import { bury, fill, type Held, type Refusal, type Register, standing, type Watermark } from "./register.ts";
import type { LoadedFact, LogEntry } from "./source.ts";

/** A watermark of this process: its generation is a symbol, so that nothing outlives the process. */
export type MemoryMark = Watermark<symbol>;

/** Where one fact is kept. */
interface Place extends Linked<Place> {
  readonly key: FactKey;
  register: Register<Prepared, symbol>;
  /** How many ids it holds. */
  weight: number;
}

/** The registers of this process, bounded; what was not read for long goes first. */
export class FactMemory {
  readonly #organizations = new Map<OrgId, Places<Place>>();
  readonly #inUse = new Recency<Place>();
  readonly #idsMax: number;
  #ids = 0;

  /** `idsMax`: how many ids the facts may hold in all. */
  constructor({ idsMax }: { idsMax: number }) {
    this.#idsMax = idsMax;
  }

  /** The value that stands in the register of a fact. */
  read(mark: MemoryMark, key: FactKey): Held<Prepared, symbol> | null {
    const place = this.#organizations.get(key.org)?.get(key);
    if (place === undefined) return null;
    this.#inUse.use(place);
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
    this.#keep(place ?? newPlace(key, result), result, weightOf(fact));
    return null;
  }

  /** The names of facts of an organisation that were used last, at most so many; see {@link factKeyText}. */
  lastUsed(org: OrgId, most: number): string[] {
    const names: string[] = [];
    for (const { key } of this.#inUse) {
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
    this.#forget(place);
    // What alone is larger than all that may be kept makes no room for itself.
    if (weight > this.#idsMax) return;
    const { key } = place;
    const places = this.#organizations.get(key.org) ?? new Places<Place>();
    this.#organizations.set(key.org, places);
    place.register = register;
    place.weight = weight;
    this.#ids += weight;
    places.put(key, place);
    this.#inUse.use(place);
    for (
      let { oldest } = this.#inUse;
      oldest !== null && this.#ids > this.#idsMax;
      { oldest } = this.#inUse
    ) {
      this.#forget(oldest);
    }
  }

  #forget(place: Place): void {
    const { key } = place;
    const places = this.#organizations.get(key.org);
    places?.remove(key);
    if (places?.isEmpty === true) this.#organizations.delete(key.org);
    this.#inUse.remove(place);
    this.#ids -= place.weight;
    place.weight = 0;
  }
}

function newPlace(key: FactKey, register: Register<Prepared, symbol>): Place {
  return { key, register, weight: 0, newer: null, older: null };
}
