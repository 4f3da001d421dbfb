// Unary Check as production runs it (a service token to verify, deadlines, default logs) against a bare grpc-js server that
// echoes messages of the same sizes, under the same load.

import { compare } from "./compare.ts";
import { startDecision } from "./decision.ts";
import { startEcho } from "./echo.ts";
import { type Row, rowOf } from "./row.ts";

const rounds = 7;
const many = { calls: 20_000, connections: 4, atOnce: 8 };
const one = { calls: 4000, connections: 1, atOnce: 1 };

/** Every fact in memory: throughput. */
export async function checkMemory(tell: (line: string) => void): Promise<Row[]> {
  await using decision = await startDecision(tell);
  await using echo = await startEcho(decision.check);
  const ours = { target: decision.check, load: many };
  const done = await compare(ours, { target: echo, load: many }, { rounds, tell });
  return [rowOf("check-memory", "perSecond", { is: "at least", value: 0.85 }, done)];
}

/** Every fact in memory: how long the only caller waits. */
export async function checkMemoryLatency(tell: (line: string) => void): Promise<Row[]> {
  await using decision = await startDecision(tell);
  await using echo = await startEcho(decision.check);
  const ours = { target: decision.check, load: one };
  const done = await compare(ours, { target: echo, load: one }, { rounds, tell });
  return [rowOf("check-memory-latency", "p50Ms", { is: "at most", value: 1.25 }, done)];
}

/** No fact in memory, where there is room for one id, all in Redis: throughput. */
export async function checkRedis(tell: (line: string) => void): Promise<Row[]> {
  await using decision = await startDecision(tell, { PORTCULLIS_MEMORY_IDS: "1" });
  await using echo = await startEcho(decision.check);
  const ours = { target: decision.check, load: many };
  const done = await compare(ours, { target: echo, load: many }, { rounds, tell });
  return [rowOf("check-redis", "perSecond", { is: "at least", value: 0.5 }, done)];
}

/** Fifty questions in a call, against the echo of one. */
export async function batch(tell: (line: string) => void): Promise<Row[]> {
  await using decision = await startDecision(tell);
  await using echo = await startEcho(decision.check);
  const ours = { target: decision.batch(50), load: { ...many, calls: 4000 } };
  const done = await compare(ours, { target: echo, load: many }, { rounds, tell });
  return [rowOf("batch", "perSecond", { is: "at least", value: 10 }, done)];
}
