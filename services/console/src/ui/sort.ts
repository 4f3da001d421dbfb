/** By which column a table is sorted, as it stands in the URL: `who`, or `-who` the other way round. */
export interface Sorting {
  readonly by: string;
  readonly descending: boolean;
}

export function parseSorting(text: string | undefined, usual: string): Sorting {
  const wanted = text ?? usual;
  return { by: wanted.replace(/^-/, ""), descending: wanted.startsWith("-") };
}

export function sorted<Row>(
  rows: readonly Row[],
  { by, descending }: Sorting,
  keys: Readonly<Record<string, (row: Row) => string>>,
): readonly Row[] {
  const key = keys[by];
  if (key === undefined) return rows;
  const inOrder = rows.toSorted((one, other) => key(one).localeCompare(key(other), "en"));
  return descending ? inOrder.toReversed() : inOrder;
}
