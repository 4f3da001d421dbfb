import { randomUUID } from "node:crypto";
import type { Fault } from "@portcullis/chassis/fault";
import type { Log } from "@portcullis/chassis/log";
import { within } from "@portcullis/chassis/within";
import { factOwners } from "@portcullis/policy";
import { ConsecutiveBreaker, circuitBreaker, handleAll } from "cockatiel";
import type { FollowInRedis } from "./follow-in-redis.ts";
import { factReads } from "./metrics.ts";
import type { Mark, RedisSlots, SlotReading, Standing } from "./redis-slots.ts";
import { mustRebase } from "./register.ts";
import type { FactRequest, FactSource, LoadedFact } from "./source.ts";

export interface InRedisOptions {
  readonly slots: RedisSlots;
  /** Brings a slot up to date when it is found behind. */
  readonly follow: FollowInRedis;
  readonly log: Log;
  /** No question waits for Redis longer than this. */
  readonly limitMs?: number;
}

/** What is kept for others may take its time, and nobody who is waited for waits behind it. */
const keepAfterMs = 10;
const keepLimitMs = 250;
/** After so many failures in a row Redis is left alone, and tried again after a while. */
const failuresMax = 5;
const restMs = 1000;

/** Facts that this or another process has read before. Without Redis every read is a miss. */
export function inRedis(farther: FactSource, options: InRedisOptions): FactSource {
  const { slots, follow, log, limitMs = 20 } = options;
  const breaker = circuitBreaker(handleAll, {
    halfOpenAfter: restMs,
    breaker: new ConsecutiveBreaker(failuresMax),
  });
  breaker.onBreak(() => log.warn({}, "redis fails or is slow; owners are asked instead"));
  breaker.onReset(() => log.info({}, "redis works again"));

  /** Null: Redis did not answer in time. */
  async function attempt<T>(withinMs: number, work: () => Promise<T>): Promise<T | null> {
    try {
      return await breaker.execute(() => within(withinMs, work(), tooSlow));
    } catch {
      return null; // the breaker tells
    }
  }

  /** Reads registers of one organisation. */
  async function lookUp(lookups: readonly Lookup[]): Promise<void> {
    const keys = lookups.map(({ request }) => request.key);
    const org = keys[0]?.org;
    const readings = org === undefined ? null : await attempt(limitMs, () => slots.read(org, keys));
    // Many facts may lead to the same one.
    const next = new Map<Standing, LoadedFact>();
    for (const [index, lookup] of lookups.entries()) {
      lookup.reading = readings?.[index] ?? null;
      lookup.result = usable(lookup, next);
      if (readings === null) factReads.redis.failed++;
      else if (lookup.result === null) factReads.redis.miss++;
      else factReads.redis.hit++;
      if (isBehind(lookup)) follow.nudge(lookup.request.key, lookup.request.notBefore);
    }
  }

  /** Misses that were read from farther away, and are not kept yet. */
  let unkept: Lookup[] = [];

  function keepSoon(misses: readonly Lookup[]): void {
    const seen = misses.filter(({ reading }) => reading !== null);
    if (seen.length === 0) return;
    if (unkept.length === 0) setTimeout(keepAll, keepAfterMs).unref();
    unkept.push(...seen);
  }

  function keepAll(): void {
    const misses = unkept;
    unkept = [];
    for (const group of Map.groupBy(misses, sightingOf).values()) void keep(group);
  }

  /** Keeps facts of one organisation and owner, before whose reading the same mark was seen. */
  async function keep(misses: readonly Lookup[]): Promise<void> {
    const loaded = misses.flatMap(({ request, result }) =>
      result === null || result instanceof Error || !isWorthKeeping(request, result) ? [] : result,
    );
    const [first] = loaded;
    const seen = misses[0]?.reading;
    if (first === undefined || seen === undefined || seen === null) return;
    const { incarnation, key } = first;
    // An owner may have begun another history between two of its answers.
    const facts = loaded.filter((fact) => fact.incarnation === incarnation);
    const head = Math.max(...facts.map(({ hi }) => hi));
    let mark: Mark | null = seen.mark;
    if (mustRebase(mark, incarnation, head)) {
      const begin = { incarnation, head, gen: randomUUID() };
      mark = await attempt(keepLimitMs, () => slots.rebase(key.org, factOwners[key.kind], begin, seen.mark));
    }
    if (mark === null) return;
    const { gen } = mark;
    await attempt(keepLimitMs, () => slots.keep(facts, { incarnation, gen }));
  }

  return {
    async load(requests) {
      const lookups = requests.map((request): Lookup => ({ request, reading: null, result: null }));
      const byOrg = Map.groupBy(lookups, ({ request }) => request.key.org);
      await Promise.all(Array.from(byOrg.values(), lookUp));

      const misses = lookups.filter(({ result }) => result === null);
      const loaded = misses.length === 0 ? [] : await farther.load(misses.map(({ request }) => request));
      for (const [index, miss] of misses.entries()) miss.result = loaded[index] ?? null;
      keepSoon(misses);

      return lookups.map(({ result }) => {
        if (result === null) throw new Error("a source left a request without an answer");
        return result;
      });
    },
  };
}

function tooSlow(): Error {
  return new Error("redis is slow");
}

interface Lookup {
  readonly request: FactRequest;
  reading: SlotReading | null;
  result: LoadedFact | Fault | null;
}

/** The fact, as it is known to hold through the slot's watermark, if that is far enough. */
function usable({ request, reading }: Lookup, known: Map<Standing, LoadedFact>): LoadedFact | null {
  if (reading === null || reading.mark === null || reading.held === null) return null;
  const { mark, held, next } = reading;
  const fact = standingFact({ mark, held });
  if (fact.incarnation !== request.incarnation || fact.hi < request.notBefore) return null;
  if (next === null) return fact;
  const following = known.get(next) ?? standingFact(next);
  known.set(next, following);
  return { ...fact, next: following };
}

function standingFact({ mark, held }: Standing): LoadedFact {
  return { ...held, hi: Math.max(held.hi, mark.app), incarnation: mark.incarnation, layer: "redis" };
}

function isBehind({ request, reading }: Lookup): boolean {
  const mark = reading?.mark ?? null;
  return mark !== null && mark.incarnation === request.incarnation && mark.app < request.notBefore;
}

/** Strangers can make up organisations and credentials without end; what is not there must not fill Redis. */
function isWorthKeeping({ isAhead }: FactRequest, { key, hi, value }: LoadedFact): boolean {
  return hi > 0 && !(value === null && (isAhead || key.kind === "credential"));
}

/** The slot, and what mark was seen in it. */
function sightingOf({ request: { key }, reading }: Lookup): string {
  const { incarnation, app, gen } = reading?.mark ?? {};
  return [key.org, factOwners[key.kind], incarnation, app, gen].join(" ");
}
