// Unary Check as production runs it (a service token to verify, deadlines, default logs) against a bare grpc-js server that
// echoes messages of the same sizes, under the same load.

import { compare } from "./compare.ts";
import { type RunningDecision, startDecision } from "./decision.ts";
import { startEcho } from "./echo.ts";
import type { Load, Target } from "./h2load.ts";
import { type Measure, type Row, rowOf } from "./row.ts";

const rounds = 7;
const many = { calls: 20_000, connections: 4, atOnce: 8 };
const one = { calls: 4000, connections: 1, atOnce: 1 };

type Tell = (line: string) => void;

/** Every fact in memory: throughput. */
export const checkMemory = besideEcho("check-memory", "perSecond", { is: "at least", value: 0.85 });

/** Every fact in memory: how long the only caller waits. */
export const checkMemoryLatency = besideEcho(
  "check-memory-latency",
  "p50Ms",
  { is: "at most", value: 1.25 },
  { load: one },
);

/** No fact in memory, where there is room for one id, all in Redis: throughput. */
export const checkRedis = besideEcho(
  "check-redis",
  "perSecond",
  { is: "at least", value: 0.5 },
  { environment: { PORTCULLIS_MEMORY_IDS: "1" } },
);

/** Fifty questions in a call, against the echo of one. */
export const batch = besideEcho(
  "batch",
  "perSecond",
  { is: "at least", value: 10 },
  { oursOf: (decision) => ({ target: decision.batch(50), load: { ...many, calls: 4000 } }) },
);

interface Differing {
  readonly load?: Load;
  /** Of all services. */
  readonly environment?: Readonly<Record<string, string>>;
  /** What is asked of ours, when it is not the same Check under the same load. */
  readonly oursOf?: (decision: RunningDecision) => { readonly target: Target; readonly load: Load };
}

function besideEcho(name: string, measure: Measure, bound: Row["bound"], differing: Differing = {}) {
  const { load = many, environment, oursOf = ({ check }) => ({ target: check, load }) } = differing;
  return async (tell: Tell): Promise<Row[]> => {
    await using decision = await startDecision(tell, environment);
    await using echo = await startEcho(decision.check);
    const done = await compare(oursOf(decision), { target: echo, load }, { rounds, tell });
    return [rowOf(name, measure, bound, done)];
  };
}
