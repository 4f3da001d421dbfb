// One fact in a layer, in every order of events: an owner commits a revocation and an unrelated change; two readers
// miss, read and fill; two pullers follow the log, woken by doorbells that come late, twice, in any order or never;
// and faults. The rules are the real functions.

import {
  advance,
  bury,
  fill,
  goodThrough,
  mustRebase,
  type Register,
  rebase,
  type Sighting,
  standing,
  type Watermark,
} from "../src/register.ts";
import type { Model } from "./explore.ts";

type Answer = "allow" | "deny";
type Mark = Watermark<number>;

/** A layer's watermark for the owner, and its register for the fact. */
interface Layer {
  readonly mark: Mark | null;
  readonly place: Register<Answer, number> | null;
}

/** The rules that the model runs on; a control replaces one by what looks right and is not. */
export const realRules = { advance, bury, fill, rebase, standing };
export type Rules = typeof realRules;

export type Fault =
  /** The register is lost: by eviction, by its expiry. */
  | "evict"
  /** The watermark is lost alone. */
  | "lose the watermark"
  | "flush"
  /** A replica takes over that lags as far as it likes. */
  | "failover"
  /** The owner's database loses its last commits, and hands their positions out again. */
  | "owner failover";

export interface LayerOptions {
  readonly rules?: Rules;
  readonly faults: readonly Fault[];
  /** Which of the two events takes the fact from allow to deny. */
  readonly revokedAt: 1 | 2;
  /** The revocation names the kind of fact instead of the fact. */
  readonly byKind?: boolean;
  /** After a failover of the layer, only the register is the replica's. */
  readonly markElsewhere?: boolean;
  readonly pullers?: 1 | 2;
}

type Reader =
  | { readonly step: "idle" | "done" }
  | { readonly step: "missed"; readonly seen: Seen }
  | { readonly step: "read"; readonly seen: Seen; readonly fact: Fact }
  | { readonly step: "based"; readonly gen: number; readonly fact: Fact };

type Seen = Pick<Mark, "gen" | "app" | "incarnation"> | null;

interface Fact {
  readonly value: Answer;
  readonly hi: number;
  readonly incarnation: string;
}

type Puller =
  | { readonly step: "idle" }
  | { readonly step: "pulled"; readonly incarnation: string; readonly from: number; readonly to: number }
  | {
      readonly step: "must rebase";
      readonly seen: Seen;
      readonly incarnation: string;
      readonly head: number;
    };

interface State {
  readonly head: number;
  readonly incarnation: "first" | "second";
  /** Where the second history parted from the first. */
  readonly fork: number;
  readonly layer: Layer;
  readonly replica: Layer;
  readonly gens: number;
  readonly readers: readonly Reader[];
  readonly pullers: readonly Puller[];
  readonly faults: readonly Fault[];
}

const factKind = "access";

export function layerModel(options: LayerOptions): Model<State> {
  const { rules = realRules, revokedAt, byKind = false } = options;
  const mark: Mark = { incarnation: "first", app: 0, gen: 0, floors: {} };
  const initial: State = {
    head: 0,
    incarnation: "first",
    fork: 0,
    layer: { mark, place: null },
    replica: options.faults.includes("failover") ? { mark, place: null } : { mark: null, place: null },
    gens: 1,
    readers: [{ step: "idle" }, { step: "idle" }],
    pullers: Array.from({ length: options.pullers ?? 2 }, () => ({ step: "idle" })),
    faults: options.faults,
  };

  /** In the second history the two events change places, as far as they are not common to both. */
  function revocation(incarnation: string, fork: number): number {
    if (incarnation === "first" || revokedAt <= fork) return revokedAt;
    return 3 - revokedAt > fork ? 3 - revokedAt : Number.POSITIVE_INFINITY;
  }

  function* next(state: State): Iterable<readonly [string, State]> {
    const { head, incarnation, fork, layer, replica, gens } = state;
    if (head < 2) yield [`commit ${head + 1}`, { ...state, head: head + 1 }];
    for (const [index, reader] of state.readers.entries()) {
      for (const [what, step, change] of readerSteps(reader, index)) {
        const readers = state.readers.with(index, step);
        yield [`reader ${index} ${what}`, { ...state, ...change, readers }];
      }
    }
    for (const [index, puller] of state.pullers.entries()) {
      for (const [what, step, change] of pullerSteps(puller)) {
        const pullers = state.pullers.with(index, step);
        // It does not matter which of the two is which.
        pullers.sort((first, second) => orderOf(first) - orderOf(second));
        yield [`puller ${what}`, { ...state, ...change, pullers }];
      }
    }
    if (state.faults.includes("failover")) yield ["replicate", { ...state, replica: layer }];
    for (const [index, fault] of state.faults.entries()) {
      const faults = state.faults.toSpliced(index, 1);
      const empty: Layer = { mark: null, place: null };
      switch (fault) {
        case "evict":
          if (layer.place !== null) yield [fault, { ...state, faults, layer: { ...layer, place: null } }];
          break;
        case "lose the watermark":
          yield [fault, { ...state, faults, layer: { ...layer, mark: null } }];
          break;
        case "flush":
          yield [fault, { ...state, faults, layer: empty, replica: empty }];
          break;
        case "failover": {
          const mark = options.markElsewhere === true ? layer.mark : replica.mark;
          const last = !faults.includes("failover");
          const failedOver: Layer = { mark, place: replica.place };
          yield [fault, { ...state, faults, layer: failedOver, replica: last ? empty : replica }];
          break;
        }
        case "owner failover":
          if (incarnation === "second") break;
          for (let kept = 0; kept <= head; kept++) {
            yield [
              `${fault} to ${kept}`,
              { ...state, faults, incarnation: "second", fork: kept, head: kept },
            ];
          }
      }
    }

    function* readerSteps(reader: Reader, index: number): Iterable<[string, Reader, Partial<State>]> {
      switch (reader.step) {
        case "idle": {
          const { mark, place } = layer;
          const found = mark === null ? null : rules.standing(mark, place, factKind);
          if (found?.kind !== "held") yield ["misses", { step: "missed", seen: sight(mark) }, {}];
          break;
        }
        case "missed": {
          const value = head < revocation(incarnation, fork) ? "allow" : "deny";
          const fact = { value, hi: head, incarnation } as const;
          yield [`reads at ${head}`, { step: "read", seen: reader.seen, fact }, {}];
          break;
        }
        case "read": {
          const { seen, fact } = reader;
          if (mustRebase(seen, fact.incarnation, fact.hi)) {
            const begin = { incarnation: fact.incarnation, head: fact.hi, gen: gens };
            const mark = rules.rebase(layer.mark, begin, seen);
            const step: Reader = mark === null ? { step: "done" } : { step: "based", gen: mark.gen, fact };
            yield ["rebases", step, { layer: { ...layer, mark }, gens: usedBy(mark, gens) }];
          } else yield filled(fact, seen?.gen ?? -1);
          break;
        }
        case "based":
          yield filled(reader.fact, reader.gen);
          break;
        case "done":
          // One of the two comes again, as often as it likes.
          if (index === 0) yield ["is back", { step: "idle" }, {}];
      }
    }

    function filled(fact: Fact, gen: number): [string, Reader, Partial<State>] {
      const offer = { ...fact, factKind, gen, lo: fact.hi };
      const result = rules.fill(layer.mark, layer.place, offer);
      if (typeof result === "string") return [`is refused: ${result}`, { step: "done" }, {}];
      return ["fills", { step: "done" }, { layer: { ...layer, place: result } }];
    }

    function* pullerSteps(puller: Puller): Iterable<[string, Puller, Partial<State>]> {
      const { mark } = layer;
      switch (puller.step) {
        case "idle":
          if (mark === null) break;
          if (mustRebase(mark, incarnation, head)) {
            yield [
              "meets another history",
              { step: "must rebase", seen: sight(mark), incarnation, head },
              {},
            ];
          } else {
            for (let to = mark.app + 1; to <= head; to++) {
              const pulled = { step: "pulled", incarnation, from: mark.app + 1, to } as const;
              yield [`pulls ${pulled.from} to ${to}`, pulled, {}];
            }
          }
          break;
        case "must rebase": {
          const begin = { incarnation: puller.incarnation, head: puller.head, gen: gens };
          const rebased = rules.rebase(mark, begin, puller.seen);
          yield [
            "rebases",
            { step: "idle" },
            { layer: { ...layer, mark: rebased }, gens: usedBy(rebased, gens) },
          ];
          break;
        }
        case "pulled": {
          const { from, to } = puller;
          const position = revocation(puller.incarnation, fork);
          const touched = from <= position && position <= to;
          const kinds: Record<string, number> = touched && byKind ? { [factKind]: position } : {};
          const advanced = rules.advance(mark, { incarnation: puller.incarnation, from, to, kinds });
          if (typeof advanced === "string") {
            yield [`applies ${from} to ${to}: ${advanced}`, { step: "idle" }, {}];
            break;
          }
          const place =
            touched && !byKind ? rules.bury(advanced, layer.place, factKind, position) : layer.place;
          yield [`applies ${from} to ${to}`, { step: "idle" }, { layer: { mark: advanced, place } }];
        }
      }
    }
  }

  function wrong({ layer: { mark, place }, fork }: State): string | null {
    if (mark === null) return null;
    const found = rules.standing(mark, place, factKind);
    if (found?.kind !== "held" || found.value !== "allow") return null;
    const through = goodThrough(mark, found);
    return through >= revocation(mark.incarnation, fork) ? `allow claimed good through ${through}` : null;
  }

  return { initial, next, wrong };
}

function sight(mark: Mark | null): (Sighting<number> & { incarnation: string }) | null {
  return mark === null ? null : { gen: mark.gen, app: mark.app, incarnation: mark.incarnation };
}

function orderOf(puller: Puller): number {
  switch (puller.step) {
    case "idle":
      return 0;
    case "pulled":
      return 1 + puller.from + 4 * puller.to;
    case "must rebase":
      return 100 + puller.head;
  }
}

function usedBy(mark: Mark | null, gens: number): number {
  return mark?.gen === gens ? gens + 1 : gens;
}
