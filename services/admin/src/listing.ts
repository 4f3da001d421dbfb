// Lists of what the caller may read: the owner's candidates, page by page, until enough of them may be shown.

import { invalid } from "@portcullis/chassis/fault";
import type { Page } from "@portcullis/proto/listing/v1/listing";
import { pageMax } from "./input.ts";
import { type PageQuery, pageToWire } from "./wire.ts";

const candidatesMax = 1000;
const notOfList = "is no object of this list";

interface Options<Item extends { readonly id: string }> {
  readonly query: PageQuery;
  /** One page of the owner's list. */
  readonly load: (page: Page) => Promise<readonly Item[]>;
  /** Those that the caller may read, in the same order. */
  readonly readable: (items: readonly Item[]) => Promise<readonly Item[]>;
  /** Whether the caller may read the object that a cursor names. */
  readonly isCursorReadable: (id: string) => Promise<boolean>;
}

/** At most `limit` readable objects, newest first, from the cursor on or up to it. */
export async function listReadable<Item extends { readonly id: string }>(
  options: Options<Item>,
): Promise<readonly Item[]> {
  const asked = pageToWire(options.query);
  const cursor = asked.startingAfter || asked.endingBefore;
  const backwards = asked.endingBefore !== "";
  if (cursor !== "" && !(await options.isCursorReadable(cursor))) {
    throw invalid(backwards ? "ending_before" : "starting_after", notOfList);
  }
  const wanted = asked.limit ?? pageMax;
  let shown: readonly Item[] = [];
  let from = cursor;
  for (;;) {
    // What was asked for is enough when all of it is readable. A limit of none still lets the owner judge the cursor.
    const limit = from === cursor ? Math.min(wanted, candidatesMax) : candidatesMax;
    const candidates = await options.load({
      limit,
      startingAfter: backwards ? "" : from,
      endingBefore: backwards ? from : "",
    });
    const readable = await options.readable(candidates);
    shown = backwards ? [...readable, ...shown] : [...shown, ...readable];
    const last = backwards ? candidates[0] : candidates.at(-1);
    if (shown.length >= wanted || candidates.length < limit || last === undefined) break;
    from = last.id;
  }
  return backwards ? shown.slice(Math.max(0, shown.length - wanted)) : shown.slice(0, wanted);
}

/** The list of somebody who may see none of it. */
export function listNothing(query: PageQuery): [] {
  const page = pageToWire(query);
  if (page.startingAfter !== "" || page.endingBefore !== "") {
    throw invalid(page.startingAfter === "" ? "ending_before" : "starting_after", notOfList);
  }
  return [];
}
