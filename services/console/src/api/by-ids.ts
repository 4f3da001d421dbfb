import { get } from "./http.ts";

/** More would not fit into an address. */
const idsPerRequest = 100;

/** All objects of a list that have these ids; what is gone, or not to be seen, is left out. */
export async function getByIds<Shown>(
  path: string,
  ids: readonly string[],
  signal: AbortSignal,
): Promise<readonly Shown[]> {
  const found: Shown[] = [];
  for (let from = 0; from < ids.length; from += idsPerRequest) {
    const query = { ids: ids.slice(from, from + idsPerRequest) };
    found.push(...(await get<{ objects: readonly Shown[] }>(path, { query, signal })).objects);
  }
  return found;
}
