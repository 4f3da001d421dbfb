import type { FactKey, OrgId } from "@portcullis/policy";
import { idOf, Places, type Shelf } from "./places.ts";
import { type Prepared, weightOf } from "./prepared.ts";
import { type Linked, Recency } from "./recency.ts";
import { bury, fill, type Held, type Refusal, type Register, standing, type Watermark } from "./register.ts";
import type { LoadedFact, LogEntry } from "./source.ts";

/** A watermark of this process: its generation is a symbol, so that nothing outlives the process. */
export type MemoryMark = Watermark<symbol>;

/** The registers of this process, bounded; what was not read for long goes first. */
export class FactMemory {
  readonly #organizations = new Map<OrgId, Organization>();
  /** The organisation that was read last, and its places: most often it is read again. */
  #lastOrg: OrgId | null = null;
  #lastPlaces: Places<Place> | undefined;
  readonly #inUse = new Recency<Place>();
  readonly #idsMax: number;
  #ids = 0;

  /** `idsMax`: how many ids the facts may hold in all. */
  constructor({ idsMax }: { idsMax: number }) {
    this.#idsMax = idsMax;
  }

  /** The value that stands in the register of a fact; to be looked at at once, as it changes with the register. */
  read(mark: MemoryMark, key: FactKey): Held<Prepared, symbol> | null {
    const place = this.placesOf(key.org)?.get(key);
    return place === undefined ? null : this.readAt(mark, place);
  }

  /** Where facts of an organisation are kept: good until something is filled or buried. */
  placesOf(org: OrgId): Places<Place> | undefined {
    if (org !== this.#lastOrg) {
      this.#lastOrg = org;
      this.#lastPlaces = this.#organizations.get(org)?.places;
    }
    return this.#lastPlaces;
  }

  /** The same as {@link read}, of a place of {@link placesOf}. */
  readAt(mark: MemoryMark, place: Place): Held<Prepared, symbol> | null {
    this.#inUse.use(place);
    const register = standing<Prepared, symbol>(mark, place, place.shelf.like.kind);
    return register?.kind === "held" ? register : null;
  }

  /** Offers a fact that was read, and prepared, by somebody who had seen its generation. Answers why it is refused. */
  fill(mark: MemoryMark | null, fact: LoadedFact, held: Held<Prepared, symbol>): Refusal | null {
    const { key, incarnation } = fact;
    const place = this.#organizations.get(key.org)?.places.get(key);
    const offer = { ...held, factKind: key.kind, incarnation };
    const result = fill(mark, place ?? null, offer);
    if (typeof result === "string") return result;
    const weight = weightOf(fact);
    // What alone is larger than all that may be kept makes no room for itself.
    if (weight <= this.#idsMax) this.#keep(place ?? this.#begin(key, result), result, weight);
    else if (place !== undefined) this.#forget(place);
    return null;
  }

  /** The names of facts of an organisation that were used last, at most so many; see {@link factKeyText}. */
  lastUsed(org: OrgId, most: number): string[] {
    const names: string[] = [];
    for (const { shelf, id } of this.#inUse) {
      if (names.length >= most) break;
      if (shelf.like.org === org) names.push(shelf.nameOf(id));
    }
    return names;
  }

  /**
   * Buries what the events touch. An empty place needs no tombstone: there the watermark, which moves in the same
   * step, keeps out what is older than the event.
   */
  bury(mark: MemoryMark, org: OrgId, entries: readonly LogEntry[]): void {
    const places = this.#organizations.get(org)?.places;
    if (places === undefined) return;
    for (const { position, touches } of entries) {
      for (const key of touches) {
        const place = places.get(key);
        if (place === undefined) continue;
        const buried = bury<Prepared, symbol>(mark, place, key.kind, position);
        if (buried !== place) this.#keep(place, buried, 1);
      }
    }
  }

  #begin(key: FactKey, register: Held<Prepared, symbol>): Place {
    const organization = this.#organizations.get(key.org) ?? { places: new Places<Place>(), count: 0 };
    this.#organizations.set(key.org, organization);
    this.#lastOrg = null;
    const shelf = organization.places.shelf(key);
    const place = newPlace(shelf, idOf(key), register);
    shelf.set(place.id, place);
    organization.count += 1;
    return place;
  }

  #keep(place: Place, register: Register<Prepared, symbol>, weight: number): void {
    place.kind = register.kind;
    place.value = register.kind === "held" ? register.value : null;
    place.lo = register.kind === "held" ? register.lo : register.hi;
    place.hi = register.hi;
    place.gen = register.gen;
    this.#ids += weight - place.weight;
    place.weight = weight;
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
    const { shelf, id } = place;
    shelf.delete(id);
    const { org } = shelf.like;
    const organization = this.#organizations.get(org);
    if (organization !== undefined) {
      organization.count -= 1;
      if (organization.count === 0) {
        this.#organizations.delete(org);
        this.#lastOrg = null;
      }
    }
    this.#inUse.remove(place);
    this.#ids -= place.weight;
  }
}

interface Organization {
  readonly places: Places<Place>;
  /** How many there are. */
  count: number;
}

/** A register, and where it is kept: one object for each fact, and a small one, as there may be millions. */
export interface Place extends Linked<Place> {
  readonly shelf: Shelf<Place>;
  readonly id: string;
  kind: Register<Prepared, symbol>["kind"];
  value: Prepared;
  lo: number;
  hi: number;
  gen: symbol;
  /** How many ids it holds. */
  weight: number;
}

function newPlace(
  shelf: Shelf<Place>,
  id: string,
  { kind, value, lo, hi, gen }: Held<Prepared, symbol>,
): Place {
  return { shelf, id, kind, value, lo, hi, gen, weight: 0, newer: null, older: null };
}
