import { describe, expect, test } from "vitest";
import { listNothing, listReadable } from "./listing.ts";
import type { PageQuery } from "./wire.ts";

// An owner with 5,000 objects, newest first, and a caller that may read some of them.

const all = Array.from({ length: 5000 }, (_value, index) => ({ id: `o${index}` }));
const indexOf = (id: string) => Number(id.slice(1));

function list(query: PageQuery, mayRead: (index: number) => boolean) {
  const asked: number[] = [];
  const listed = listReadable({
    query,
    async load({ limit = 10_000, startingAfter, endingBefore }) {
      asked.push(limit);
      if (endingBefore !== "") {
        const end = indexOf(endingBefore);
        return all.slice(Math.max(0, end - limit), end);
      }
      const start = startingAfter === "" ? 0 : indexOf(startingAfter) + 1;
      return all.slice(start, start + limit);
    },
    readable: async (items) => items.filter((item) => mayRead(indexOf(item.id))),
    isCursorReadable: async (id) => mayRead(indexOf(id)),
  });
  return { asked, ids: listed.then((items) => items.map((item) => indexOf(item.id))) };
}

const every = (step: number) => (index: number) => index % step === 0;
const readable = (step: number) => all.map((_item, index) => index).filter(every(step));

describe("a list of what may be read", () => {
  test("without a limit is all of it", async () => {
    expect(await list({}, every(7)).ids).toEqual(readable(7));
  });

  test("is filled up to its limit, however few may be read", async () => {
    expect(await list({ limit: 3 }, every(999)).ids).toEqual([0, 999, 1998]);
    expect(await list({ limit: 3, starting_after: "o999" }, every(999)).ids).toEqual([1998, 2997, 3996]);
    expect(await list({ limit: 2, ending_before: "o3996" }, every(999)).ids).toEqual([1998, 2997]);
  });

  test("asks for no more than it needs when all of it may be read", async () => {
    const { asked, ids } = list({ limit: 10 }, () => true);
    expect(await ids).toHaveLength(10);
    expect(asked).toEqual([10]);
  });

  test.each([1, 2, 3, 999, 1000, 1001])(
    "read in pages of %i in either direction is the whole",
    async (limit) => {
      const wanted = readable(3).slice(-2500);
      const forwards: number[] = [];
      for (let cursor: string | undefined; ; ) {
        const page = await list({ limit, starting_after: cursor }, every(3)).ids;
        if (page.length === 0) break;
        forwards.push(...page);
        cursor = `o${page.at(-1)}`;
        if (limit < 10 && forwards.length > 100) break;
      }
      expect(forwards).toEqual(wanted.slice(0, forwards.length));
      const backwards: number[] = [];
      for (let cursor = "o4998"; ; ) {
        const page = await list({ limit, ending_before: cursor }, every(3)).ids;
        if (page.length === 0) break;
        backwards.unshift(...page);
        cursor = `o${page[0]}`;
        if (limit < 10 && backwards.length > 100) break;
      }
      expect(backwards).toEqual(wanted.slice(0, -1).slice(-backwards.length));
    },
  );

  test("of none still judges the cursor", async () => {
    expect(await list({ limit: 0 }, () => true).ids).toEqual([]);
    await expect(list({ limit: 0, starting_after: "o1" }, every(2)).ids).rejects.toThrow(
      "starting_after: is no object of this list",
    );
  });

  test("knows no cursor that may not be read, and no two of them", async () => {
    await expect(list({ ending_before: "o1" }, every(2)).ids).rejects.toThrow("ending_before: is no object");
    await expect(list({ starting_after: "o2", ending_before: "o2" }, every(2)).ids).rejects.toThrow(
      "together",
    );
    expect(() => listNothing({ starting_after: "o2" })).toThrow("starting_after: is no object");
    expect(listNothing({ limit: 3 })).toEqual([]);
  });
});
