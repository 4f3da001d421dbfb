import { load, type Round, type Target } from "./load.ts";

export interface Comparison {
  readonly ours: Round;
  readonly reference: Round;
  /** Throughput of ours over that of the reference. */
  readonly ratio: number;
  /** The ratios of the single rounds, which show the noise. */
  readonly ratios: readonly number[];
}

export interface ComparisonOptions {
  readonly rounds: number;
  readonly callsPerRound: number;
  readonly concurrency: number;
  readonly tell: (line: string) => void;
}

/** Runs both in turns (A B A B ...) in the same run, after a warm-up of each. The result is the median of the rounds. */
export async function compare(
  ours: Target,
  reference: Target,
  options: ComparisonOptions,
): Promise<Comparison> {
  const { rounds, callsPerRound, concurrency, tell } = options;
  for (const target of [ours, reference]) await load(target, callsPerRound, concurrency);
  const oursRounds: Round[] = [];
  const referenceRounds: Round[] = [];
  for (let round = 0; round < rounds; round++) {
    // Who goes first changes, so that neither always follows the other.
    const order = round % 2 === 0 ? [ours, reference] : [reference, ours];
    for (const target of order) {
      (target === ours ? oursRounds : referenceRounds).push(await load(target, callsPerRound, concurrency));
    }
    tell(`round ${round + 1} of ${rounds}`);
  }
  const ratios = oursRounds.map(
    (round, index) => round.callsPerSecond / (referenceRounds[index]?.callsPerSecond ?? NaN),
  );
  return { ours: median(oursRounds), reference: median(referenceRounds), ratio: middle(ratios), ratios };
}

function median(rounds: readonly Round[]): Round {
  const cpu = rounds.flatMap((round) => (round.serverCpuMicros === null ? [] : [round.serverCpuMicros]));
  return {
    callsPerSecond: middle(rounds.map((round) => round.callsPerSecond)),
    p50Ms: middle(rounds.map((round) => round.p50Ms)),
    p99Ms: middle(rounds.map((round) => round.p99Ms)),
    serverCpuMicros: cpu.length === rounds.length ? middle(cpu) : null,
  };
}

function middle(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1
    ? (sorted[half] ?? NaN)
    : ((sorted[half - 1] ?? NaN) + (sorted[half] ?? NaN)) / 2;
}
