import type { Fault } from "@portcullis/chassis/fault";
import { factKeyText } from "./fact-key.ts";
import type { FactRequest, FactSource, LoadedFact } from "./source.ts";

type Result = LoadedFact | Fault;

interface Flight {
  readonly request: FactRequest;
  readonly result: Promise<Result>;
  readonly land: (result: Result) => void;
  readonly crash: (error: unknown) => void;
}

/**
 * Misses for the same fact become one load, and misses of one tick are loaded together. Flights belong to nobody: the
 * one who started it may go away. Nobody joins a flight that began too early for what it asks, and who joined one that
 * failed tries once more.
 */
export function joined(farther: FactSource): FactSource {
  const flights = new Map<string, Flight>();
  let waiting: Flight[] = [];

  function take(request: FactRequest): { flight: Flight; isMine: boolean } {
    const name = request.key.org + factKeyText(request.key);
    const known = flights.get(name);
    if (known !== undefined && serves(known, request)) return { flight: known, isMine: false };
    const { promise: result, resolve: land, reject: crash } = Promise.withResolvers<Result>();
    const flight = { request, result, land, crash };
    flights.set(name, flight);
    const leave = () => {
      if (flights.get(name) === flight) flights.delete(name);
    };
    result.then(leave, leave);
    if (waiting.length === 0) setImmediate(() => void start());
    waiting.push(flight);
    return { flight, isMine: true };
  }

  async function start(): Promise<void> {
    const batch = waiting;
    waiting = [];
    try {
      const results = await farther.load(batch.map(({ request }) => request));
      for (const [index, flight] of batch.entries()) {
        const result = results[index];
        if (result === undefined) flight.crash(new Error("a source left a request without an answer"));
        else flight.land(result);
      }
    } catch (error) {
      for (const { crash } of batch) crash(error);
    }
  }

  async function loadOne(request: FactRequest): Promise<Result> {
    const { flight, isMine } = take(request);
    const result = await flight.result;
    return isMine || !(result instanceof Error) ? result : take(request).flight.result;
  }

  return { load: (requests) => Promise.all(requests.map(loadOne)) };
}

/** What a flight brings holds at the position of its request, at least. */
function serves(flight: Flight, { incarnation, notBefore }: FactRequest): boolean {
  return flight.request.incarnation === incarnation && flight.request.notBefore >= notBefore;
}
