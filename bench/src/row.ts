import type { Round } from "./h2load.ts";
import { median } from "./statistics.ts";

/** One row of the table: ours and what it is held against. */
export interface Row {
  readonly name: string;
  readonly ours: number;
  readonly reference: number;
  readonly unit: string;
  readonly ratio: number;
  /** What the ratio should be. */
  readonly bound: { readonly is: "at least" | "at most"; readonly value: number };
  /** The ratios of the single rounds, which show the noise. */
  readonly ratios: readonly number[];
  /** What else was measured in the same rounds, in words. */
  readonly notes: readonly string[];
}

/** What is compared of the rounds: the median of each, and of the ratios. */
export type Measure = "perSecond" | "p50Ms" | "serverCpuMicros" | "perCpuSecond";

const units: Readonly<Record<Measure, string>> = {
  perSecond: "a second",
  p50Ms: "ms (p50)",
  serverCpuMicros: "us of server CPU",
  perCpuSecond: "a second of server CPU",
};

/** Rounds of ours and of the reference as one row. */
export function rowOf(
  name: string,
  measure: Measure,
  bound: Row["bound"],
  rounds: readonly { readonly ours: Round; readonly reference: Round }[],
): Row {
  const of = (whose: "ours" | "reference", what: keyof Round): number =>
    median(rounds.map((round) => round[whose][what]));
  const notes = (["ours", "reference"] as const).map((whose) => {
    const cpuMicros = of(whose, "serverCpuMicros");
    const cpu = Number.isNaN(cpuMicros) ? "" : `, ${cpuMicros.toFixed(1)} us of the server's CPU each`;
    return (
      `${whose}: ${of(whose, "perSecond").toFixed(0)} a second, p50 ${of(whose, "p50Ms").toFixed(2)} ms, ` +
      `p99 ${of(whose, "p99Ms").toFixed(2)} ms${cpu}`
    );
  });
  const measured = rounds.map(({ ours, reference }) => ({
    ours: ours[measure],
    reference: reference[measure],
  }));
  return compared(name, units[measure], bound, measured, notes);
}

/** What was measured of ours and of the reference, round by round, as one row. */
export function compared(
  name: string,
  unit: string,
  bound: Row["bound"],
  rounds: readonly { readonly ours: number; readonly reference: number }[],
  notes: readonly string[] = [],
): Row {
  const ratios = rounds.map(({ ours, reference }) => ours / reference);
  return {
    name,
    ours: median(rounds.map(({ ours }) => ours)),
    reference: median(rounds.map(({ reference }) => reference)),
    unit,
    ratio: median(ratios),
    bound,
    ratios,
    notes,
  };
}

/** A value that must stay within a limit, held against the limit. */
export function limited(
  name: string,
  value: number,
  limit: number,
  unit: string,
  notes: readonly string[] = [],
): Row {
  return {
    name,
    ours: value,
    reference: limit,
    unit,
    ratio: value / limit,
    bound: { is: "at most", value: 1 },
    ratios: [value / limit],
    notes,
  };
}
