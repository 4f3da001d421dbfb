import type { Fault } from "@portcullis/chassis/fault";
import type { OrgId } from "@portcullis/policy";
import { Places } from "./places.ts";
import type { FactRequest, FactSource, LoadedFact } from "./source.ts";

type Result = LoadedFact | Fault;

/** One fact on its way. */
interface Flight {
  readonly request: FactRequest;
  readonly batch: Batch;
  result: Result | undefined;
}

/** Flights that go together. */
interface Batch {
  readonly flights: Flight[];
  readonly byOrg: Map<OrgId, Places<Flight>>;
  /** Never rejected: `crash` tells. */
  readonly landed: Promise<void>;
  crash: Error | null;
}

/**
 * Misses for the same fact become one load, and misses of one tick are loaded together. Flights belong to nobody: the
 * one who started it may go away. Nobody joins a flight that began too early for what it asks, and who joined one that
 * failed tries once more.
 */
export function joined(farther: FactSource): FactSource {
  const inTheAir = new Set<Batch>();
  let waiting: Batch | null = null;

  function take(request: FactRequest): Flight {
    const { key } = request;
    for (const { byOrg } of inTheAir) {
      const known = byOrg.get(key.org)?.get(key);
      if (known !== undefined && serves(known, request)) return known;
    }
    waiting ??= begin();
    const flight: Flight = { request, batch: waiting, result: undefined };
    waiting.flights.push(flight);
    const ofOrg = waiting.byOrg.get(key.org) ?? new Places<Flight>();
    waiting.byOrg.set(key.org, ofOrg);
    ofOrg.put(key, flight);
    return flight;
  }

  function begin(): Batch {
    const { promise: landed, resolve: land } = Promise.withResolvers<void>();
    const batch: Batch = { flights: [], byOrg: new Map(), landed, crash: null };
    inTheAir.add(batch);
    setImmediate(() => {
      waiting = null;
      void start(batch).then(land);
    });
    return batch;
  }

  async function start(batch: Batch): Promise<void> {
    try {
      const results = await farther.load(batch.flights.map(({ request }) => request));
      for (const [index, flight] of batch.flights.entries()) flight.result = results[index];
    } catch (thrown) {
      batch.crash = thrown instanceof Error ? thrown : new Error("a source broke", { cause: thrown });
    }
    inTheAir.delete(batch);
  }

  return {
    async load(requests) {
      const flights = requests.map(take);
      await landed(flights);
      if (!requests.some((request, index) => isForeignFailure(flights[index], request))) {
        return flights.map(resultOf);
      }
      const again = requests.map((request, index) => {
        const flight = flights[index];
        return flight === undefined || isForeignFailure(flight, request) ? take(request) : flight;
      });
      await landed(again);
      return again.map(resultOf);
    },
  };
}

/** Mostly they go together. */
function landed(flights: readonly Flight[]): Promise<unknown> {
  const landings = new Set<Promise<void>>();
  for (const { batch } of flights) landings.add(batch.landed);
  const [only] = landings;
  return landings.size === 1 && only !== undefined ? only : Promise.all(landings);
}

/** What a flight brings holds at the position of its request, at least. */
function serves(flight: Flight, { incarnation, notBefore }: FactRequest): boolean {
  return flight.request.incarnation === incarnation && flight.request.notBefore >= notBefore;
}

/** Whether somebody else's flight failed. */
function isForeignFailure(flight: Flight | undefined, request: FactRequest | undefined): boolean {
  return flight?.result instanceof Error && flight.request !== request;
}

function resultOf({ batch, result }: Flight): Result {
  if (batch.crash !== null) throw batch.crash;
  if (result === undefined) throw new Error("a source left a request without an answer");
  return result;
}
