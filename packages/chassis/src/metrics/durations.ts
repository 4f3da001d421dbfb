/** The upper bounds of the classes that durations are counted in, in seconds. A Check out of memory is in the first. */
export const durationBounds: readonly number[] = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5,
];

/** Durations, counted in place. */
export class Durations {
  /** How many fell into each class; the last is of those beyond all bounds. */
  readonly counts = new Float64Array(durationBounds.length + 1);
  sumSeconds = 0;

  add(ms: number): void {
    const seconds = ms / 1000;
    let at = 0;
    while (seconds > (durationBounds[at] ?? Number.POSITIVE_INFINITY)) at++;
    this.counts[at] = (this.counts[at] ?? 0) + 1;
    this.sumSeconds += seconds;
  }
}
