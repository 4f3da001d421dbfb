// What stands in the URL is what anybody may have typed there: each page reads it through these.

type Search = Readonly<Record<string, unknown>>;

/** A text; absent when it is empty or no text. */
export function text(search: Search, name: string): string | undefined {
  const value = search[name];
  if (typeof value === "string" && value !== "") return value;
  // The router reads `q=42` as a number.
  return typeof value === "number" ? String(value) : undefined;
}

/** One of these words. */
export function oneOf<Word extends string>(
  search: Search,
  name: string,
  words: readonly Word[],
): Word | undefined {
  return words.find((word) => word === search[name]);
}

/** Whether a dialog that needs no subject is open. */
export function flag(search: Search, name: string): true | undefined {
  return search[name] === true ? true : undefined;
}

/** Search parameters without those that say nothing, so that URLs stay short. */
export function given<T extends object>(search: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(search).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> };
}
