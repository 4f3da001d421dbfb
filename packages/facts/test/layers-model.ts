// Memory over Redis over an owner, and one fact in all of them: readers fill memory with what they find in Redis, good
// through Redis' watermark, or with what they read from the owner; each layer follows the log by itself.

import {
  advance,
  bury,
  fill,
  goodThrough,
  mustRebase,
  type Register,
  rebase,
  standing,
  type Watermark,
} from "../src/register.ts";
import type { Model } from "./explore.ts";

type Answer = "allow" | "deny";
type Mark = Watermark<number>;

interface Layer {
  readonly mark: Mark | null;
  readonly place: Register<Answer, number> | null;
}

export type LayersFault =
  | "evict from redis"
  | "evict from memory"
  | "flush redis"
  | "redis fails over"
  | "memory restarts";

export interface LayersOptions {
  readonly faults: readonly LayersFault[];
  readonly revokedAt: 1 | 2;
  /** One comes again and again, and what it carries to Redis goes its own way. */
  readonly readers: 1 | 2;
  /** A control: how good memory takes a value to be that it has found in Redis. */
  readonly inherited?: (hi: number, app: number, head: number) => number;
  /** A control: whether memory has registers, which keep out what is older. */
  readonly memoryTakesAll?: boolean;
}

type Reader =
  | { readonly step: "idle" }
  | { readonly step: "missed memory"; readonly gen: number }
  | { readonly step: "missed redis"; readonly gen: number; readonly seen: Seen }
  | { readonly step: "found"; readonly gen: number; readonly value: Answer; readonly hi: number };

type Seen = Pick<Mark, "gen" | "app" | "incarnation"> | null;

interface State {
  readonly head: number;
  readonly redis: Layer;
  readonly replica: Layer;
  readonly memory: Layer;
  readonly gens: number;
  readonly readers: readonly Reader[];
  /** What was read from the owner, on its way into Redis. */
  readonly carried: { readonly seen: Seen; readonly value: Answer; readonly hi: number } | null;
  /** What each layer's puller has read of the log. */
  readonly pulled: { readonly redis: Stretch | null; readonly memory: Stretch | null };
  /** A head that memory asked for, on its way. */
  readonly asked: { readonly head: number; readonly seen: Seen } | null;
  readonly faults: readonly LayersFault[];
}

interface Stretch {
  readonly from: number;
  readonly to: number;
}

const factKind = "access";
const incarnation = "only";
const empty: Layer = { mark: null, place: null };

export function layersModel(options: LayersOptions): Model<State> {
  const { revokedAt, inherited = (hi, app) => Math.max(hi, app), memoryTakesAll = false } = options;
  const initial: State = {
    head: 0,
    redis: { mark: { incarnation, app: 0, gen: 0, floors: {} }, place: null },
    replica: empty,
    memory: empty,
    gens: 1,
    readers: Array.from({ length: options.readers }, () => ({ step: "idle" })),
    carried: null,
    pulled: { redis: null, memory: null },
    asked: null,
    faults: options.faults,
  };

  function* next(state: State): Iterable<readonly [string, State]> {
    const { head, redis, memory, carried, asked, gens } = state;
    if (head < 2) yield [`commit ${head + 1}`, { ...state, head: head + 1 }];
    for (const [index, reader] of state.readers.entries()) {
      for (const [what, step, change] of readerSteps(state, reader)) {
        yield [`reader ${index} ${what}`, { ...state, ...change, readers: state.readers.with(index, step) }];
      }
    }
    if (carried !== null) {
      const [layer, used] = keep(redis, carried, gens);
      yield ["what was read gets to redis", { ...state, carried: null, redis: layer, gens: used }];
      yield ["what was read is lost", { ...state, carried: null }];
    }
    if (asked === null)
      yield ["memory asks for the head", { ...state, asked: { head, seen: sight(memory.mark) } }];
    else yield ["memory hears of the head", { ...state, asked: null, ...begun(memory, asked, gens) }];
    for (const name of ["redis", "memory"] as const) {
      const { mark } = state[name];
      const stretch = state.pulled[name];
      if (stretch !== null) {
        const pulled = { ...state.pulled, [name]: null };
        yield [
          `${name} applies ${stretch.from} to ${stretch.to}`,
          { ...state, pulled, [name]: applied(state[name], stretch) },
        ];
      } else if (mark !== null && mark.app < head) {
        for (let to = mark.app + 1; to <= head; to++) {
          const pulled = { ...state.pulled, [name]: { from: mark.app + 1, to } };
          yield [`${name} pulls ${mark.app + 1} to ${to}`, { ...state, pulled }];
        }
      }
    }
    yield* faultSteps(state);
  }

  function* readerSteps(state: State, reader: Reader): Iterable<[string, Reader, Partial<State>]> {
    const { head, redis, memory } = state;
    switch (reader.step) {
      case "idle":
        if (memory.mark !== null && held(memory) === null) {
          yield ["misses memory", { step: "missed memory", gen: memory.mark.gen }, {}];
        }
        break;
      case "missed memory": {
        const found = held(redis);
        const { gen } = reader;
        if (found === null || redis.mark === null) {
          yield ["misses redis", { step: "missed redis", gen, seen: sight(redis.mark) }, {}];
        } else {
          const hi = inherited(found.hi, redis.mark.app, head);
          yield [`finds in redis, good to ${hi}`, { step: "found", gen, value: found.value, hi }, {}];
        }
        break;
      }
      case "missed redis": {
        const value = head < revokedAt ? "allow" : "deny";
        const found: Reader = { step: "found", gen: reader.gen, value, hi: head };
        yield [`reads at ${head}`, found, { carried: { seen: reader.seen, value, hi: head } }];
        break;
      }
      case "found": {
        const { gen, value, hi } = reader;
        const place = memoryTakesAll ? null : memory.place;
        const mark = memoryTakesAll && memory.mark !== null ? { ...memory.mark, app: 0 } : memory.mark;
        const result = fill(mark, place, { factKind, incarnation, gen, lo: hi, hi, value });
        const filled = typeof result === "string" ? memory : { ...memory, place: result };
        yield [
          typeof result === "string" ? `is refused: ${result}` : "fills memory",
          { step: "idle" },
          { memory: filled },
        ];
      }
    }
  }

  function* faultSteps(state: State): Iterable<readonly [string, State]> {
    const { redis, memory, replica } = state;
    if (state.faults.includes("redis fails over")) yield ["redis replicates", { ...state, replica: redis }];
    for (const [index, fault] of state.faults.entries()) {
      const faults = state.faults.toSpliced(index, 1);
      switch (fault) {
        case "evict from redis":
          yield [fault, { ...state, faults, redis: { ...redis, place: null } }];
          break;
        case "evict from memory":
          yield [fault, { ...state, faults, memory: { ...memory, place: null } }];
          break;
        case "flush redis":
          yield [fault, { ...state, faults, redis: empty, replica: empty }];
          break;
        case "redis fails over":
          yield [fault, { ...state, faults, redis: replica, replica: empty }];
          break;
        case "memory restarts":
          yield [fault, { ...state, faults, memory: empty }];
      }
    }
  }

  function applied(layer: Layer, { from, to }: Stretch): Layer {
    const mark = advance(layer.mark, { incarnation, from, to, kinds: {} });
    if (typeof mark === "string") return layer;
    const isTouched = from <= revokedAt && revokedAt <= to && revokedAt > (layer.mark?.app ?? 0);
    return { mark, place: isTouched ? bury(mark, layer.place, factKind, revokedAt) : layer.place };
  }

  function wrong({ memory, redis }: State): string | null {
    for (const [name, layer] of [["memory", memory] as const, ["redis", redis] as const]) {
      const found = held(layer);
      if (found === null || layer.mark === null || found.value === "deny") continue;
      const through = goodThrough(layer.mark, found);
      if (through >= revokedAt) return `${name} claims allow good through ${through}`;
    }
    return null;
  }

  return { initial, next, wrong };
}

function held({ mark, place }: Layer) {
  const found = mark === null ? null : standing(mark, place, factKind);
  return found?.kind === "held" ? found : null;
}

/** What in-redis does with a fact that it has read from farther away. */
function keep(
  redis: Layer,
  { seen, value, hi }: NonNullable<State["carried"]>,
  gens: number,
): [Layer, number] {
  const isBegun = mustRebase(seen, incarnation, hi);
  const mark = isBegun ? rebase(redis.mark, { incarnation, head: hi, gen: gens }, seen) : redis.mark;
  const gen = isBegun ? mark?.gen : seen?.gen;
  const result = fill(mark, redis.place, { factKind, incarnation, gen: gen ?? -1, lo: hi, hi, value });
  const place = typeof result === "string" ? redis.place : result;
  return [{ mark, place }, mark?.gen === gens ? gens + 1 : gens];
}

/** What a follow does with a head that was confirmed. */
function begun(
  memory: Layer,
  { head, seen }: NonNullable<State["asked"]>,
  gens: number,
): Pick<State, "memory" | "gens"> {
  if (!mustRebase(seen, incarnation, head)) return { memory, gens };
  const mark = rebase(memory.mark, { incarnation, head, gen: gens }, seen);
  return { memory: { ...memory, mark }, gens: mark?.gen === gens ? gens + 1 : gens };
}

function sight(mark: Mark | null): Seen {
  return mark === null ? null : { gen: mark.gen, app: mark.app, incarnation: mark.incarnation };
}
