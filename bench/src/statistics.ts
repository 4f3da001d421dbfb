export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

/** The value that this share of all values, 0 to 1, does not exceed; between two of them where it falls between. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (sorted.length - 1) * share;
  const below = sorted[Math.floor(at)] ?? NaN;
  const above = sorted[Math.ceil(at)] ?? NaN;
  return below + (above - below) * (at - Math.floor(at));
}
