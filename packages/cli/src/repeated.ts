/** An option that may be given several times. */
export function repeated(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

/** The values as one lookup each; undefined: there are none. */
export async function eachOf<T>(
  values: readonly string[] | undefined,
  find: (value: string) => Promise<T>,
): Promise<T[] | undefined> {
  if (values === undefined) return undefined;
  const found: T[] = [];
  for (const value of values) found.push(await find(value));
  return found;
}
