// Lists of the facade, page by page until the end.

import { z } from "zod";
import type { Progress } from "./progress.ts";
import type { Query, Rest } from "./rest.ts";

const pageSize = 1000;

/** All of a list of the public API, newest first. */
export async function allObjects<Item extends { readonly id: string }>(
  rest: Rest,
  item: z.ZodType<Item>,
  path: string,
  options: { readonly query?: Query; readonly progress?: Progress } = {},
): Promise<Item[]> {
  const page = z.object({ objects: z.array(item) });
  return allBehind(async (cursor) => {
    const query = { ...options.query, limit: pageSize, starting_after: cursor };
    const { objects } = await rest.get(page, path, query);
    options.progress?.expect(objects.length);
    options.progress?.advance(objects.length);
    return objects;
  });
}

/** The same where the answer is a bare list. */
export function allBare<Item extends { readonly id: string }>(
  rest: Rest,
  item: z.ZodType<Item>,
  path: string,
  options: { readonly query?: Query; readonly progress?: Progress } = {},
): Promise<Item[]> {
  const page = z.array(item);
  return allBehind(async (cursor) => {
    const found = await rest.get(page, path, { ...options.query, limit: pageSize, starting_after: cursor });
    options.progress?.expect(found.length);
    options.progress?.advance(found.length);
    return found;
  });
}

async function allBehind<Item extends { readonly id: string }>(
  pageBehind: (cursor: string | undefined) => Promise<readonly Item[]>,
): Promise<Item[]> {
  const all: Item[] = [];
  for (;;) {
    const page = await pageBehind(all.at(-1)?.id);
    all.push(...page);
    if (page.length < pageSize) return all;
  }
}

/** All of a list that ends with a cursor. */
export async function allPages<Item>(
  pageAt: (
    cursor: string | undefined,
  ) => Promise<{ readonly items: readonly Item[]; readonly cursor: string | null }>,
): Promise<Item[]> {
  const all: Item[] = [];
  let cursor: string | undefined;
  for (;;) {
    const page = await pageAt(cursor);
    all.push(...page.items);
    if (page.cursor === null) return all;
    cursor = page.cursor;
  }
}

const idsAtOnce = 100;

/** Those of these ids that are there and may be seen. */
export async function objectsById<Item extends { readonly id: string }>(
  rest: Rest,
  item: z.ZodType<Item>,
  path: string,
  ids: Iterable<string>,
): Promise<Item[]> {
  const page = z.object({ objects: z.array(item) });
  const wanted = [...new Set(ids)];
  const found: Item[] = [];
  for (let from = 0; from < wanted.length; from += idsAtOnce) {
    const { objects } = await rest.get(page, path, { ids: wanted.slice(from, from + idsAtOnce) });
    found.push(...objects);
  }
  return found;
}
