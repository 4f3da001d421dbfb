// When a cached fact may stand. Pure; every layer keeps these rules, and the scripts beside this file are the same in Lua.
//
// A layer holds, for each organisation and owner, a watermark, and a register for each fact. Events are applied in
// order and without gaps, so that a value which no event has replaced is known to hold through the watermark. Three
// rules keep a slow reader from bringing back what an event took away, even when the layer has lost its tombstone, its
// watermark or the last minutes:
// - a fill never replaces what was read or buried at a later position (order);
// - into an empty place it must not be older than the watermark (floor);
// - what bears another generation than the watermark is void (generation).

/** How far an owner's log of one organisation has been applied to a layer. */
export interface Watermark<Generation> {
  /** Names the history that positions count in. */
  readonly incarnation: string;
  /** Every event up to here has been applied, and none beyond. */
  readonly app: number;
  /** New at each rebase. */
  readonly gen: Generation;
  /** What was read before these positions is void, by kind of fact; `*` is every kind. */
  readonly floors: Readonly<Record<string, number>>;
}

/** Registers are ordered by `hi`: a value counts from when it was read. */
export type Register<Value, Generation> = Held<Value, Generation> | Tombstone<Generation>;

/** A value, known to hold from `lo` through `hi`, and from there on until an event replaces it. */
export interface Held<Value, Generation> {
  readonly kind: "held";
  readonly value: Value;
  readonly lo: number;
  readonly hi: number;
  readonly gen: Generation;
}

/** The place of a value that an event at this position may have changed. */
interface Tombstone<Generation> {
  readonly kind: "tombstone";
  readonly hi: number;
  readonly gen: Generation;
}

/** The register, unless it is void. */
export function standing<Value, Generation>(
  watermark: Watermark<Generation>,
  register: Register<Value, Generation> | null,
  factKind: string,
): Register<Value, Generation> | null {
  if (register === null || register.gen !== watermark.gen) return null;
  return register.hi < floorOf(watermark, factKind) ? null : register;
}

/** The position through which a standing value is known to hold. */
export function goodThrough<Generation>(
  watermark: Watermark<Generation>,
  held: Held<unknown, Generation>,
): number {
  return Math.max(held.hi, watermark.app);
}

/** A fact that was read, offered to a layer. */
export interface Offer<Value, Generation> {
  readonly factKind: string;
  readonly incarnation: string;
  /** The generation that the reader had seen before it read. */
  readonly gen: Generation;
  readonly lo: number;
  readonly hi: number;
  readonly value: Value;
}

export type Refusal =
  | "no watermark"
  | "another incarnation"
  | "another generation"
  | "below the kind's floor"
  | "older than what stands"
  | "older than the watermark";

/** What stands in the register after the fill, or why it is refused. */
export function fill<Value, Generation>(
  watermark: Watermark<Generation> | null,
  register: Register<Value, Generation> | null,
  offer: Offer<Value, Generation>,
): Held<Value, Generation> | Refusal {
  if (watermark === null) return "no watermark";
  if (watermark.incarnation !== offer.incarnation) return "another incarnation";
  if (watermark.gen !== offer.gen) return "another generation";
  if (offer.hi < floorOf(watermark, offer.factKind)) return "below the kind's floor";
  const existing = standing(watermark, register, offer.factKind);
  if (existing === null) {
    if (offer.hi < watermark.app) return "older than the watermark";
  } else if (offer.hi < existing.hi) return "older than what stands";
  return { kind: "held", value: offer.value, lo: offer.lo, hi: offer.hi, gen: watermark.gen };
}

/** Events of a log, without gaps; `kinds` are the kinds of fact that they void, with the position of the last one. */
export interface Stretch {
  readonly incarnation: string;
  readonly from: number;
  readonly to: number;
  readonly kinds: Readonly<Record<string, number>>;
}

export type Advance<Generation> = Watermark<Generation> | "nothing new" | "gap";

/** Applies a stretch to the watermark. The facts that it touches behind the old watermark must be buried with it, at once. */
export function advance<Generation>(
  watermark: Watermark<Generation> | null,
  { incarnation, from, to, kinds }: Stretch,
): Advance<Generation> {
  if (watermark === null || watermark.incarnation !== incarnation || to <= watermark.app)
    return "nothing new";
  if (from > watermark.app + 1) return "gap";
  const floors = { ...watermark.floors };
  for (const [kind, position] of Object.entries(kinds)) floors[kind] = Math.max(floors[kind] ?? 0, position);
  return { ...watermark, app: to, floors };
}

/** What stands in a register after an event has touched its fact. */
export function bury<Value, Generation>(
  watermark: Watermark<Generation>,
  register: Register<Value, Generation> | null,
  factKind: string,
  position: number,
): Register<Value, Generation> {
  const existing = standing(watermark, register, factKind);
  if (existing !== null && existing.hi >= position) return existing;
  return { kind: "tombstone", hi: position, gen: watermark.gen };
}

/** Where a watermark stood when somebody looked. Null: there was none. */
export type Sighting<Generation> = Pick<Watermark<Generation>, "gen" | "app"> | null;

/**
 * Begins anew at a head of the owner's log, with a fresh generation, which voids all that the layer holds. That is
 * always safe; the sighting, made before the head was asked for, only keeps it from being done twice.
 */
export function rebase<Generation>(
  watermark: Watermark<Generation> | null,
  begin: { readonly incarnation: string; readonly head: number; readonly gen: Generation },
  seen: Sighting<Generation>,
): Watermark<Generation> | null {
  if (watermark !== null && (seen === null || watermark.gen !== seen.gen || watermark.app !== seen.app)) {
    return watermark;
  }
  return { incarnation: begin.incarnation, app: begin.head, gen: begin.gen, floors: {} };
}

/** Beyond this many events it costs less to read the facts again than the log. */
const catchUpMax = 10_000;

/** Whether a head that was asked for after the watermark was seen leaves no way but to begin anew. */
export function mustRebase(
  watermark: Pick<Watermark<unknown>, "incarnation" | "app"> | null,
  incarnation: string,
  head: number,
): boolean {
  if (watermark === null || watermark.incarnation !== incarnation) return true;
  return head < watermark.app || head > watermark.app + catchUpMax;
}

function floorOf(watermark: Watermark<unknown>, factKind: string): number {
  return Math.max(watermark.floors[factKind] ?? 0, watermark.floors["*"] ?? 0);
}
